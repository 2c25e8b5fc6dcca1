"""The figures of the README.

- `gray_accuracy.png`: the accuracy on the gray test digits, epoch by epoch, as
  in Fig. 3 of Gat et al. 2020; the mean over the seeds and its deviation.
- `information_share.png`: what color and shape contribute to the prediction,
  plain and with Fisher information, as in Fig. 2.
- `digits.png`: digits of the training set and of the three gray test sets.
"""

import pathlib

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import keras_mmreg as mmreg
from applications.common import figures
from applications.common.runs import read_runs

LABELS = {
    "none": "plain",
    "weight_decay": "weight decay",
    "entropy": "entropy",
    "variance": "variance",
    "fisher": "Fisher",
    "poincare": "Poincaré",
    "gray": "trained on gray",
}
# Each digit is drawn on the background it stands out from.
BACKGROUNDS = {0.0: "white", 0.5: "black", 1.0: "black"}


def histories(paths: list[pathlib.Path]) -> dict[str, list[dict]]:
    """The histories of each method, one for every seed."""
    runs = read_runs(*paths)
    keys = [(run["method"], run["seed"]) for run in runs]
    if len(set(keys)) < len(keys):
        raise SystemExit(
            "The files hold two runs of the same method and seed. Pass the "
            f"results of one setting of each method. Found: {sorted(keys)}"
        )
    return {
        method: [run["history"] for run in runs if run["method"] == method]
        for method in LABELS
        if any(run["method"] == method for run in runs)
    }


def with_gray_accuracy(history: dict) -> dict:
    """The history with the mean accuracy over the gray test sets."""
    names = [name for name in history if name.startswith("gray_")]
    if not names:
        raise SystemExit(
            "The results have no gray accuracy: train without `--select`."
        )
    gray = np.mean([history[name] for name in names], axis=0)
    return {**history, "gray_accuracy": gray.tolist()}


def plot_gray_accuracy(runs: dict[str, list[dict]]) -> Figure:
    """Fig. 3 of the paper."""
    histories = {
        LABELS[method]: [with_gray_accuracy(history) for history in group]
        for method, group in runs.items()
    }
    return mmreg.visualization.plot_training_curves(histories, "gray_accuracy")


def plot_information_share(runs: dict[str, list[dict]]) -> Figure:
    """Fig. 2 of the paper."""
    missing = {"none", "fisher"} - set(runs)
    if missing:
        raise SystemExit(f"The results have no runs of {sorted(missing)}.")
    histories = {LABELS[method]: runs[method] for method in ("none", "fisher")}
    return mmreg.visualization.plot_information_share(histories)


def plot_digits(num_rows: int = 3) -> Figure:
    """A column for each class, in color and at each gray value."""
    data = mmreg.datasets.load_colored_mnist(gray_values=tuple(BACKGROUNDS))
    heights = [num_rows, *(1 for _ in BACKGROUNDS)]
    figure, axes = plt.subplots(
        len(heights),
        figsize=(6.0, 0.6 * sum(heights) + 1.0),
        height_ratios=heights,
        layout="constrained",
    )
    axes[0].set_title("training: the color gives the digit away", size=10)
    _draw_rows(axes[0], *data.train, num_rows, "black")
    for ax, (value, background) in zip(
        axes[1:], BACKGROUNDS.items(), strict=True
    ):
        title = f"test: all channels at {value:g} (on {background})"
        ax.set_title(title, size=10)
        _draw_rows(ax, *data.test_gray[value], 1, background)
    return figure


def _draw_rows(
    ax: plt.Axes, x: dict, y: np.ndarray, num_rows: int, background: str
) -> None:
    first = [np.flatnonzero(y == digit)[:num_rows] for digit in range(10)]
    index = np.transpose(first).flatten()
    mmreg.visualization.plot_colored_digits(
        {name: values[index] for name, values in x.items()},
        rows=num_rows,
        columns=10,
        background=background,
        ax=ax,
    )


def save(paths: list[pathlib.Path], folder: pathlib.Path) -> None:
    """Draws all figures from the runs of some files."""
    runs = histories(paths)
    figures.save(
        {
            "gray_accuracy": plot_gray_accuracy(runs),
            "information_share": plot_information_share(runs),
            "digits": plot_digits(),
        },
        folder,
    )
