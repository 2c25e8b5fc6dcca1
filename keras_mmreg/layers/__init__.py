"""Layers for quantized features, masks, known biases, missing modalities."""

from keras_mmreg.layers.complementarity_mask import ComplementarityMask
from keras_mmreg.layers.learned_mixin import LearnedMixin
from keras_mmreg.layers.missing_modality import MissingModality
from keras_mmreg.layers.vector_quantizer import VectorQuantizer

__all__ = [
    "ComplementarityMask",
    "LearnedMixin",
    "MissingModality",
    "VectorQuantizer",
]
