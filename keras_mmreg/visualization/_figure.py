"""Axes, curves and legends that stay readable in print and in gray."""

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.ticker import PercentFormatter

COLORS = (
    "#0072B2",  # blue
    "#D55E00",  # vermillion
    "#009E73",  # green
    "#CC79A7",  # purple
    "#E69F00",  # orange
    "#56B4E9",  # sky
    "#000000",
)
"""Colors that color-blind readers can tell apart (Okabe and Ito, 2008)."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINESTYLES = ("-", "--", ":", "-.", (0, (6, 2, 1, 2, 1, 2)), (0, (1, 3)))
MAX_COLUMNS = 3
NUM_MARKERS = 8
"""Markers along a curve: one on each of 100 epochs would hide the curve."""


def create_axes(
    ax: Axes | None, figsize: tuple[float, float] = (6.4, 3.2)
) -> Axes:
    """Returns the given axes, or those of a new figure."""
    if ax is None:
        return plt.subplots(figsize=figsize, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise ValueError(
            "`ax` must be one matplotlib `Axes`; pick one from the array that "
            f"`plt.subplots` returns. Received: {type(ax).__name__}"
        )
    return ax


def create_panels(titles: list[str]) -> list[Axes]:
    """Creates axes with shared scales, at most `MAX_COLUMNS` in a row."""
    columns = min(len(titles), MAX_COLUMNS)
    rows = math.ceil(len(titles) / columns)
    figsize = (1.6 + (4.8 if columns == 1 else 2.5 * columns), 3.0 * rows)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=figsize,
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    axes = list(grid.flat)
    for ax in axes[len(titles) :]:
        figure.delaxes(ax)
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title)
        ax.tick_params(labelbottom=True)
    return axes[: len(titles)]


def root_figure(ax: Axes) -> Figure:
    """Returns the figure of axes, even if they are in a subfigure."""
    figure: Any = ax.figure
    return figure.figure


def draw_curve(
    ax: Axes,
    epochs: np.ndarray,
    values: np.ndarray,
    label: str,
    color: int = 0,
    style: int = 0,
) -> None:
    """Draws the mean of curves, with a band of one standard deviation.

    Args:
        ax: The axes.
        epochs: Array `(num_epochs,)`.
        values: Array `(num_runs, num_epochs)`.
        label: The text of the legend.
        color: Index of the color and the marker.
        style: Index of the line's pattern; markers are open from 1 on.
    """
    mean = values.mean(axis=0)
    chosen = COLORS[color % len(COLORS)]
    gap = math.ceil(len(epochs) / NUM_MARKERS)
    ax.plot(
        epochs,
        mean,
        color=chosen,
        linestyle=LINESTYLES[style % len(LINESTYLES)],
        linewidth=1.5,
        marker=MARKERS[color % len(MARKERS)],
        markersize=5,
        markerfacecolor="white" if style else chosen,
        # Staggered, so that overlapping curves show their markers in turn.
        markevery=((color + 2 * style) % gap, gap),
        label=label,
    )
    if len(values) > 1:
        stddev = values.std(axis=0, ddof=1)
        ax.fill_between(
            epochs,
            mean - stddev,
            mean + stddev,
            color=chosen,
            alpha=0.2,
            linewidth=0,
        )


def finish_axes(ax: Axes, ylabel: str, percent: bool) -> None:
    """Labels the axes of curves over epochs."""
    ax.set_xlabel("Epoch")
    ax.set_ylabel(ylabel)
    ax.xaxis.set_major_locator(
        MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    # There is no epoch 0. `auto=None`: curves drawn later still widen the axes.
    ax.set_xlim(left=max(ax.get_xlim()[0], 0.05), auto=None)
    ax.grid(axis="y", linewidth=0.5, alpha=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    if percent:
        ax.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
        # A mean plus its deviation may lie beyond what a share can be.
        bottom, top = ax.get_ylim()
        ax.set_ylim(max(bottom, -0.03), min(top, 1.03), auto=None)


def draw_legend(axes: list[Axes], outside: bool) -> None:
    """Draws one legend for all axes, to their right or above.

    It is never inside the axes, where it would cover curves: with many curves,
    no place is empty.
    """
    handles = {line.get_label(): line for ax in axes for line in ax.get_lines()}
    if len(handles) < 2:
        return
    # Given axes may have neighbors on their right.
    axes[min(len(axes), MAX_COLUMNS) - 1].legend(
        handles=list(handles.values()),
        loc="upper left" if outside else "lower center",
        bbox_to_anchor=(1.01, 1.0) if outside else (0.5, 1.0),
        ncols=1 if outside else 2,
        fontsize=None if outside else "small",
        handlelength=2.8,
        frameon=False,
    )
