"""Shoulder exercises seen by the accelerometer and gyroscope of a watch."""

import pathlib

import numpy as np

from applications.common.problems import nets
from applications.common.problems.problem import Examples
from applications.common.problems.problem import Problem
from applications.common.problems.problem import Splits
from applications.common.problems.problem import standardize
from applications.common.problems.sources import inside_package

WIDTH, STEP = 100, 64
"""Of a window, in samples of 1/50 s."""
FILE = "watch_dataset.npy"


def windows(folder: pathlib.Path) -> tuple[np.ndarray, ...]:
    """Windows of all recordings, their classes and subjects."""
    path = folder / FILE
    if not path.exists():
        path = inside_package("seglearn", "data") / FILE
    # A pickle, from a package that the user has installed.
    data = np.load(path, allow_pickle=True).item()
    rows = [
        (series[start : start + WIDTH], label, subject)
        for series, label, subject in zip(
            data["X"], data["y"], data["subject"], strict=True
        )
        for start in range(0, len(series) - WIDTH + 1, STEP)
    ]
    x, y, subjects = zip(*rows, strict=True)
    return np.stack(x), np.array(y, "int32"), np.array(subjects, "int32")


def load(folder: pathlib.Path, run: int) -> Splits:
    """Three of ten subjects test, one validates, drawn for the run."""
    x, y, subject = windows(folder)
    order = np.random.default_rng(run).permutation(np.unique(subject))
    train = np.isin(subject, order[3:])
    x = standardize(x, x[train])
    examples = Examples(
        {"accelerometer": x[..., :3], "gyroscope": x[..., 3:]}, y, subject
    )
    return Splits(
        train=examples.take(np.isin(subject, order[4:])),
        validation=examples.take(subject == order[3]),
        test=examples.take(np.isin(subject, order[:3])),
    )


PROBLEMS = (
    Problem(
        name="watch",
        title="Watch",
        shapes={"accelerometer": (WIDTH, 3), "gyroscope": (WIDTH, 3)},
        encoders={
            "accelerometer": nets.sequence("accelerometer", filters=16),
            "gyroscope": nets.sequence("gyroscope", filters=16),
        },
        head=nets.head(7, hidden=32),
        num_classes=7,
        load=load,
        epochs=10,
        batch_size=64,
        grouped=True,
        refits=True,
        is_control=True,
    ),
)
