"""The figures of the READMEs.

- `strength.png`: the criterion on validation data over the strength.
- `<data>_accuracy.png`: test accuracy epoch by epoch, as Fig. 3 of Gat et al.
- `<data>_information.png`: the modalities' shares, as their Fig. 2.
"""

import pathlib

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

import keras_mmreg as mmreg
from applications.common import figures
from applications.common.bias.methods import METHODS
from applications.common.bias.tables import by_method
from applications.common.bias.tables import by_strength

SHOWN = ("plain", "fisher", "lmh", "lmh_fisher")
"""The rows of the curves."""


def save(runs: list[dict], folder: pathlib.Path) -> None:
    """Draws what the runs have."""
    names = list(dict.fromkeys(run["data"] for run in runs))
    searched = [run for run in runs if run["select"]]
    drawn: dict[str, Figure] = {}
    if searched:
        drawn["strength"] = plot_strengths(searched, names)
    for data in names:
        curves = {
            METHODS[method].title: [run["history"] for run in group]
            for method, group in by_method(
                [
                    run
                    for run in runs
                    if run["data"] == data and not run["select"]
                ]
            ).items()
            if method in SHOWN
        }
        if not curves:
            continue
        drawn[f"{data}_accuracy"] = mmreg.visualization.plot_training_curves(
            curves, "accuracy"
        )
        measured = {
            name: histories
            for name, histories in curves.items()
            if any("information" in key for key in histories[0])
        }
        if measured:
            drawn[f"{data}_information"] = (
                mmreg.visualization.plot_information_share(measured)
            )
    figures.save(drawn, folder)


def plot_strengths(runs: list[dict], names: list[str]) -> Figure:
    """A panel for each data set, a line for each method, without "auto"."""
    figure, axes = plt.subplots(
        1,
        len(names),
        figsize=(4.5 * len(names), 3.4),
        squeeze=False,
        layout="constrained",
    )
    for ax, data in zip(axes[0], names, strict=True):
        groups = by_method([run for run in runs if run["data"] == data])
        for method, group in groups.items():
            figures.draw_means(
                ax,
                {
                    run["strength"]: [run["criterion"]]
                    for run in sorted(group, key=by_strength)
                    if run["strength"] != "auto"
                },
                METHODS[method].title,
            )
        ax.set_xscale("log")
        ax.set_title(data, size=10)
        ax.set_xlabel("Strength (scale of the noise)")
        ax.set_ylabel("Criterion on validation data (%)")
        ax.legend(frameon=False, fontsize=8)
    return figure
