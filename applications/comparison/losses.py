"""Losses of rows of the table that need one of their own."""

from typing import Any

import keras
from keras import ops


class SpectralDecoupling(keras.losses.Loss):
    """Cross-entropy and the mean square of the logits (Pezeshki et al. 2021).

    `CE(z, y) + strength / 2 * mean over classes of z^2`
    """

    def __init__(self, strength: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.strength = strength

    def call(self, y_true: Any, y_pred: Any) -> Any:
        cross_entropy = keras.losses.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=True
        )
        squares = ops.mean(ops.square(y_pred), axis=-1)
        return cross_entropy + 0.5 * self.strength * squares
