"""Compiles a wrapped model as the model around it is."""

from typing import Any

import keras

from keras_mmreg.backend.keras_internals import compile_arguments
from keras_mmreg.backend.keras_internals import mark_called


def compile_inner(inner: keras.Model, model: keras.Model) -> None:
    """Gives a model the loss and metrics of the model around it.

    Metrics have state, which two models cannot share: they are made anew from
    their configs. Where one has none, the loss alone is passed on. The
    optimizer is plain SGD, which keeps no moments of the weights: whoever
    trains the model further chooses their own.

    Args:
        inner: The model to compile.
        model: The compiled model around it.
    """
    arguments = compile_arguments(model)
    try:
        for name in ("metrics", "weighted_metrics"):
            arguments[name] = keras.tree.map_structure(
                _anew, arguments.get(name)
            )
    except (NotImplementedError, TypeError, ValueError):
        arguments = {}
    arguments = arguments or {"loss": model.loss}
    inner.compile(**{**arguments, "optimizer": "sgd"})
    if inner.built:
        mark_called(inner)
        inner.optimizer.build(inner.trainable_variables)


def _anew(metric: Any) -> Any:
    """A metric without what another has counted; names and functions as is."""
    if isinstance(metric, keras.metrics.Metric):
        return type(metric).from_config(metric.get_config())
    return metric
