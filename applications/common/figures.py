"""Drawing and saving figures."""

import pathlib

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def save(figures: dict[str, Figure], folder: pathlib.Path) -> None:
    """Saves and closes each figure as `<name>.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=150)
        plt.close(figure)


def draw_means(ax: Axes, values: dict[float, list], label: str) -> None:
    """A line through the means, in percent, with deviations as bars.

    Args:
        ax: The axes.
        values: Dict of x to parts of 1, one for each run.
        label: The text of the legend.
    """
    arrays = {x: 100 * np.array(y) for x, y in values.items() if len(y)}
    ax.errorbar(
        list(arrays),
        [y.mean() for y in arrays.values()],
        [y.std(ddof=1) if len(y) > 1 else 0.0 for y in arrays.values()],
        marker="o",
        capsize=3,
        label=label,
    )
