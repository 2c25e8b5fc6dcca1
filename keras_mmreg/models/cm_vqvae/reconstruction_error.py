"""The reconstruction term of the CM-VQVAE loss, as a layer."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import KeepsLossesApart
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.ops.numerics import mean_or_zero
from keras_mmreg.ops.numerics import quotient_over_replicas
from keras_mmreg.types import Tensor


class ReconstructionError(KeepsLossesApart, keras.layers.Layer):
    """Adds a modality's scaled reconstruction error to the losses (Eq. 2).

    The loss is `weight * mean((x - x_hat)^2) / variance(x)`, where `x_hat` is
    the reconstruction of `x`. Predicting the mean costs 1 for every modality
    (at weight 1). The paper's sum of squares grows with the number of pixels,
    and the error of an unscaled spectrogram would drown the task loss.

    Args:
        weight: Non-negative float.
        variance: Positive float, the variance of the modality's data, or
            `None` to use the variance of each batch.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def __init__(
        self, weight: float, variance: float | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.weight = weight
        self.variance = variance

    def call(self, inputs: Tensor, reconstruction: Tensor) -> Tensor:
        """Adds the loss and returns it."""
        # Squares of pixels are too large for float16.
        inputs = at_least_float32(ops.cast(inputs, self.compute_dtype))
        difference = inputs - at_least_float32(reconstruction)
        error = mean_or_zero(ops.square(difference))
        variance = self.variance
        if variance is None:
            variance = _variance(ops.stop_gradient(inputs))
        loss = self.weight * error / variance
        self.add_loss(loss)
        return loss


def _variance(x: Tensor) -> Tensor:
    """Returns the variance of the whole batch, over all replicas."""
    count = ops.cast(ops.size(x), x.dtype)
    mean = quotient_over_replicas(ops.sum(x), count)
    variance = quotient_over_replicas(ops.sum(ops.square(x - mean)), count)
    # A constant batch would divide by zero.
    return ops.maximum(variance, keras.config.epsilon())
