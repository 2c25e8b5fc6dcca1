"""Finds the model inside a wrapper."""

import keras

from keras_mmreg.models.regularized_model import RegularizedModel


def unwrap(model: keras.Model) -> keras.Model:
    """Returns the model inside a `RegularizedModel`, or else the model."""
    return model.inner if isinstance(model, RegularizedModel) else model
