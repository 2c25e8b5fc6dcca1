"""Draws the figures of the Colored MNIST study from the results of `train.py`.

    python applications/colored_mnist/figures.py RESULTS.json --output figures

- `gray_accuracy.png`: the accuracy on the gray test digits, epoch by epoch, as
  in Fig. 3 of Gat et al. 2020; the mean over the seeds and its deviation.
- `information_share.png`: what colour and shape contribute to the prediction,
  plain and with Fisher information, as in Fig. 2.
- `digits.png`: digits of the training set and of the three gray test sets.
"""

import argparse
import json
import pathlib

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import keras_mmreg as mmreg

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


def read_runs(paths: list[pathlib.Path]) -> dict[str, list[dict]]:
    """The histories of each method, one for every seed."""
    runs = [run for path in paths for run in json.loads(path.read_text())]
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
            "The results have no gray accuracy: run `train.py` without "
            "`--select`."
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
    """A column for each class, in colour and at each gray value."""
    data = mmreg.datasets.load_colored_mnist(gray_values=tuple(BACKGROUNDS))
    heights = [num_rows, *(1 for _ in BACKGROUNDS)]
    figure, axes = plt.subplots(
        len(heights),
        figsize=(6.0, 0.6 * sum(heights) + 1.0),
        height_ratios=heights,
        layout="constrained",
    )
    axes[0].set_title("training: the colour gives the digit away", size=10)
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


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "results", type=pathlib.Path, nargs="+", help="JSON files of train.py"
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("figures"),
        help="the folder of the PNG files; default: %(default)s",
    )
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    runs = read_runs(args.results)
    figures = {
        "gray_accuracy": plot_gray_accuracy(runs),
        "information_share": plot_information_share(runs),
        "digits": plot_digits(),
    }
    args.output.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(args.output / f"{name}.png", dpi=150)


if __name__ == "__main__":
    main()
