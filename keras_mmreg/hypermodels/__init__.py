"""Search spaces for KerasTuner."""

from keras_mmreg.checks import check_installed

check_installed("keras_tuner", "keras_mmreg.hypermodels", extra="tuner")

from keras_mmreg.hypermodels.cm_vqvae_hypermodel import CMVQVAEHyperModel
from keras_mmreg.hypermodels.regularized_hypermodel import RegularizedHyperModel

__all__ = ["CMVQVAEHyperModel", "RegularizedHyperModel"]
