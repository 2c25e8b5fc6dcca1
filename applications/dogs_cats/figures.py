"""The figures of the README.

- `training.png`: accuracy on the other set by epoch, as Fig. 3 of Gat et al.
- `strength.png`: accuracy on the own set over the strength.
"""

import pathlib

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

import keras_mmreg as mmreg
from applications.common import figures
from applications.dogs_cats.tables import NAMES
from applications.dogs_cats.tables import TITLES
from applications.dogs_cats.tables import by_method


def plot_training(runs: list[dict]) -> Figure:
    figure, axes = panels()
    for ax, train_on in zip(axes, TITLES, strict=True):
        groups = by_method([r for r in runs if r["train_on"] == train_on])
        histories = {
            NAMES[method]: [run["history"] for run in group]
            for method, group in groups.items()
        }
        if histories:
            mmreg.visualization.plot_training_curves(
                histories, "other", ax=ax, percent=True
            )
        ax.axhline(50.0, color="gray", linestyle=":")
        ax.set_ylabel("Accuracy on the other set (%)")
        ax.set_title(TITLES[train_on].split(" (")[0])
    return figure


def plot_strength(runs: list[dict]) -> Figure:
    """One run of each strength; plain training is the dashed line."""
    figure, axes = panels()
    for ax, train_on in zip(axes, TITLES, strict=True):
        groups = by_method([r for r in runs if r["train_on"] == train_on])
        for run in groups.pop("plain", []):
            ax.axhline(100 * run["own_accuracy"], color="gray", linestyle="--")
        for method, group in groups.items():
            figures.draw_means(
                ax,
                {
                    run["strength"]: [run["own_accuracy"]]
                    for run in sorted(group, key=lambda r: r["strength"])
                },
                NAMES[method],
            )
        ax.set_xscale("log")
        ax.set_xlabel("Strength (scale of the noise)")
        ax.set_ylabel("Accuracy on the own set (%)")
        ax.set_title(TITLES[train_on].split(" (")[0])
    axes[0].legend(frameon=False, fontsize="small")
    return figure


def panels() -> tuple[Figure, list]:
    figure, axes = plt.subplots(1, 2, figsize=(11.0, 4.0), layout="constrained")
    return figure, list(axes)


def save(parts: dict[str, list[dict]], folder: pathlib.Path) -> None:
    """Draws both from the runs of the search and of the test."""
    drawn = {}
    if parts["test"]:
        drawn["training"] = plot_training(parts["test"])
    if parts["search"]:
        drawn["strength"] = plot_strength(parts["search"])
    figures.save(drawn, folder)
