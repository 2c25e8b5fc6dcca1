"""A figure of a complementarity mask's weights."""

from keras import ops
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.visualization._figure import COLORS
from keras_mmreg.visualization._figure import create_axes
from keras_mmreg.visualization._figure import root_figure


def plot_mask_weights(
    mask: ComplementarityMask, ax: Axes | None = None
) -> Figure:
    """Draws the weights of each modality's channels, with the threshold.

    Weights are sorted within each modality; those above the threshold are the
    complementary channels. Weights close to the threshold are undecided.

    Args:
        mask: A built `ComplementarityMask` with weights.
        ax: The matplotlib `Axes` to draw on. Defaults to `None`: a new figure.

    Returns:
        The matplotlib `Figure`.

    Raises:
        ValueError: If the mask's mode has no weights.

    Example:

    >>> mask = ComplementarityMask()
    >>> mask.build({"image": (None, 6), "audio": (None, 4)})
    >>> figure = plot_mask_weights(mask)
    >>> figure.axes[0].get_ylabel()
    'Mask weight'
    """
    if not isinstance(mask, ComplementarityMask) or not mask.built:
        raise ValueError(
            "`mask` must be a `ComplementarityMask` that has seen data, such "
            f"as the `mask` of a trained `CMVQVAE`. Received: {mask!r}"
        )
    if not mask.learns:
        raise ValueError(
            "`mask` must have weights to draw: its `mode` must be 'binary', "
            f"'ternary' or 'attention'. Received: mode={mask.mode!r}"
        )
    ax = create_axes(ax)
    start = 0
    for index, (name, weights) in enumerate(mask.channel_weights.items()):
        values = sorted(ops.convert_to_numpy(ops.stop_gradient(weights)))
        positions = range(start, start + len(values))
        color = COLORS[index % len(COLORS)]
        ax.bar(positions, values[::-1], color=color, width=1.0, label=name)
        start += len(values)
    ax.axhline(mask.threshold, color="black", linestyle="--", label="threshold")
    ax.set_xlabel("Channel")
    ax.set_ylabel("Mask weight")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=4,
        frameon=False,
        fontsize="small",
    )
    return root_figure(ax)
