"""UTD-MHAD: 27 actions seen by a depth camera, a skeleton, a sensor."""

import functools
import pathlib
from typing import Any

import numpy as np
from keras import layers

from applications.common.problems import nets
from applications.common.problems.problem import Examples
from applications.common.problems.problem import Problem
from applications.common.problems.problem import Splits
from applications.common.problems.problem import standardize

SHAPES = {
    "depth": (48, 64, 8),
    "skeleton": (32, 20, 3),
    "inertial": (64, 6),
}
TRAINING_SUBJECTS = (1, 3, 5, 7)


def load(folder: pathlib.Path, run: int, modalities: tuple) -> Splits:
    """Odd subjects train, one of them validates; even subjects test."""
    with np.load(folder / "utd_mhad.npz") as archive:
        data = {name: archive[name] for name in archive.files}
    subject = data["subject"].astype("int32")
    odd = subject % 2 == 1
    x = {name: data[name].astype("float32") for name in modalities}
    if "depth" in x:  # The moments become channels.
        x["depth"] = np.moveaxis(x["depth"], 1, -1) / 255
    if "inertial" in x:  # Units of g, and degrees a second.
        x["inertial"] = standardize(x["inertial"], x["inertial"][odd])
    # The skeleton stays as published: meters from the camera.
    examples = Examples(x, data["action"].astype("int32"), subject)
    held_out = subject == TRAINING_SUBJECTS[run % len(TRAINING_SUBJECTS)]
    return Splits(
        train=examples.take(odd & ~held_out),
        validation=examples.take(held_out),
        test=examples.take(~odd),
    )


def depth(x: Any) -> Any:
    """Three convolutions, then a dense layer."""
    for filters in (16, 32, 32):
        x = layers.Conv2D(
            filters, 3, strides=2, padding="same", activation="relu"
        )(x)
    x = layers.Flatten()(x)
    return layers.Dense(64, activation="relu", name="depth_features")(x)


ENCODERS = {
    "depth": depth,
    "skeleton": nets.sequence("skeleton"),
    "inertial": nets.sequence("inertial"),
}


def problem(name: str, title: str, *modalities: str) -> Problem:
    """The task on some of the modalities."""
    return Problem(
        name=f"utd_{name}",
        title=f"UTD-MHAD, {title}",
        shapes={key: SHAPES[key] for key in modalities},
        encoders={key: ENCODERS[key] for key in modalities},
        head=nets.head(27, hidden=64),
        num_classes=27,
        load=functools.partial(load, modalities=modalities),
        epochs=40,
        batch_size=32,
        suspects=("depth",) if "depth" in modalities else (),
        grouped=True,
        refits=True,
    )


PROBLEMS = (
    problem("depth_skeleton", "depth + skeleton", "depth", "skeleton"),
    problem("inertial_skeleton", "inertial + skeleton", "inertial", "skeleton"),
    problem("all", "all three", "depth", "skeleton", "inertial"),
)
