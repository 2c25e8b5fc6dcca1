"""Models: wrappers and architectures against multimodal overfitting."""

from keras_mmreg.models import cm_vqvae
from keras_mmreg.models.cm_vqvae import CMVQVAE
from keras_mmreg.models.information_regularized_model import (
    InformationRegularizedModel,
)
from keras_mmreg.models.modality_information import modality_information

__all__ = [
    "CMVQVAE",
    "InformationRegularizedModel",
    "cm_vqvae",
    "modality_information",
]
