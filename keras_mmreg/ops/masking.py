"""Padding masks, which Keras attaches to tensors.

Keras has no public name for the two functions that read and write them.
"""

from keras.src.backend import get_keras_mask
from keras.src.backend import set_keras_mask

from keras_mmreg.types import Tensor


def mask_of(x: Tensor) -> Tensor | None:
    """The padding mask that Keras attached to a tensor, or `None`."""
    return get_keras_mask(x)


def with_mask(x: Tensor, mask: Tensor | None) -> Tensor:
    """Attaches a padding mask to a tensor, unless it is `None`."""
    if mask is not None:
        set_keras_mask(x, mask)
    return x
