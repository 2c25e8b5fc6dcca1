"""Compiles a wrapped model with copies of what the wrapper is compiled with."""

import inspect
from typing import Any

import keras

STATEFUL = (keras.optimizers.Optimizer, keras.metrics.Metric)


def compile_inner(inner: keras.Model, *args: Any, **kwargs: Any) -> None:
    """Gives a model a loss, metrics and an optimizer of its own.

    Optimizers and metrics have state, which two models cannot share. What
    cannot be copied by its config is left out.

    Args:
        inner: The model to compile.
        *args: Arguments of `keras.Model.compile`.
        **kwargs: Likewise.
    """
    signature = inspect.signature(keras.Model.compile)
    given = signature.bind(inner, *args, **kwargs).arguments
    given.pop("self")
    inner.compile(**{name: _copied(value) for name, value in given.items()})


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(each) for each in value]
    if not isinstance(value, STATEFUL):
        return value
    config = keras.saving.serialize_keras_object(value)
    try:
        return keras.saving.deserialize_keras_object(
            config, custom_objects={type(value).__name__: type(value)}
        )
    except (TypeError, ValueError):
        is_optimizer = isinstance(value, keras.optimizers.Optimizer)
        return "rmsprop" if is_optimizer else None
