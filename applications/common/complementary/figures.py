"""The figures of the READMEs.

- `strength.png`: validation accuracy and kept channels over the strength.
- `zeta.png`: the complementarity of the modalities, epoch by epoch.
"""

import pathlib

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

import keras_mmreg as mmreg
from applications.common import figures
from applications.common.complementary.tables import NAMES

MASKED = ("cm_vqvae_unregularized", "cm_vqvae", "config_iii")


def save(
    runs: list[dict], modalities: tuple[str, ...], folder: pathlib.Path
) -> None:
    """Draws what the runs have."""
    searched = [run for run in runs if run["select"]]
    drawn: dict[str, Figure] = {}
    if searched:
        drawn["strength"] = plot_strength(searched)
    curves = {
        NAMES[method]: [
            run["history"]
            for run in runs
            if run["method"] == method and not run["select"]
        ]
        for method in MASKED
    }
    curves = {
        name: histories for name, histories in curves.items() if histories
    }
    if curves:
        drawn["zeta"] = mmreg.visualization.plot_training_curves(curves, "zeta")
    figures.save(drawn, folder)


def plot_strength(runs: list[dict]) -> Figure:
    """Validation accuracy, and the kept channels beside it."""
    figure, axes = plt.subplots(1, 2, figsize=(8.0, 3.3), layout="constrained")
    runs = sorted(runs, key=lambda run: run["strength"])
    values = {
        "Validation accuracy (%)": lambda run: run["validation_accuracy"],
        "Kept channels (% of all)": lambda run: (
            sum(run["complementary"].values()) / 100
        ),
    }
    for ax, (label, value) in zip(axes, values.items(), strict=True):
        points = {run["strength"]: [value(run)] for run in runs}
        figures.draw_means(ax, points, "")
        ax.set_xscale("log")
        ax.set_xlabel("Strength")
        ax.set_ylabel(label)
    return figure
