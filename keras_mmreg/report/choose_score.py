"""Chooses the score of a report: the compiled metric, or the task's own."""

from typing import Any

import keras
import numpy as np

from keras_mmreg.backend.keras_internals import compiled_metrics
from keras_mmreg.report.keras_scores import KerasMetric
from keras_mmreg.report.keras_scores import Mean
from keras_mmreg.report.keras_scores import rebuilt_metric
from keras_mmreg.report.output import Output
from keras_mmreg.report.scores import Accuracy
from keras_mmreg.report.scores import MeanIoU
from keras_mmreg.report.scores import RSquared
from keras_mmreg.report.scores import Score
from keras_mmreg.report.task import Task

_ACCURACIES = {
    "accuracy",
    "acc",
    "binaryaccuracy",
    "categoricalaccuracy",
    "sparsecategoricalaccuracy",
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


def choose_score(metric: Any, mode: str, task: Task, y: np.ndarray) -> Score:
    """Returns the score that the arguments `metric` and `mode` specify.

    Args:
        metric: A name, a Keras metric, a function, or `None` for the task's own
            score.
        mode: `"auto"`, `"max"` or `"min"`.
        task: The task of the output.
        y: Some labels.

    Returns:
        A `Score`.

    Raises:
        ValueError: If there is no such metric, or it does not fit the labels.
    """
    if metric is None:
        return _of_task(task, y)
    if task.kind != "regression" and _is_accuracy(metric, task):
        return Accuracy(task)
    name = metric if isinstance(metric, str) else _name_of(metric)
    if isinstance(metric, str):
        metric = _by_name(metric, task, y)
    if not (callable(metric) or isinstance(metric, keras.metrics.Metric)):
        return metric
    higher = mode == "max" or (
        mode == "auto"
        and metric is not keras.losses.cosine_similarity
        and not any(word in name.lower() for word in _LOWER_IS_BETTER)
    )
    if isinstance(metric, keras.metrics.Metric):
        return KerasMetric(metric, name, higher)
    return Mean(metric, name, higher, percent="accuracy" in name)


def _name_of(metric: Any) -> str:
    """Returns a metric's name, without the number that Keras adds."""
    owner = type(metric).__name__
    name = str(
        getattr(metric, "name", None) or getattr(metric, "__name__", owner)
    )
    base, _, number = name.rpartition("_")
    automatic = base.replace("_", "") == owner.lower() and number.isdigit()
    return base if automatic else name


def _of_task(task: Task, y: np.ndarray) -> Score:
    if task.kind == "regression":
        return RSquared(y)
    return MeanIoU(task) if task.dense else Accuracy(task)


def compiled_metric(model: keras.Model, output: Output, several: bool) -> Any:
    """Returns the first metric that the model was compiled with for an output.

    Args:
        model: The model.
        output: The output.
        several: Whether the model has several outputs.
    """
    metrics = compiled_metrics(model)
    if several:
        metrics = output.found_in(metrics)
    elif isinstance(metrics, dict):
        metrics = next(iter(metrics.values()), None)
    while isinstance(metrics, list | tuple):
        metrics = metrics[0] if metrics else None
    return metrics


def asks_for_classes(metric: Any) -> bool:
    """Returns whether a metric is an accuracy, whatever the loss is."""
    if isinstance(metric, str):
        return metric.lower().replace("_", "") in _ACCURACIES
    return isinstance(metric, _ACCURACY_METRICS)


def _is_accuracy(metric: Any, task: Task) -> bool:
    if isinstance(metric, keras.metrics.BinaryAccuracy):
        # 0.5 is the default.
        return metric.threshold in (0.5, 0.0 if task.from_logits else 0.5)
    return asks_for_classes(metric) or metric in (
        keras.metrics.binary_accuracy,
        keras.metrics.categorical_accuracy,
        keras.metrics.sparse_categorical_accuracy,
    )


def _by_name(name: str, task: Task, y: np.ndarray) -> Any:
    if name.lower() in ("r2", "r²", "r2_score"):
        return RSquared(y)
    if name.lower() in ("miou", "mean_iou") and task.num_classes > 1:
        return MeanIoU(task)
    if name.lower() in ("accuracy", "acc"):  # It would compare numbers.
        raise ValueError(
            f"`metric` {name!r} needs labels that are classes, and these are "
            "numbers. Leave it out, or pass 'r2'."
        )
    try:
        metric = keras.metrics.get(name)
        return _of_logits(metric) if task.from_logits else metric
    except ValueError:
        raise ValueError(
            "`metric` must be the name of a Keras metric, a metric, or a "
            "function of `y_true` and `y_pred` that returns a value for each "
            f"example. Received: metric={name!r}"
        ) from None


def _of_logits(metric: Any) -> Any:
    """Returns the metric for logits, if it is one of probabilities."""
    if not isinstance(metric, keras.metrics.Metric):
        return metric
    if "from_logits" in metric.get_config():
        return rebuilt_metric(metric, from_logits=True)
    if isinstance(metric, keras.metrics.Precision | keras.metrics.Recall):
        return rebuilt_metric(metric, thresholds=0.0)
    return metric
