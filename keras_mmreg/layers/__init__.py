"""Layers: quantised features, and the mask that separates them."""

from keras_mmreg.layers.complementarity_mask import ComplementarityMask
from keras_mmreg.layers.vector_quantizer import VectorQuantizer

__all__ = ["ComplementarityMask", "VectorQuantizer"]
