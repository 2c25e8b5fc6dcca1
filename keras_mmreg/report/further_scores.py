"""Scores of calibration, and of each class."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_mmreg.report.scores import Score
from keras_mmreg.report.scores import TaskScore
from keras_mmreg.report.scores import position_weights
from keras_mmreg.report.scores import ratio
from keras_mmreg.report.task import Task

NUM_BINS = 15


class CalibrationError(TaskScore):
    """Expected calibration error, in 15 bins of equal width.

    References:
        - [Guo et al., 2017](https://arxiv.org/abs/1706.04599), Eq. 3
    """

    name = "calibration error"
    higher_is_better = False

    def statistics(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> np.ndarray:
        """Returns for each bin: positions, confidence, correct positions."""
        classes = self.task.classes(y)
        weights = position_weights(weight, classes)
        confidence = self._confidence(predictions, classes.shape)
        right = self.task.predicted(predictions) == classes
        bins = np.nan_to_num(confidence * NUM_BINS).astype(int)
        bins = np.clip(bins, 0, NUM_BINS - 1)
        rows = np.arange(len(y))[:, np.newaxis] * NUM_BINS
        return np.concatenate(
            [
                np.bincount(
                    (rows + bins).ravel(),
                    (weights * part).ravel(),
                    minlength=len(y) * NUM_BINS,
                ).reshape(len(y), NUM_BINS)
                for part in (np.ones_like(weights), confidence, right)
            ],
            axis=-1,
        )

    def _confidence(
        self, predictions: np.ndarray, shape: tuple[int, ...]
    ) -> np.ndarray:
        probabilities = self.task.probabilities(predictions)
        if self.task.kind == "binary":
            confidence = np.maximum(probabilities, 1 - probabilities)
        else:
            confidence = probabilities.max(axis=-1)
        return confidence.reshape(shape)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Returns the bins' mean of |accuracy - confidence| (Eq. 3)."""
        count, confidence, right = np.split(sums, 3, axis=-1)
        gaps = np.abs(right - confidence).sum(axis=-1)
        return ratio(gaps, count.sum(axis=-1))


class ClassRecall(TaskScore):
    """Recall of each class: the share of its examples predicted correctly."""

    name = "recall"

    def statistics(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> np.ndarray:
        """Returns for each class: correct positions, and all positions."""
        classes = self.task.classes(y)
        weights = position_weights(weight, classes).ravel()
        right = (self.task.predicted(predictions) == classes).ravel()
        if self.task.kind == "binary" and self.task.num_classes > 1:
            # With multiple labels, each label is a class where it is 1.
            columns = np.arange(classes.size) % self.task.num_classes
            weights = weights * classes.ravel()
            count = self.task.num_classes
        else:
            columns = np.maximum(classes.ravel(), 0)
            count = max(self.task.num_classes, 2)
        sums = [
            np.bincount(columns, part, minlength=count)[:count]
            for part in (weights * right, weights)
        ]
        first = np.zeros((len(y), 2 * count))
        first[0] = np.concatenate(sums)
        return first

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Returns correct / all for each class."""
        right, count = np.split(sums, 2, axis=-1)
        return ratio(right, count)


FURTHER_SCORES: dict[str, Callable[[Task], Score]] = {
    "calibration": CalibrationError,
    "per_class": ClassRecall,
}
"""Scores that a report can include, by the names in `include`."""
