"""Figures of what each modality contributes, drawn with matplotlib.

Every function returns the matplotlib figure and shows nothing by itself: call
`figure.savefig(...)`, or `matplotlib.pyplot.show()`.
"""

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError(
        "`keras_mmreg.visualization` needs matplotlib. Install it with "
        "`pip install keras-mmreg[visualization]`."
    ) from error

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
