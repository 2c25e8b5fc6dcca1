"""Models: wrappers and architectures against multimodal overfitting."""

from keras_mmreg.models.information_regularized_model import (
    InformationRegularizedModel,
)
from keras_mmreg.models.modality_information import modality_information

__all__ = ["InformationRegularizedModel", "modality_information"]
