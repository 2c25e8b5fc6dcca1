"""Compiles a wrapped model as the model around it is."""

import warnings

import keras

from keras_mmreg.backend.keras_internals import mark_called


def compile_inner(inner: keras.Model, model: keras.Model) -> None:
    """Gives a model the loss and metrics of the model around it.

    Metrics have state, which two models cannot share: they are made anew from
    their configs. Where something given to `compile` has none, the loss alone
    is passed on. The optimizer is plain SGD, which keeps no moments of the
    weights: whoever trains the model further chooses their own.

    Args:
        inner: The model to compile.
        model: The compiled model around it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A lambda cannot be copied.
            config = keras.saving.deserialize_keras_object(
                model.get_compile_config()
            )
    except (AttributeError, TypeError, ValueError):
        config = {"loss": model.loss}
    config = config or {"loss": model.loss}
    inner.compile(**{**config, "optimizer": "sgd"})
    if inner.built:
        mark_called(inner)
        inner.optimizer.build(inner.trainable_variables)
