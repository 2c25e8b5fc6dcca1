"""Compiles a wrapped model as the model around it is."""

import keras


def compile_inner(inner: keras.Model, model: keras.Model) -> None:
    """Gives a model a loss, metrics and an optimizer of its own.

    Optimizers and metrics have state, which two models cannot share: they are
    made anew from their configs. Where something given to `compile` has none,
    the loss alone is passed on.

    Args:
        inner: The model to compile.
        model: The compiled model around it.
    """
    try:
        config = keras.saving.deserialize_keras_object(
            model.get_compile_config()
        )
    except (AttributeError, TypeError, ValueError):
        config = {"loss": model.loss}
    inner.compile(**(config or {"loss": model.loss}))
