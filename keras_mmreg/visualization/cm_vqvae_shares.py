"""A figure of shares and zeta over the epochs."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_mmreg.visualization._figure import COLORS
from keras_mmreg.visualization._figure import create_axes
from keras_mmreg.visualization._figure import root_figure
from keras_mmreg.visualization._histories import run_of

_PREFIX = "complementary_"


def plot_complementarity(history: Any, ax: Axes | None = None) -> Figure:
    """Draws each modality's complementary share, and zeta, by epoch.

    Args:
        history: The `History` that `fit` returns with a
            `ComplementarityLogger`, or its `.history` dict.
        ax: The matplotlib `Axes` to draw on. Defaults to `None`: a new figure.

    Returns:
        The matplotlib `Figure`; its second axes show zeta.

    Raises:
        ValueError: If the history has no shares.

    Example:

    >>> history = {
    ...     "complementary_image": [50.0, 30.0],
    ...     "complementary_audio": [50.0, 15.0],
    ...     "zeta": [1.0, 0.5],
    ... }
    >>> figure = plot_complementarity(history)
    >>> [line.get_label() for line in figure.axes[0].get_lines()]
    ['image', 'audio']
    """
    epochs, logs = run_of(history)
    shares = {
        name.removeprefix(_PREFIX): logs[name]
        for name in logs
        if name.startswith(_PREFIX)
    }
    if not shares or "zeta" not in logs:
        raise ValueError(
            "`history` must have `complementary_<modality>` and `zeta`: pass a "
            "`ComplementarityLogger` to the `callbacks` of `fit`. "
            f"Received: {sorted(logs)}"
        )
    ax = create_axes(ax)
    for index, (name, values) in enumerate(shares.items()):
        ax.plot(epochs, values, color=COLORS[index % len(COLORS)], label=name)
    ax.set_xlabel("Epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_ylabel("Complementary channels (% of all)")
    ax.set_ylim(bottom=0)
    ax.spines["top"].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    right = ax.twinx()
    right.plot(epochs, logs["zeta"], color="gray", ls="--")
    right.set_ylabel("Zeta (dashed)")
    right.set_ylim(0, 1.05)
    right.spines["top"].set_visible(False)
    return root_figure(ax)
