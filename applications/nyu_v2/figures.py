"""The figures of the README.

- `shares.png`: what is kept, and zeta, epoch by epoch.
- `strength.png`: mIoU on held-out images over the strength.
- `rgb.png`, `depth.png`: images, and what is decoded from all features, from
  the complementary and from the contradictory ones.
- `segmentation.png`: labels and predictions.
"""

import pathlib

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import keras_mmreg as mmreg
from applications.common import figures
from applications.nyu_v2.tables import NAMES
from applications.nyu_v2.training import NUM_CLASSES
from applications.nyu_v2.training import SHAPES
from applications.nyu_v2.training import Scenes


def plot_shares(runs: list[dict]) -> Figure:
    histories = {
        NAMES[method]: [
            run["history"] for run in runs if run["method"] == method
        ]
        for method in ("cm_vqvae_unregularized", "cm_vqvae")
    }
    histories = {name: each for name, each in histories.items() if each}
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10.0, 3.6), layout="constrained"
    )
    mmreg.visualization.plot_training_curves(
        histories, ["complementary_rgb", "complementary_depth"], ax=left
    )
    left.set_ylabel("Kept channels (% of all)")
    mmreg.visualization.plot_training_curves(histories, "zeta", ax=right)
    right.set_ylabel("Zeta")
    return figure


def plot_strength(runs: list[dict]) -> Figure:
    figure, ax = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
    figures.draw_means(
        ax,
        {
            strength: [
                run["miou"] for run in runs if run["strength"] == strength
            ]
            for strength in sorted({run["strength"] for run in runs})
        },
        "Ours",
    )
    ax.set_xscale("log")
    ax.set_xlabel("Strength of the mask")
    ax.set_ylabel("mIoU on held-out images (%)")
    return figure


def plot_segmentation(
    model: mmreg.models.CMVQVAE, scenes: Scenes, num_examples: int = 8
) -> Figure:
    few = scenes.take(slice(num_examples))
    predictions = np.argmax(model.predict(few.x, verbose=0), axis=-1)
    unlabeled = few.y == NUM_CLASSES
    rows = {
        "input": few.x["rgb"],
        "labels": np.ma.masked_where(unlabeled, few.y),
        "predictions": np.ma.masked_where(unlabeled, predictions),
    }
    figure, axes = plt.subplots(
        len(rows),
        num_examples,
        figsize=(1.2 + num_examples, 2.6),
        squeeze=False,
        layout="constrained",
    )
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(line, images, strict=False):
            ax.imshow(
                image,
                cmap="nipy_spectral",
                vmin=0,
                vmax=NUM_CLASSES - 1,
                interpolation="nearest",
            )
        for ax in line:
            ax.set_xticks([])
            ax.set_yticks([])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


def save(parts: dict[str, list[dict]], folder: pathlib.Path) -> None:
    """Draws what the results are enough for."""
    drawn = {}
    if parts["test"]:
        drawn["shares"] = plot_shares(parts["test"])
    if parts["search"]:
        drawn["strength"] = plot_strength(parts["search"])
    figures.save(drawn, folder)


def save_pictures(
    model: mmreg.models.CMVQVAE, scenes: Scenes, folder: pathlib.Path
) -> None:
    """Draws what a trained model sees."""
    drawn = {
        name: mmreg.visualization.plot_reconstructions(model, scenes.x, name)
        for name in SHAPES
    }
    drawn["segmentation"] = plot_segmentation(model, scenes)
    figures.save(drawn, folder)
