"""The figures of the README.

- `worth.png`: the kept share of the image, and accuracies, by image noise.
- `accuracy.png`: the accuracy of each method in the three regimes.
- `shares.png`: the kept shares epoch by epoch.
"""

import pathlib
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import keras_mmreg as mmreg
from applications.av_digits.regimes import TITLES
from applications.av_digits.regimes import by_method
from applications.av_digits.regimes import of_regime
from applications.av_digits.tables import NAMES
from applications.common import figures


def plot_worth(runs: list[dict]) -> Figure:
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.0, 3.5), layout="constrained"
    )
    for groups, label in ((8, "8 codebooks"), (1, "1 codebook")):
        kept = by_noise(runs, "cm_vqvae", groups, image_share)
        figures.draw_means(left, kept, label)
    for method in ("image", "audio", "cm_vqvae"):
        accuracies = by_noise(runs, method, 8, lambda run: run["accuracy"])
        figures.draw_means(right, accuracies, NAMES[method])
    left.set_ylabel("Image channels (% of those kept)")
    right.set_ylabel("Accuracy (%)")
    for ax in (left, right):
        ax.set_xlabel("Standard deviation of the image noise")
        ax.legend(frameon=False)
    return figure


def by_noise(
    runs: list[dict],
    method: str,
    num_groups: int,
    value: Callable[[dict], float],
) -> dict[float, list[float]]:
    """A value of each run of a method, by the noise on its images."""
    return {
        noise: [
            value(run)
            for run in runs
            if run["method"] == method
            and run["num_groups"] == num_groups
            and run["image_noise"] == noise
        ]
        for noise in sorted({run["image_noise"] for run in runs})
    }


def image_share(run: dict) -> float:
    kept = run["complementary"]
    return kept["image"] / (kept["image"] + kept["audio"])


def plot_accuracy(runs: list[dict]) -> Figure:
    figure, axes = plt.subplots(
        1, 3, figsize=(11.0, 3.5), sharey=True, layout="constrained"
    )
    methods = [method for method in NAMES if method != "single"]
    for ax, (regime, title) in zip(axes, TITLES.items(), strict=True):
        groups = by_method(of_regime(runs, regime))
        for row, method in enumerate(methods):
            accuracies = np.array(
                [100 * run["accuracy"] for run in groups[method].values()]
            )
            color = "C1" if method == "cm_vqvae" else "C0"
            ax.plot(accuracies, [row] * len(accuracies), "|", color=color)
            if len(accuracies):
                ax.plot(accuracies.mean(), row, "o", color=color)
        ax.set_title(title, size=10)
        ax.set_xlabel("Accuracy (%)")
    axes[0].set_yticks(range(len(methods)), [NAMES[name] for name in methods])
    axes[0].invert_yaxis()
    return figure


def plot_shares(runs: list[dict]) -> Figure:
    """All runs of the healthy regime; a mean and a deviation of each."""
    groups = by_method(of_regime(runs, "healthy"))
    histories = {
        NAMES[method]: [run["history"] for run in groups[method].values()]
        for method in ("cm_vqvae_unregularized", "cm_vqvae")
    }
    figure = mmreg.visualization.plot_training_curves(
        histories, ["complementary_image", "complementary_audio"]
    )
    figure.axes[0].set_ylabel("Kept channels (% of all)")
    return figure


def save(parts: dict[str, list[dict]], folder: pathlib.Path) -> None:
    """Draws all figures from the runs of each part of the study."""
    figures.save(
        {
            "worth": plot_worth(parts["worth"]),
            "accuracy": plot_accuracy(parts["accuracy"]),
            "shares": plot_shares(parts["accuracy"]),
        },
        folder,
    )
