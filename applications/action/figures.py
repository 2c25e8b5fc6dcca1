"""The figures that the results are enough for.

- `accuracy.png`: every run of every method.
- `strength.png`: accuracy on held-out people over the strength.
- `zeta.png`: zeta by look, with and without the term.
"""

import itertools
import pathlib

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import keras_mmreg as mmreg
from applications.action.tables import NAMES
from applications.action.tables import by_method
from applications.action.tables import of
from applications.action.tables import people
from applications.action.tasks import REGIMES
from applications.action.tasks import TASKS
from applications.action.training import MASKED
from applications.common import figures


def settings_of(runs: list[dict]) -> list[tuple[str, str]]:
    """The tasks and regimes that there are runs of."""
    return [
        pair for pair in itertools.product(TASKS, REGIMES) if of(runs, *pair)
    ]


def title(task: str, regime: str) -> str:
    return f"{TASKS[task].title},\n{people(task, regime)}"


def panels(count: int, height: float) -> tuple[Figure, list[Axes]]:
    figure, axes = plt.subplots(
        1,
        count,
        figsize=(2.0 + 3.2 * count, height),
        squeeze=False,
        layout="constrained",
    )
    return figure, list(axes[0])


def plot_accuracy(runs: list[dict]) -> Figure:
    found = settings_of(runs)
    figure, axes = panels(len(found), 3.8)
    methods = [method for method in NAMES if method != "single"]
    for ax, pair in zip(axes, found, strict=True):
        groups = by_method(of(runs, *pair))
        for row, method in enumerate(methods):
            accuracies = np.array(
                [100 * run["accuracy"] for run in groups[method].values()]
            )
            color = "C1" if method == "cm_vqvae" else "C0"
            ax.plot(accuracies, [row] * len(accuracies), "|", color=color)
            if len(accuracies):
                ax.plot(accuracies.mean(), row, "o", color=color)
        ax.set_title(title(*pair), size=10)
        ax.set_xlabel("Accuracy (%)")
        ax.set_yticks(range(len(methods)), [""] * len(methods))
        ax.invert_yaxis()
    axes[0].set_yticks(range(len(methods)), [NAMES[name] for name in methods])
    return figure


def plot_strength(runs: list[dict]) -> Figure:
    figure, (ax,) = panels(1, 3.6)
    for pair in settings_of(runs):
        group = sorted(of(runs, *pair), key=lambda run: run["strength"])
        by_strength: dict[float, list] = {}
        for run in group:
            by_strength.setdefault(run["strength"], []).append(
                100 * run["validation_accuracy_last"]
            )
        means = [np.mean(values) for values in by_strength.values()]
        ax.plot(list(by_strength), means, "o-", label=title(*pair))
    ax.set_xscale("log")
    ax.set_xlabel("Strength of the mask")
    ax.set_ylabel("Accuracy on held-out people (%)")
    ax.legend(
        frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0)
    )
    return figure


def plot_zeta(runs: list[dict]) -> Figure:
    found = settings_of(runs)
    figure, axes = panels(len(found), 3.4)
    for ax, pair in zip(axes, found, strict=True):
        groups = by_method(of(runs, *pair))
        histories = {
            NAMES[method]: [run["history"] for run in groups[method].values()]
            for method in MASKED
            if groups[method]
        }
        mmreg.visualization.plot_training_curves(histories, "zeta", ax=ax)
        ax.set_xlabel("Look")
        ax.set_ylabel("Zeta")
        ax.set_title(title(*pair), size=10, pad=24)  # Below it, a legend.
    return figure


def save(parts: dict[str, list[dict]], folder: pathlib.Path) -> None:
    """Draws what there are runs of."""
    drawn = {}
    if parts["accuracy"]:
        drawn["accuracy"] = plot_accuracy(parts["accuracy"])
        drawn["zeta"] = plot_zeta(parts["accuracy"])
    if parts["search"]:
        drawn["strength"] = plot_strength(parts["search"])
    figures.save(drawn, folder)
