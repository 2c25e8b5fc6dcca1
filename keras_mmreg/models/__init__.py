"""Models: wrappers and architectures against multimodal overfitting."""

from keras_mmreg.models import cm_vqvae
from keras_mmreg.models.cm_vqvae import CMVQVAE
from keras_mmreg.models.modality_information import modality_information
from keras_mmreg.models.regularized_model import RegularizedModel
from keras_mmreg.models.single_modality_ensemble import single_modality_ensemble
from keras_mmreg.models.single_modality_model import single_modality_model

__all__ = [
    "CMVQVAE",
    "RegularizedModel",
    "cm_vqvae",
    "modality_information",
    "single_modality_ensemble",
    "single_modality_model",
]
