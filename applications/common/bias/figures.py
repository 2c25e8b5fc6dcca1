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

SHOWN = ("plain", "fisher", "lmh", "lmh_fisher", "lmh_noise")
"""The rows of the curves."""


def save(runs: list[dict], folder: pathlib.Path) -> None:
    """Draws what the runs have."""
    searched = [run for run in runs if run["select"]]
    tested = [run for run in runs if not run["select"]]
    drawn: dict[str, Figure] = {}
    if searched:
        drawn["strength"] = plot_strengths(searched)
    for data in names(tested):
        own = [run for run in tested if run["data"] == data]
        measured = [
            run for run in own if "information" in "".join(run["history"])
        ]
        rest = [run for run in own if run not in measured]
        drawn[f"{data}_accuracy"] = mmreg.visualization.plot_training_curves(
            curves(rest or measured), "accuracy"
        )
        if measured:
            drawn[f"{data}_information"] = (
                mmreg.visualization.plot_information_share(curves(measured))
            )
    figures.save(drawn, folder)


def names(runs: list[dict]) -> list[str]:
    """The data sets that have runs."""
    return list(dict.fromkeys(run["data"] for run in runs))


def curves(runs: list[dict]) -> dict[str, list[dict]]:
    """The histories of the rows that figures show."""
    return {
        METHODS[method].title: [run["history"] for run in group]
        for method, group in by_method(runs).items()
        if method in SHOWN
    }


def plot_strengths(runs: list[dict]) -> Figure:
    """A panel for each data set, a line for each method, without "auto"."""
    figure, axes = plt.subplots(
        1,
        len(names(runs)),
        figsize=(4.8 * len(names(runs)), 3.4),
        squeeze=False,
        layout="constrained",
    )
    for ax, data in zip(axes[0], names(runs), strict=True):
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
