"""A figure of inputs decoded from complementary and contradictory features."""

from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops
from matplotlib.figure import Figure

from keras_mmreg.models.cm_vqvae import CMVQVAE

_ROWS = ("all", "complementary", "contradictory")


def plot_reconstructions(
    model: CMVQVAE, inputs: Any, modality: str, num_examples: int = 8
) -> Figure:
    """Draws inputs and their reconstructions from all or some features.

    Args:
        model: A trained `CMVQVAE` with decoders.
        inputs: A batch, as for a call of the model.
        modality: The modality to draw: images `(height, width)`, or with 1 or
            3 channels last; or spectrograms.
        num_examples: Integer, how many examples to draw. Defaults to `8`.

    Returns:
        The matplotlib `Figure`: a row for the input and one for each part.

    Raises:
        ValueError: If the model does not have the modality or decoders, or
            its examples are not images.

    References:
        - Tejero-de-Pablos, Complementary-Contradictory Feature Regularization
          against Multimodal Overfitting, WACV 2024: Figs. 3 and 4.
    """
    if modality not in model.modalities:
        raise ValueError(
            f"`modality` must be one of {list(model.modalities)}. "
            f"Received: {modality!r}"
        )
    batch = keras.tree.map_structure(lambda x: x[:num_examples], inputs)
    rows = {"input": _original(model, batch, modality)}
    for part in _ROWS:
        decoded = model.reconstruct(batch, part)[modality]
        rows[part] = ops.convert_to_numpy(ops.stop_gradient(decoded))
    return _draw_rows({name: _images(row) for name, row in rows.items()})


def _original(model: CMVQVAE, batch: Any, modality: str) -> np.ndarray:
    if isinstance(batch, dict):
        return np.asarray(batch[modality])
    index = model.modalities.index(modality)
    is_sequence = isinstance(batch, (list, tuple))
    return np.asarray(batch[index] if is_sequence else batch)


def _images(array: np.ndarray) -> np.ndarray:
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 3 and array.shape[-1:] != (3,):
        raise ValueError(
            "`modality` must have examples that are images: (height, width), "
            f"or with 1 or 3 channels last. Received: shape={array.shape}"
        )
    return array


def _draw_rows(rows: dict[str, np.ndarray]) -> Figure:
    columns = len(rows["input"])
    figure, axes = plt.subplots(
        len(rows),
        columns,
        figsize=(0.9 * columns + 1.2, 0.95 * len(rows)),
        squeeze=False,
        layout="constrained",
    )
    # One gray scale for all rows, so that a faint part looks faint.
    low, high = rows["input"].min(), rows["input"].max()
    for row, (name, images) in enumerate(rows.items()):
        for ax, image in zip(axes[row], images, strict=True):
            shown = (np.clip(image, low, high) - low) / max(high - low, 1e-12)
            ax.imshow(shown, cmap="gray", vmin=0.0, vmax=1.0)
            ax.set_xticks([])
            ax.set_yticks([])
        axes[row, 0].set_ylabel(
            name, rotation=0, ha="right", va="center", fontsize="small"
        )
    return figure
