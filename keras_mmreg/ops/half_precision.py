"""Gradients of single examples in float16, which are small."""

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import all_layers
from keras_mmreg.types import Tensor

FLOAT16_GRADIENT_SCALE = 2.0**7
"""Lifts the gradients of single examples above float16's smallest numbers."""

LARGEST_FLOAT16 = 65504.0


def gradient_scale(inner: keras.Model) -> float:
    """What to multiply by before a gradient is taken: 1 but in float16."""
    half_precision = any(
        layer.compute_dtype == "float16" for layer in all_layers(inner)
    )
    return FLOAT16_GRADIENT_SCALE if half_precision else 1.0


def unscaled_gradient(gradient: Tensor, scale: Tensor | float) -> Tensor:
    """The gradient of what was multiplied by `scale`, finite at all events."""
    if isinstance(scale, float) and scale == 1.0:
        return gradient
    gradient = ops.nan_to_num(gradient, 0.0, LARGEST_FLOAT16, -LARGEST_FLOAT16)
    return gradient / ops.cast(scale, gradient.dtype)
