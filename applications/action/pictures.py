"""What a trained mask keeps, drawn: Figs. 3 to 5 of the paper.

- `<task>_<modality>.png`: inputs, and what is decoded from all features, from
  the complementary and from the contradictory ones.
- `<task>_<modality>_subjects.png`: both parts in the plane, by subject.
"""

import dataclasses
import pathlib
from collections.abc import Callable

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import keras_mmreg as mmreg
from applications.action.tasks import TASKS
from applications.action.tasks import split
from applications.action.training import Data
from applications.action.training import Settings
from applications.action.training import fit
from applications.action.training import trainer
from applications.common import figures
from applications.common.problems import Examples

PARTS = ("all", "complementary", "contradictory")


def draw_depth(ax: Axes, values: np.ndarray) -> None:
    """The moment in the middle."""
    ax.imshow(values[..., values.shape[-1] // 2], cmap="gray", vmin=0, vmax=1)


def draw_joints(ax: Axes, values: np.ndarray) -> None:
    """Where the joints are at the moment in the middle, from the front."""
    joints = values[len(values) // 2]
    ax.scatter(joints[:, 0], joints[:, 1], s=3)
    ax.set_xlim(-3, 3)
    ax.set_ylim(-3, 3)


def draw_series(ax: Axes, values: np.ndarray) -> None:
    """All channels over time."""
    ax.plot(values, linewidth=0.6)
    ax.set_ylim(-3, 3)


DRAW: dict[str, Callable[[Axes, np.ndarray], None]] = {
    "depth": draw_depth,
    "skeleton": draw_joints,
    "pose": draw_joints,
    "inertial": draw_series,
    "box": draw_series,
}


def plot_parts(
    model: mmreg.models.CMVQVAE, x: dict[str, np.ndarray], modality: str
) -> Figure:
    """A column for each example; a row for the input and for each part."""
    rows = {"input": x[modality]}
    for part in PARTS:
        decoded = model.reconstruct(x, part)[modality]
        rows[part] = keras.ops.convert_to_numpy(
            keras.ops.stop_gradient(decoded)
        )
    columns = len(x[modality])
    figure, axes = plt.subplots(
        len(rows),
        columns,
        figsize=(1.2 + columns, 0.9 * len(rows)),
        squeeze=False,
        layout="constrained",
    )
    for line, (name, values) in zip(axes, rows.items(), strict=True):
        for ax, each in zip(line, values, strict=True):
            DRAW[modality](ax, each)
            ax.set_xticks([])
            ax.set_yticks([])
        line[0].set_ylabel(
            name, rotation=0, ha="right", va="center", fontsize="small"
        )
    return figure


def plots(
    model: mmreg.models.CMVQVAE, task: str, examples: Examples
) -> dict[str, Figure]:
    """Both figures of each modality."""
    rng = np.random.default_rng(0)
    few = examples.take(rng.permutation(len(examples.y))[:8])
    drawn = {}
    for modality in TASKS[task].modalities:
        name = f"{task}_{modality}"
        drawn[name] = plot_parts(model, few.x, modality)
        drawn[f"{name}_subjects"] = mmreg.visualization.plot_feature_embedding(
            model,
            examples.x,
            modality,
            examples.groups,
            perplexity=min(30.0, len(examples.y) / 4),
        )
    return drawn


def save(settings: Settings, data: Data, folder: pathlib.Path) -> None:
    """Trains the first fold and draws its training people."""
    settings = dataclasses.replace(settings, method="cm_vqvae")
    keras.utils.set_random_seed(settings.seed)
    own = trainer(settings)
    splits = split(*data, settings.regime, settings.fold)
    fit(own, settings, splits.train, {})
    figures.save(plots(own.model, settings.task, splits.train), folder)
