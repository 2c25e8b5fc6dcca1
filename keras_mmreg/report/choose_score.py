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
_ERRORS = (
    keras.losses.Loss,
    keras.metrics.BinaryCrossentropy,
    keras.metrics.CategoricalCrossentropy,
    keras.metrics.CategoricalHinge,
    keras.metrics.FalseNegatives,
    keras.metrics.FalsePositives,
    keras.metrics.Hinge,
    keras.metrics.KLDivergence,
    keras.metrics.LogCoshError,
    keras.metrics.MeanAbsoluteError,
    keras.metrics.MeanAbsolutePercentageError,
    keras.metrics.MeanSquaredError,
    keras.metrics.MeanSquaredLogarithmicError,
    keras.metrics.Poisson,
    keras.metrics.RootMeanSquaredError,
    keras.metrics.SparseCategoricalCrossentropy,
    keras.metrics.SquaredHinge,
)
"""What Keras has that is better the lower it is."""
_OF_ANYTHING = (
    keras.metrics.Mean,
    keras.metrics.MeanMetricWrapper,
    keras.metrics.Sum,
)
"""Metrics whose class does not tell what they are computed from."""
_LOWER_IS_BETTER = (
    "error",
    "loss",
    "entropy",
    "bce",
    "brier",
    "nll",
    "hinge",
    "divergence",
    "distance",
    "deviance",
    "huber",
    "log_cosh",
    "logcosh",
    "pinball",
    "poisson",
    "mse",
    "mae",
    "mape",
    "msle",
    "rmse",
    "crps",
    "false",
    "perplexity",
)
"""Words in the names of other metrics that are better the lower they are."""
_HIGHER_IS_BETTER = (
    "acc",
    "auc",
    "precision",
    "recall",
    "sensitivity",
    "specificity",
    "f1",
    "fbeta",
    "f_beta",
    "score",
    "iou",
    "dice",
    "jaccard",
    "r2",
    "r_squared",
    "correlation",
    "pearson",
    "spearman",
    "similarity",
    "kappa",
    "true",
    "correct",
    "right",
    "reward",
)
"""Words in the names of other metrics that are better the higher they are."""


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
        ValueError: If there is no such metric, it does not fit the labels, or
            `mode` is needed.
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
    higher = mode == "max"
    if mode == "auto":
        higher = _higher_is_better(metric, name)
    if isinstance(metric, keras.metrics.Metric):
        return KerasMetric(metric, name, higher)
    return Mean(metric, name, higher, percent="accuracy" in name)


def _higher_is_better(metric: Any, name: str) -> bool:
    """Returns the direction of a Keras metric, or of another by its name.

    Raises:
        ValueError: If the name says nothing.
    """
    if isinstance(metric, _ERRORS) or metric in vars(keras.losses).values():
        return False
    kind = type(metric)
    if kind in vars(keras.metrics).values() and kind not in _OF_ANYTHING:
        return True
    if any(word in name.lower() for word in _LOWER_IS_BETTER):
        return False
    if any(word in name.lower() for word in _HIGHER_IS_BETTER):
        return True
    raise ValueError(
        f"`metric` {name!r} does not say whether a high or a low score is "
        "good: pass `mode='max'` or `mode='min'`, which decides what helps and "
        "what misleads."
    )


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
