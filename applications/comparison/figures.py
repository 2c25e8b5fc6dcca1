"""The forest plot: what each method gains over plain training."""

import math
import pathlib

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from applications.common import figures
from applications.comparison.methods import METHODS
from applications.comparison.tables import Row
from applications.comparison.tables import heading
from applications.comparison.tables import rows

PANELS_IN_A_ROW = 5


def draw(runs: list[dict], folder: pathlib.Path) -> None:
    """Saves `forest.png`."""
    names = dict.fromkeys(
        (run["problem"], run["epochs"])
        for run in runs
        if run["stage"] == "test"
    )
    found = {name: rows(*name, runs) for name in names}
    figures.save({"forest": forest(found)}, folder)


def forest(found: dict[tuple[str, int], list[Row]]) -> Figure:
    """A panel for each problem, a line for each method."""
    methods = [
        name
        for name in METHODS
        if any(
            each.method == name and each.headline
            for rows_of_problem in found.values()
            for each in rows_of_problem
        )
    ]
    columns = max(min(len(found), PANELS_IN_A_ROW), 1)
    rows_of_panels = max(math.ceil(len(found) / columns), 1)
    figure, axes = plt.subplots(
        rows_of_panels,
        columns,
        sharey=True,
        squeeze=False,
        figsize=(
            2.0 * columns + 2.0,
            rows_of_panels * (0.22 * len(methods) + 1.2),
        ),
        layout="constrained",
    )
    for ax in axes.flat[len(found) :]:
        ax.set_axis_off()
    for ax, ((problem, epochs), problem_rows) in zip(
        axes.flat, found.items(), strict=False
    ):
        ax.axvline(0, color="0.7", linewidth=1)
        for each in problem_rows:
            if each.headline is None:
                continue
            mean, low, high = (100 * value for value in each.headline)
            place = methods.index(each.method)
            if np.isfinite([low, high]).all():
                ax.plot([low, high], [place, place], color="tab:blue")
            ax.plot(mean, place, "o", color="tab:blue", markersize=4)
        title = heading(problem, epochs).replace(", ", ",\n")
        ax.set_title(title.replace(" (gray)", "\n(gray)"), size=9)
        ax.set_xlabel("points over plain", size=8)
        ax.tick_params(labelsize=8)
    axes[0, 0].set_yticks(
        range(len(methods)), [METHODS[name].title for name in methods]
    )
    axes[0, 0].invert_yaxis()
    return figure
