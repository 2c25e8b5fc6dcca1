"""Digits whose color gives the label away, and digits that need both."""

import dataclasses
import functools
import pathlib

import numpy as np

from applications.common.problems import nets
from applications.common.problems.problem import SGD
from applications.common.problems.problem import Problem
from applications.common.problems.problem import Splits
from applications.common.problems.problem import independent
from keras_mmreg import datasets

SHAPES = {"color": (3,), "shape": (28, 28, 1)}


def load(folder: pathlib.Path, run: int, size: int | None = None) -> Splits:
    """Colored MNIST; `size` of its training digits, drawn for the run."""
    data = datasets.load_colored_mnist(folder / "mnist.npz", seed=run)
    splits = [independent(*data.train), independent(*data.validation)]
    if size is not None:
        rng = np.random.default_rng(run)
        chosen = rng.permutation(len(splits[0].y))[:size]
        splits[0] = splits[0].take(chosen)
    gray = [independent(*pair) for pair in data.test_gray.values()]
    return Splits(
        *splits,
        test=independent(*data.test),
        extra={"gray": functools.reduce(lambda a, b: a.join(b), gray)},
    )


def load_synergy(folder: pathlib.Path, run: int, size: int = 20_000) -> Splits:
    """Digits of any color; the class is (digit + color's number) mod 10."""
    mnist = datasets.load_colored_mnist(folder / "mnist.npz")
    palette = np.asarray(datasets.PALETTES["default"])
    rng = np.random.default_rng(run)
    splits = []
    for x, digit in mnist[:3]:
        chosen = rng.permutation(len(digit))[:size]
        color = rng.integers(10, size=len(chosen))
        noise = 0.05 * rng.standard_normal((len(chosen), 3))
        values = np.clip(palette[color] + noise, 0, 1).astype("float32")
        inputs = {"color": values, "shape": x["shape"][chosen]}
        splits.append(independent(inputs, (digit[chosen] + color) % 10))
    return Splits(*splits)


RAW = Problem(
    name="colored_mnist_raw",
    title="Colored MNIST, color raw",
    shapes=SHAPES,
    encoders={"color": nets.identity, "shape": nets.image("shape")},
    head=nets.head(10),
    num_classes=10,
    load=load,
    epochs=28,
    batch_size=128,
    learning_rate=1e-2,
    suspects=("color",),
)
OWN_ENCODER = Problem(
    name="colored_mnist_encoder",
    title="Colored MNIST, color with an encoder",
    shapes=SHAPES,
    encoders={"color": nets.vector("color"), "shape": nets.image("shape")},
    head=nets.head(10, hidden=64),
    num_classes=10,
    load=functools.partial(load, size=10_000),
    epochs=15,
    batch_size=128,
    suspects=("color",),
)
OWN_ENCODER_SGD = dataclasses.replace(
    OWN_ENCODER,
    name="colored_mnist_encoder_sgd",
    title="Colored MNIST, color with an encoder, SGD",
    optimizer=SGD,
    learning_rate=1e-2,
    epochs=30,
)
SYNERGY = Problem(
    name="synergy",
    title="(digit + color) mod 10",
    shapes=SHAPES,
    encoders={"color": nets.vector("color"), "shape": nets.image("shape")},
    head=nets.head(10, hidden=64),
    num_classes=10,
    load=load_synergy,
    epochs=15,
    batch_size=128,
    is_control=True,
)
PROBLEMS = (RAW, OWN_ENCODER, OWN_ENCODER_SGD, SYNERGY)
