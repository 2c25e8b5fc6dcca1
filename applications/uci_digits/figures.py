"""The figure of the README.

`views.png`: the channels that the CM-VQVAE keeps of each view, and zeta of
every two views; means over the seeds.
"""

import pathlib

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from applications.common import figures
from applications.uci_digits.tables import VIEWS
from applications.uci_digits.tables import mean_pairs

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


def save(runs: list[dict], folder: pathlib.Path) -> None:
    """Draws the figure from the runs of the CM-VQVAE."""
    masked = [run for run in runs if run["method"] == "cm_vqvae"]
    figures.save({"views": plot_views(masked)}, folder)
