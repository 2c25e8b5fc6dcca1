"""Models: wrappers and architectures against multimodal overfitting."""

from keras_mmreg.models.information_regularized_model import (
    InformationRegularizedModel,
)

__all__ = ["InformationRegularizedModel"]
