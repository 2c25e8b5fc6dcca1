"""Draws the figure of the study from the results of `train.py`.

    python applications/uci_digits/figures.py RESULTS.json --output figures

`views.png`: the channels that the CM-VQVAE keeps of each view, and zeta of
every two views; means over the seeds.
"""

import argparse
import json
import pathlib

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from table import VIEWS
from table import mean_pairs

LABELS = [view.replace("_", "-") for view in VIEWS]


def plot_views(runs: list[dict]) -> Figure:
    """Shares of the views as bars, and their pairwise zeta as a heat map."""
    figure, (left, right) = plt.subplots(
        ncols=2, figsize=(9.0, 3.6), layout="constrained"
    )
    shares = np.array([[run["shares"][view] for view in VIEWS] for run in runs])
    left.barh(
        LABELS,
        shares.mean(axis=0),
        xerr=shares.std(axis=0, ddof=1) if len(runs) > 1 else None,
        color="#0072B2",
    )
    left.axvline(100 / len(VIEWS), color="gray", linestyle="--")
    left.invert_yaxis()
    left.set_xlabel("Kept channels (% of all; dashed: without a mask)")
    left.spines[["top", "right"]].set_visible(False)
    image = right.imshow(mean_pairs(runs), cmap="viridis", vmin=0, vmax=1)
    right.set_xticks(range(len(VIEWS)), LABELS, rotation=35, ha="right")
    right.set_yticks(range(len(VIEWS)), LABELS)
    figure.colorbar(image, label="Zeta")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("figures"),
        help="the folder of the PNG file; default: %(default)s",
    )
    args = parser.parse_args()
    runs = [
        run
        for path in args.results
        for run in json.loads(path.read_text())
        if run["method"] == "cm_vqvae"
    ]
    args.output.mkdir(parents=True, exist_ok=True)
    plot_views(runs).savefig(args.output / "views.png", dpi=150)


if __name__ == "__main__":
    main()
