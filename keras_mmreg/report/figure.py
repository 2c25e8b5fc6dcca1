"""The figure of a report."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from keras_mmreg.report.result import Result
from keras_mmreg.report.text import rows
from keras_mmreg.visualization._figure import COLORS
from keras_mmreg.visualization._figure import MARKERS
from keras_mmreg.visualization._figure import create_axes
from keras_mmreg.visualization._figure import root_figure

ROW_HEIGHT = 0.55


def plot_report(report: Result, ax: Axes | None = None) -> Figure:
    """Draws the score under each intervention, with intervals.

    Each modality is a row, with different marks for shuffled, alone and
    missing. A solid line shows the intact model, with its interval; a dashed
    line shows the best constant prediction.

    Args:
        report: The report.
        ax: The matplotlib `Axes` to draw on. Defaults to `None`, a new figure.

    Returns:
        The matplotlib `Figure`.
    """
    names = list(dict.fromkeys(name for _, name, _ in rows(report) if name))
    kinds = list(dict.fromkeys(kind for kind, name, _ in rows(report) if name))
    height = 1.4 + ROW_HEIGHT * max(len(names), 2)
    ax = create_axes(ax, figsize=(6.4, height))
    for kind, name, measurement in rows(report):
        if not name:
            continue
        place = kinds.index(kind)
        # Side by side in the row, so that they do not cover each other.
        shift = (place - (len(kinds) - 1) / 2) * 0.6 / len(kinds)
        y = names.index(name) + shift
        color = COLORS[place % len(COLORS)]
        ax.plot(
            [measurement.low, measurement.high], [y, y], color=color, zorder=3
        )
        ax.plot(
            measurement.value,
            y,
            MARKERS[place % len(MARKERS)],
            color=color,
            label=kind if name == names[0] else None,
            zorder=4,
        )
    intact = report.intact
    ax.axvspan(intact.low, intact.high, color="0.85", zorder=1)
    ax.axvline(intact.value, color="black", label="intact", zorder=2)
    if report.chance is not None:
        ax.axvline(
            report.chance, color="0.4", linestyle="--", label="constant answer"
        )
    _finish(ax, report, names)
    return root_figure(ax)


def _finish(ax: Axes, report: Result, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(report.metric)
    if report.percent:
        ax.set_xlim(0.0, 1.02)
        ax.xaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    ax.grid(axis="x", linewidth=0.5, alpha=0.5)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=3,
        fontsize="small",
        frameon=False,
    )
