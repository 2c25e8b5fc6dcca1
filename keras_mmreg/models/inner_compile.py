"""Compiles a wrapped model like the model that wraps it."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras

from keras_mmreg.backend.keras_internals import compile_arguments
from keras_mmreg.backend.keras_internals import mark_called
from keras_mmreg.configs import rebuilt


def compile_inner(inner: keras.Model, model: keras.Model) -> None:
    """Compiles a model with the loss and metrics of the model that wraps it.

    Metrics have state, which two models cannot share, so they are rebuilt from
    their configs. The model keeps its optimizer; without one it gets plain SGD,
    which stores no moments of the weights.

    Args:
        inner: The model to compile.
        model: The compiled model that wraps it.
    """
    arguments = compile_arguments(model) or {"loss": model.loss}
    several = len(getattr(model, "output_names", None) or ()) > 1
    for name in ("metrics", "weighted_metrics"):
        arguments[name] = _rebuilt_metrics(arguments.get(name), several)
    arguments["optimizer"] = getattr(inner, "optimizer", None) or "sgd"
    # Not the `compile` of a subclass, which may require further arguments.
    keras.Model.compile(inner, **arguments)
    if inner.built:
        mark_called(inner)
        inner.optimizer.build(inner.trainable_variables)


def _rebuilt_metrics(metrics: Any, by_output: bool = False) -> Any:
    """Returns metrics with new state, without those that cannot be rebuilt.

    Args:
        metrics: As `compile` takes them: names, functions and metrics.
        by_output: Whether a list has an entry for each output.
    """
    if isinstance(metrics, Mapping):
        return {name: _rebuilt_metrics(metrics[name]) for name in metrics}
    if isinstance(metrics, list | tuple):
        found = [_rebuilt_metrics(each) for each in metrics]
        return found if by_output else [m for m in found if m is not None]
    if not isinstance(metrics, keras.metrics.Metric):
        return metrics
    try:
        return rebuilt(metrics)
    except Exception as error:  # Of the user's class. Training goes on.
        warnings.warn(
            f"`inner` is compiled without the metric {metrics.name!r}, which "
            f"cannot be rebuilt: {error}",
            stacklevel=2,
        )
        return None
