"""Padding masks, which Keras attaches to tensors."""

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import with_mask

__all__ = ["mask_of", "with_mask"]
