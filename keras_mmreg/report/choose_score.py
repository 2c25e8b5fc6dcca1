"""Chooses the score of a report: the compiled metric, else the task's own."""

from typing import Any

import keras
import numpy as np

from keras_mmreg.backend.keras_internals import compiled_metrics
from keras_mmreg.report.keras_scores import KerasMetric
from keras_mmreg.report.keras_scores import Mean
from keras_mmreg.report.scores import Accuracy
from keras_mmreg.report.scores import MeanIoU
from keras_mmreg.report.scores import RSquared
from keras_mmreg.report.scores import Score
from keras_mmreg.report.task import Task
from keras_mmreg.report.task import select_output

_ACCURACIES = {
    "accuracy",
    "acc",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
}
_ACCURACY_METRICS = (
    keras.metrics.Accuracy,
    keras.metrics.BinaryAccuracy,
    keras.metrics.CategoricalAccuracy,
    keras.metrics.SparseCategoricalAccuracy,
)
_LOWER_IS_BETTER = (
    "error",
    "loss",
    "entropy",
    "hinge",
    "divergence",
    "distance",
    "huber",
    "log_cosh",
    "logcosh",
    "poisson",
    "mse",
    "mae",
    "mape",
    "msle",
    "rmse",
    "false",
    "perplexity",
)


def choose_score(
    metric: Any,
    mode: str,
    model: keras.Model,
    output: str | int | None,
    task: Task,
    y: np.ndarray,
) -> Score:
    """The score by the arguments `metric` and `mode`.

    Args:
        metric: A name, a Keras metric, a function, or `None`.
        mode: `"auto"`, `"max"` or `"min"`.
        model: The model, whose compiled metric is taken for `None`.
        output: Which of the model's outputs is meant.
        task: What the output is for.
        y: Some labels.

    Returns:
        A `Score`.

    Raises:
        ValueError: If there is no such metric, or it fits no output.
    """
    if metric is None:
        metric = _compiled(model, output)
    if metric is None:
        return _of_task(task, y)
    if task.kind != "regression" and _is_accuracy(metric, task):
        return Accuracy(task)
    if isinstance(metric, str):
        metric = _by_name(metric, task, y)
    if not (callable(metric) or isinstance(metric, keras.metrics.Metric)):
        return metric
    name = str(
        getattr(metric, "name", None)
        or getattr(metric, "__name__", type(metric).__name__)
    )
    higher = mode == "max" or (
        mode == "auto"
        and not any(word in name.lower() for word in _LOWER_IS_BETTER)
    )
    if isinstance(metric, keras.metrics.Metric):
        return KerasMetric(metric, higher)
    return Mean(metric, name, higher, percent="accuracy" in name)


def _of_task(task: Task, y: np.ndarray) -> Score:
    if task.kind == "regression":
        return RSquared(y)
    return MeanIoU(task) if task.dense else Accuracy(task)


def _compiled(model: keras.Model, output: str | int | None) -> Any:
    """The first metric that the model was compiled with for the output."""
    metrics = compiled_metrics(model)
    if isinstance(metrics, dict):
        metrics = (
            metrics.get(output)
            if output is not None
            else next(iter(metrics.values()), None)
        )
    elif output is not None and isinstance(metrics, list | tuple):
        metrics = select_output(output, metrics, "metrics")
    while isinstance(metrics, list | tuple):
        metrics = metrics[0] if metrics else None
    return metrics


def _is_accuracy(metric: Any, task: Task) -> bool:
    if isinstance(metric, str):
        return metric.lower() in _ACCURACIES
    if isinstance(metric, keras.metrics.BinaryAccuracy):
        # 0.5 is what nobody chose.
        return metric.threshold in (0.5, 0.0 if task.from_logits else 0.5)
    return isinstance(metric, _ACCURACY_METRICS) or metric in (
        keras.metrics.binary_accuracy,
        keras.metrics.categorical_accuracy,
        keras.metrics.sparse_categorical_accuracy,
    )


def _by_name(name: str, task: Task, y: np.ndarray) -> Any:
    if name.lower() in ("r2", "r²", "r2_score"):
        return RSquared(y)
    if name.lower() in ("miou", "mean_iou") and task.num_classes > 1:
        return MeanIoU(task)
    try:
        return keras.metrics.get(name)
    except ValueError:
        raise ValueError(
            "`metric` must be the name of a Keras metric, a metric, or a "
            "function of `y_true` and `y_pred` that returns a value for each "
            f"example. Received: metric={name!r}"
        ) from None
