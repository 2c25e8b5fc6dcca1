"""Figures of what each modality contributes, drawn with matplotlib.

Every function returns a matplotlib figure without showing it: call
`figure.savefig(...)`, or `matplotlib.pyplot.show()`.
"""

from keras_mmreg.checks import check_installed

check_installed(
    "matplotlib", "keras_mmreg.visualization", extra="visualization"
)

from keras_mmreg.visualization.cm_vqvae_features import plot_feature_embedding
from keras_mmreg.visualization.cm_vqvae_mask import plot_mask_weights
from keras_mmreg.visualization.cm_vqvae_reconstructions import (
    plot_reconstructions,
)
from keras_mmreg.visualization.cm_vqvae_shares import plot_complementarity
from keras_mmreg.visualization.colored_digits import plot_colored_digits
from keras_mmreg.visualization.information_share import plot_information_share
from keras_mmreg.visualization.training_curves import plot_training_curves

__all__ = [
    "plot_colored_digits",
    "plot_complementarity",
    "plot_feature_embedding",
    "plot_information_share",
    "plot_mask_weights",
    "plot_reconstructions",
    "plot_training_curves",
]
