"""Search spaces for KerasTuner."""

try:
    import keras_tuner  # noqa: F401
except ImportError as error:
    raise ImportError(
        "`keras_mmreg.hypermodels` needs KerasTuner. Install it with "
        "`pip install keras-mmreg[tuner]`."
    ) from error

from keras_mmreg.hypermodels.cm_vqvae_hypermodel import CMVQVAEHyperModel
from keras_mmreg.hypermodels.regularized_hypermodel import RegularizedHyperModel

__all__ = ["CMVQVAEHyperModel", "RegularizedHyperModel"]
