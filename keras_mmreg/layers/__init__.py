"""Layers: quantised features, the mask that separates them, known biases."""

from keras_mmreg.layers.complementarity_mask import ComplementarityMask
from keras_mmreg.layers.learned_mixin import LearnedMixin
from keras_mmreg.layers.vector_quantizer import VectorQuantizer

__all__ = ["ComplementarityMask", "LearnedMixin", "VectorQuantizer"]
