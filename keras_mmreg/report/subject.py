"""What a report is on: one output of a model, and how it is scored."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_mmreg.report.choose_score import asks_for_classes
from keras_mmreg.report.choose_score import choose_score
from keras_mmreg.report.choose_score import compiled_metric
from keras_mmreg.report.data import Examples
from keras_mmreg.report.data import Source
from keras_mmreg.report.interventions import cut
from keras_mmreg.report.interventions import modality_leaves
from keras_mmreg.report.interventions import unasked_leaves
from keras_mmreg.report.output import Output
from keras_mmreg.report.scores import Score
from keras_mmreg.report.task import Task
from keras_mmreg.report.task import as_array
from keras_mmreg.report.task import infer_task


@dataclass(frozen=True)
class Subject:
    """What a report is on: one output of a model, and how it is scored.

    Attributes:
        model: The model.
        examples: The first window of the data.
        leaves: Dict from a modality to its leaves; see `modality_leaves`.
        unasked: Such a dict of the inputs that were not asked for.
        output: The output.
        task: The task of the output.
        score: The score of the report.
    """

    model: keras.Model
    examples: Examples
    leaves: Mapping[str, list[int]]
    unasked: Mapping[str, list[int]]
    output: Output
    task: Task
    score: Score

    @property
    def y(self) -> np.ndarray:
        """The output's labels of the first window."""
        return self.labels(self.examples.y)

    def labels(self, y: Any) -> np.ndarray:
        """Returns the output's labels, of those of all outputs."""
        return self.output.of(y, "labels")

    def weight(self, sample_weight: Any) -> Any:
        """Returns the output's sample weights, of those of all outputs."""
        if sample_weight is None:
            return None
        return self.output.of(sample_weight, "sample weights")


def create_subject(
    model: keras.Model,
    source: Source,
    modalities: Sequence[str] | None,
    output: str | int | None,
    metric: Any,
    mode: str,
) -> Subject:
    """Creates the subject of a report; see `modality_report`.

    Raises:
        ValueError: If the modalities, the output or the metric do not exist, or
            the labels do not fit the output.
    """
    x = source.first.x
    leaves = modality_leaves(model, x, modalities)
    if "intact" in leaves:
        raise ValueError(
            "A modality cannot have the name 'intact', by which a report calls "
            f"unchanged data. Received: modalities {list(leaves)}"
        )
    which = Output(output, tuple(getattr(model, "output_names", None) or ()))
    task, score = _task_and_score(model, source, which, metric, mode)
    unasked = unasked_leaves(model, x, leaves)
    return Subject(model, source.first, leaves, unasked, which, task, score)


def _task_and_score(
    model: keras.Model, source: Source, output: Output, metric: Any, mode: str
) -> tuple[Task, Score]:
    predictions = model.predict_on_batch(
        cut(source.first.x, 0, source.batch_size)
    )
    output.check(predictions)
    y = output.of(source.first.y, "labels")
    several = (
        isinstance(predictions, dict | list | tuple) and len(predictions) > 1
    )
    compiled = compiled_metric(model, output, several)
    wanted = compiled if metric is None else metric
    task = infer_task(
        _loss(model, output, several),
        y,
        as_array(output.of(predictions, "predictions"))[: len(y)],
        classifies=asks_for_classes(wanted),
        compares=callable(wanted),
    )
    if metric is None and task.kind == "regression":
        # For a regression, an accuracy is meaningless.
        wanted = None if asks_for_classes(compiled) else compiled
    return task, choose_score(wanted, mode, task, y)


def _loss(model: keras.Model, output: Output, several: bool) -> Any:
    """Returns the compiled loss of the output, or `None`."""
    loss = getattr(model, "loss", None)
    if several:
        return output.found_in(loss)
    if isinstance(loss, dict):
        loss = list(loss.values())
    return loss[0] if isinstance(loss, list | tuple) else loss
