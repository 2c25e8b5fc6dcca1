"""A figure of complementary and contradictory features in the plane."""

from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops
from matplotlib.figure import Figure

from keras_mmreg.models.cm_vqvae import CMVQVAE
from keras_mmreg.visualization._figure import COLORS

_PARTS = ("complementary", "contradictory")


def plot_feature_embedding(
    model: CMVQVAE,
    inputs: Any,
    modality: str,
    attribute: Any,
    perplexity: float = 30.0,
    seed: int = 0,
) -> Figure:
    """Draws t-SNE plots of a modality's feature parts, colored by attribute.

    Clusters of one color show that a part predicts the attribute. t-SNE shows
    neighborhoods, not amounts; use a linear probe to measure.

    Args:
        model: A trained `CMVQVAE`.
        inputs: A batch of at least a few dozen examples.
        modality: The modality to draw.
        attribute: One label for each example.
        perplexity: Positive float, below the number of examples: roughly the
            number of neighbors that are considered. Defaults to `30.0`.
        seed: Integer. Defaults to `0`.

    Returns:
        The matplotlib `Figure` with one panel for each part.

    Raises:
        ValueError: If the model does not have the modality, or there is not
            one label for each example.
        ImportError: If scikit-learn is missing.

    References:
        - Tejero-de-Pablos, Complementary-Contradictory Feature Regularization
          against Multimodal Overfitting, WACV 2024: Fig. 5.
    """
    if modality not in model.modalities:
        raise ValueError(
            f"`modality` must be one of {list(model.modalities)}. "
            f"Received: {modality!r}"
        )
    labels = np.asarray(attribute)
    size = len(keras.tree.flatten(inputs)[0])
    if labels.shape != (size,):
        raise ValueError(
            f"`attribute` must have one label for each of the {size} examples. "
            f"Received: shape {labels.shape}"
        )
    if not 0 < perplexity < size:
        raise ValueError(
            "`perplexity` must be positive and below the number of examples, "
            f"{size}. Received: perplexity={perplexity}"
        )
    figure, axes = plt.subplots(
        1, len(_PARTS), figsize=(7.0, 3.4), layout="constrained"
    )
    for ax, part in zip(axes, _PARTS, strict=True):
        features = model.features(inputs, part)[modality]
        array = ops.convert_to_numpy(ops.stop_gradient(features))
        points = _embed(array.reshape(len(array), -1), perplexity, seed)
        for index, label in enumerate(np.unique(labels)):
            chosen = points[labels == label]
            color = COLORS[index % len(COLORS)]
            ax.scatter(*chosen.T, s=8, color=color, label=str(label))
        ax.set_title(part)
        ax.set_xticks([])
        ax.set_yticks([])
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def _embed(features: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise ImportError(
            "`plot_feature_embedding` needs scikit-learn. Install it with "
            "`pip install keras-mmreg[visualization]`."
        ) from error
    if not features.any():  # The other part has every channel.
        return np.zeros((len(features), 2))
    # A random start, since the default divides by a variance that may be 0.
    tsne = TSNE(perplexity=perplexity, init="random", random_state=seed)
    return tsne.fit_transform(features)
