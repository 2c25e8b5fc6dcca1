"""Scaling of single examples' gradients, which are small, in float16."""

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import all_layers
from keras_mmreg.types import Tensor

FLOAT16_GRADIENT_SCALE = 2.0**7
"""Lifts the gradients of single examples above float16's smallest numbers."""

LARGEST_FLOAT16 = 65504.0


def gradient_scale(inner: keras.Model) -> float:
    """Returns the factor by which to scale a loss: 1 except in float16."""
    half_precision = any(
        layer.compute_dtype == "float16" for layer in all_layers(inner)
    )
    return FLOAT16_GRADIENT_SCALE if half_precision else 1.0


def unscaled_gradient(gradient: Tensor, scale: Tensor | float) -> Tensor:
    """Divides a gradient by the `scale` of its loss, and keeps it finite."""
    if isinstance(scale, float) and scale == 1.0:
        return gradient
    gradient = ops.nan_to_num(gradient, 0.0, LARGEST_FLOAT16, -LARGEST_FLOAT16)
    return gradient / ops.cast(scale, gradient.dtype)
