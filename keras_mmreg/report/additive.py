"""The closest additive model, which has no interaction of modalities."""

from typing import Any

import numpy as np

from keras_mmreg.report.interventions import Window
from keras_mmreg.report.plan import Plan
from keras_mmreg.report.task import Task


class AdditiveProjection:
    """Projects the model's outputs on the closest additive function.

    The function is `sum_m E f(x_m, others) - (M - 1) E f`, with means over the
    values that the other modalities may take.

    Args:
        plan: The plan, whose `additive` runs are averaged.

    References:
        - [Hessel and Lee, 2020](https://arxiv.org/abs/2010.06572)
    """

    def __init__(self, plan: Plan) -> None:
        self._numbers = [n for draw in plan.additive for n in draw]
        self._num_draws = max(len(plan.additive), 1)
        self._count = len(plan.additive[0]) if plan.additive else 0
        self._batches: list[Any] = []
        self._left = 0

    def add(self, number: int, scores: np.ndarray) -> None:
        """Adds a batch's scores `(batch, ..., classes)` in a run."""
        times = self._numbers.count(number) if self._numbers else 0
        if not times:
            return
        if not self._left:
            self._batches.append(0.0)
            self._left = len(self._numbers)
        self._batches[-1] = self._batches[-1] + times * scores
        self._left -= times

    def result(self, window: Window, task: Task) -> np.ndarray:
        """Returns the predictions for each example in the window."""
        total = np.concatenate(self._batches) / self._num_draws
        # The mean over the references, so that additive functions are exact.
        places = [window.reference(n) for n in range(self._num_draws)]
        mean = total[places].mean(axis=0, keepdims=True) / self._count
        return _predictions(task, total - (self._count - 1) * mean)


def _predictions(task: Task, scores: np.ndarray) -> np.ndarray:
    """Returns scores as the output of the model would be."""
    if task.kind != "regression" and not task.from_logits:
        logits = task._replace(from_logits=True)
        scores = logits.probabilities(scores)
        if task.kind != "binary":  # The classes are last.
            scores = np.moveaxis(scores, -1, task.axis)
    return scores.astype("float32")
