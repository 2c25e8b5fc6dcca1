"""The data: who trains, who validates and who tests, and the nets."""

import functools
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import keras_mmreg as mmreg
from applications.common.problems import Examples
from applications.common.problems import Splits
from applications.common.problems import nets
from applications.common.problems import utd_mhad
from applications.common.problems.problem import standardize

TRAINING_SUBJECTS = utd_mhad.TRAINING_SUBJECTS
NUM_FOLDS = len(TRAINING_SUBJECTS)
DEPTH_SIZE = (24, 32)
"""Half of what `applications.common` has; a decoder has a weight for each."""
SHAPES = {**utd_mhad.SHAPES, "depth": (*DEPTH_SIZE, 8)}
REGIMES = {"odd": 3, "two": 2}
"""How many of the odd subjects train; another one validates."""
MAX_DEPTH = 4.0
"""Meters, that of the depth camera."""


@dataclass(frozen=True)
class Task:
    """Two modalities of a data set, of which the second is the stronger.

    Attributes:
        title: What tables call it.
        shapes: Shape of each modality, without the batch.
        encoders: For each modality a function of its input tensor.
        num_classes: How many actions there are.
        read: A function of a path that returns all training examples, grouped
            by subject, and all test examples.
        regimes: Names from `REGIMES`.
        knows_people: Whether the groups are people, or drawn at random.
    """

    title: str
    shapes: Mapping[str, tuple[int, ...]]
    encoders: Mapping[str, Callable[[Any], Any]]
    num_classes: int
    read: Callable[[str], tuple[Examples, Examples]]
    regimes: tuple[str, ...] = tuple(REGIMES)
    knows_people: bool = True

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities, in order."""
        return tuple(self.shapes)

    def made_up(self) -> tuple[Examples, Examples]:
        """Random examples of eight subjects, to try the study on."""
        rng = np.random.default_rng(0)
        halves = []
        for first in (1, 2):
            groups = np.repeat(np.arange(first, 9, 2), 12).astype("int32")
            x = {
                name: rng.normal(size=(len(groups), *shape)).astype("float32")
                for name, shape in self.shapes.items()
            }
            last = self.num_classes - 1
            y = np.resize(np.array([0, 1, last - 1, last], "int32"), 48)
            halves.append(Examples(x, y, groups))
        return halves[0], halves[1]


def split(training: Examples, test: Examples, regime: str, fold: int) -> Splits:
    """The fold's subject validates, the next ones train; all standardized."""
    subjects = np.roll(TRAINING_SUBJECTS, -fold)
    groups = training.groups
    train = training.take(np.isin(groups, subjects[1 : 1 + REGIMES[regime]]))
    validation = training.take(groups == subjects[0])

    def scale(examples: Examples) -> Examples:
        return examples._replace(
            x={
                # Depth has a unit and a zero that mean something.
                name: x if name == "depth" else standardize(x, train.x[name])
                for name, x in examples.x.items()
            }
        )

    return Splits(scale(train), scale(validation), scale(test))


def read_utd_mhad(
    path: str, modalities: tuple[str, ...]
) -> tuple[Examples, Examples]:
    """Odd subjects and even subjects."""
    data = mmreg.datasets.load_utd_mhad(path, modalities, depth_size=DEPTH_SIZE)
    halves = []
    for part in data:
        x = dict(part.x)
        if "depth" in x:  # The moments become channels.
            x["depth"] = np.moveaxis(x["depth"][..., 0], 1, -1) / MAX_DEPTH
        halves.append(Examples(x, part.y, part.subject))
    return halves[0], halves[1]


def read_penn_action(path: str) -> tuple[Examples, Examples]:
    """The publisher's split.

    Who acts is not known: four parts of the training clips, drawn at random,
    take the subjects' place.
    """
    data = mmreg.datasets.load_penn_action(path)
    order = np.random.default_rng(0).permutation(len(data.train.y))
    groups = np.array(TRAINING_SUBJECTS, "int32")[order % NUM_FOLDS]
    # The stronger modality comes second, as in the other tasks.
    train, test = (
        {"box": part.x["box"], "pose": part.x["pose"]} for part in data
    )
    return (
        Examples(train, data.train.y, groups),
        Examples(test, data.test.y, np.zeros(len(data.test.y), "int32")),
    )


def of_utd_mhad(*modalities: str) -> Task:
    """A task on two modalities of UTD-MHAD."""
    return Task(
        title=f"UTD-MHAD, {' + '.join(modalities)}",
        shapes={name: SHAPES[name] for name in modalities},
        encoders={name: utd_mhad.ENCODERS[name] for name in modalities},
        num_classes=27,
        read=functools.partial(read_utd_mhad, modalities=modalities),
    )


TASKS: dict[str, Task] = {
    "depth_skeleton": of_utd_mhad("depth", "skeleton"),
    "inertial_skeleton": of_utd_mhad("inertial", "skeleton"),
    "box_pose": Task(
        title="Penn Action, box + pose",
        shapes={"box": (16, 4), "pose": (16, 13, 3)},
        encoders={name: nets.sequence(name) for name in ("box", "pose")},
        num_classes=15,
        read=read_penn_action,
        regimes=("odd",),
        knows_people=False,
    ),
}
