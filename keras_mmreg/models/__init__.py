"""Models: wrappers and architectures against multimodal overfitting."""

from keras_mmreg.models import cm_vqvae
from keras_mmreg.models.cm_vqvae import CMVQVAE
from keras_mmreg.models.modality_information import modality_information
from keras_mmreg.models.regularized_model import RegularizedModel

__all__ = [
    "CMVQVAE",
    "RegularizedModel",
    "cm_vqvae",
    "modality_information",
]
