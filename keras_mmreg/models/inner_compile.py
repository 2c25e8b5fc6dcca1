"""Compiles a wrapped model like the model that wraps it."""

import inspect
from typing import Any

import keras

from keras_mmreg.backend.keras_internals import compile_arguments
from keras_mmreg.backend.keras_internals import mark_called


def compile_inner(inner: keras.Model, model: keras.Model) -> None:
    """Compiles a model with the loss and metrics of the model that wraps it.

    Metrics have state, which two models cannot share, so they are recreated
    from their configs. If one of them cannot be recreated, all are left out.
    The optimizer is plain SGD, which keeps no moments of the weights; to train
    the model further, choose another one.

    Args:
        inner: The model to compile.
        model: The compiled model that wraps it.
    """
    arguments = compile_arguments(model) or {"loss": model.loss}
    for name in ("metrics", "weighted_metrics"):
        try:
            arguments[name] = keras.tree.map_structure(
                _anew, arguments.get(name)
            )
        except Exception:  # Raised by a custom class. Training goes on.
            arguments[name] = None
    # Not the `compile` of a subclass, which may require further arguments.
    keras.Model.compile(inner, **{**arguments, "optimizer": "sgd"})
    if inner.built:
        mark_called(inner)
        inner.optimizer.build(inner.trainable_variables)


def _anew(metric: Any) -> Any:
    """Returns a metric with new state; names and functions are unchanged."""
    if not isinstance(metric, keras.metrics.Metric):
        return metric
    config = metric.get_config()
    if unknown := _own_arguments(type(metric)) - config.keys():
        raise ValueError(f"{metric!r} has a config without {unknown}.")
    return type(metric).from_config(config)


def _own_arguments(metric_class: type) -> set[str]:
    """Returns the argument names of a custom metric; none for Keras's own."""
    owner = next(c for c in metric_class.__mro__ if "__init__" in vars(c))
    if owner.__module__.split(".")[0] == "keras":
        return set()
    parameters = inspect.signature(vars(owner)["__init__"]).parameters.values()
    return {
        each.name
        for each in list(parameters)[1:]
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    } - {"dtype"}
