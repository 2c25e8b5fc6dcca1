"""The reconstruction term of the CM-VQVAE loss, as a layer."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.types import Tensor


class ReconstructionError(keras.layers.Layer):
    """Adds a modality's scaled reconstruction error to the losses (Eq. 2).

    `weight * mean((x - x_hat)^2) / variance(x)`: 1 is what predicting the mean
    costs, for every modality. The paper's sum of squares grows with the number
    of pixels, and an unscaled spectrogram drowns the task.

    Args:
        weight: Non-negative float.
        variance: Positive float, the variance of the modality's data, or
            `None` to take it from each batch.
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
        inputs = ops.cast(inputs, self.compute_dtype)
        error = ops.mean(ops.square(inputs - reconstruction))
        variance = self.variance
        if variance is None:
            # A constant batch would divide by zero.
            variance = ops.maximum(ops.var(inputs), keras.config.epsilon())
        loss = self.weight * error / variance
        self.add_loss(loss)
        return loss
