"""Regularisation against multimodal overfitting for Keras 3."""

from keras_mmreg import callbacks
from keras_mmreg import models
from keras_mmreg import regularizers
from keras_mmreg import schedules
from keras_mmreg.models.modality_information import modality_information
from keras_mmreg.version import __version__

__all__ = [
    "__version__",
    "callbacks",
    "modality_information",
    "models",
    "regularizers",
    "schedules",
]
