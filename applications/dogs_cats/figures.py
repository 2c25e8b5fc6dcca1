"""The figures of the README.

- `training.png`: accuracy on the other set by epoch, as Fig. 3 of Gat et al.
- `strength.png`: accuracy on the own set over the strength.
"""

import pathlib

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import keras_mmreg as mmreg
from applications.common import figures
from applications.dogs_cats.tables import NAMES
from applications.dogs_cats.tables import TITLES
from applications.dogs_cats.tables import by_method


def plot_training(runs: list[dict]) -> Figure:
    """The dotted line is a coin."""
    figure, axes = panels(runs)
    for train_on, ax in axes.items():
        groups = by_method([r for r in runs if r["train_on"] == train_on])
        histories = {
            NAMES[method]: [run["history"] for run in group]
            for method, group in groups.items()
        }
        mmreg.visualization.plot_training_curves(
            histories, "other", ax=ax, percent=True
        )
        ax.axhline(0.5, color="gray", linestyle=":")
        ax.set_ylabel("Accuracy on the other set")
        if legend := ax.get_legend():
            legend.remove()
    figure.legend(
        *ax.get_legend_handles_labels(),
        loc="outside right upper",
        frameon=False,
    )
    return figure


def plot_strength(runs: list[dict]) -> Figure:
    """One run of each strength; plain training is the dashed line."""
    figure, axes = panels(runs)
    for train_on, ax in axes.items():
        groups = by_method([r for r in runs if r["train_on"] == train_on])
        for run in groups.pop("plain", []):
            ax.axhline(100 * run["own_accuracy"], color="gray", linestyle="--")
        for method, group in groups.items():
            ordered = sorted(group, key=lambda run: run["strength"])
            ax.plot(
                [run["strength"] for run in ordered],
                [100 * run["own_accuracy"] for run in ordered],
                "o-",
                label=NAMES[method],
            )
        ax.set_xscale("log")
        ax.set_xlabel("Strength (scale of the noise)")
        ax.set_ylabel("Accuracy on the own set (%)")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def panels(runs: list[dict]) -> tuple[Figure, dict[str, Axes]]:
    """A panel for each set that was trained on."""
    names = [
        name for name in TITLES if any(r["train_on"] == name for r in runs)
    ]
    figure, axes = plt.subplots(
        1,
        len(names),
        figsize=(2.5 + 4.5 * len(names), 3.8),
        squeeze=False,
        layout="constrained",
    )
    for ax, name in zip(axes[0], names, strict=True):
        ax.set_title(f"Trained on {name.upper()}")
    return figure, dict(zip(names, axes[0], strict=True))


def save(parts: dict[str, list[dict]], folder: pathlib.Path) -> None:
    """Draws both from the runs of the search and of the test."""
    drawn = {}
    if parts["test"]:
        drawn["training"] = plot_training(parts["test"])
    if parts["search"]:
        drawn["strength"] = plot_strength(parts["search"])
    figures.save(drawn, folder)
