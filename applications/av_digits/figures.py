"""Draws the figures of the audio-visual digits study.

    python applications/av_digits/figures.py RESULTS_FOLDER --output figures

- `worth.png`: the kept share of the image, and accuracies, by image noise.
- `accuracy.png`: the accuracy of each method in the three regimes.
- `shares.png`: the kept shares epoch by epoch.
"""

import argparse
import pathlib

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from table import NAMES
from table import REGIMES
from table import by_method
from table import read_runs

import keras_mmreg as mmreg


def plot_worth(folder: pathlib.Path) -> Figure:
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.0, 3.5), layout="constrained"
    )
    runs = read_runs(folder / "worth", "*")
    for groups, label in ((8, "8 codebooks"), (1, "1 codebook")):
        kept = {
            noise: [
                image / (image + audio)
                for run in runs
                if run["method"] == "cm_vqvae"
                and run["num_groups"] == groups
                and run["image_noise"] == noise
                for image, audio in [
                    (
                        run["complementary"]["image"],
                        run["complementary"]["audio"],
                    )
                ]
            ]
            for noise in sorted({run["image_noise"] for run in runs})
        }
        draw_mean(left, kept, label)
    for method in ("image", "audio", "cm_vqvae"):
        accuracies = {
            noise: [
                run["accuracy"]
                for run in runs
                if run["method"] == method
                and run["num_groups"] == 8
                and run["image_noise"] == noise
            ]
            for noise in sorted({run["image_noise"] for run in runs})
        }
        draw_mean(right, accuracies, NAMES[method])
    left.set_ylabel("Image channels among those kept (%)")
    right.set_ylabel("Accuracy (%)")
    for ax in (left, right):
        ax.set_xlabel("Standard deviation of the image noise")
        ax.legend(frameon=False)
    return figure


def draw_mean(ax: plt.Axes, values: dict[float, list], label: str) -> None:
    values = {x: 100 * np.array(y) for x, y in values.items() if y}
    ax.errorbar(
        list(values),
        [y.mean() for y in values.values()],
        [y.std(ddof=1) if len(y) > 1 else 0.0 for y in values.values()],
        marker="o",
        capsize=3,
        label=label,
    )


def plot_accuracy(folder: pathlib.Path) -> Figure:
    figure, axes = plt.subplots(
        1, 3, figsize=(11.0, 3.5), sharey=True, layout="constrained"
    )
    methods = [method for method in NAMES if method != "single"]
    for ax, (regime, title) in zip(axes, REGIMES.items(), strict=True):
        groups = by_method(read_runs(folder / "accuracy", f"{regime}-*"))
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


def plot_shares(folder: pathlib.Path) -> Figure:
    """All runs of the healthy regime; a mean and a deviation of each."""
    groups = by_method(read_runs(folder / "accuracy", "healthy-*"))
    histories = {
        NAMES[method]: [run["history"] for run in groups[method].values()]
        for method in ("cm_vqvae_unregularized", "cm_vqvae")
    }
    figure = mmreg.visualization.plot_training_curves(
        histories, ["complementary_image", "complementary_audio"]
    )
    figure.axes[0].set_ylabel("Kept channels (% of all)")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=pathlib.Path, help="study.py's output")
    parser.add_argument("--output", type=pathlib.Path, default="figures")
    args = parser.parse_args()
    figures = {
        "worth": plot_worth(args.results),
        "accuracy": plot_accuracy(args.results),
        "shares": plot_shares(args.results),
    }
    args.output.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(args.output / f"{name}.png", dpi=150)


if __name__ == "__main__":
    main()
