"""A text and some numbers, made here: neither tells all of the class."""

import pathlib

import numpy as np

from applications.common.problems import nets
from applications.common.problems.problem import Examples
from applications.common.problems.problem import Problem
from applications.common.problems.problem import Splits
from applications.common.problems.problem import independent

LENGTH, VOCABULARY, CLASSES, FEATURES = 16, 100, 3, 6
TOPIC_WORDS = 10
"""Words 1 to 10 are of class 0, and so on; the others are of none."""
SIZES = (3000, 1000, 2000)


def draw(rng: np.random.Generator, size: int) -> Examples:
    """One word in eight is of the class; so are the means of the numbers."""
    y = rng.integers(CLASSES, size=size)
    ids = rng.integers(1, VOCABULARY, (size, LENGTH))
    topic = rng.integers(1, TOPIC_WORDS + 1, ids.shape)
    of_class = rng.random(ids.shape) < 1 / 8
    ids = np.where(of_class, topic + TOPIC_WORDS * y[:, None], ids)
    means = 0.6 * np.eye(FEATURES)[:CLASSES] * np.sqrt(FEATURES / CLASSES)
    numbers = means[y] + rng.standard_normal((size, FEATURES))
    x = {"text": ids.astype("int32"), "numbers": numbers.astype("float32")}
    return independent(x, y)


def load(folder: pathlib.Path, run: int) -> Splits:
    """Made for the run; nothing is read from `folder`."""
    rng = np.random.default_rng(run)
    return Splits(*(draw(rng, size) for size in SIZES))


PROBLEMS = (
    Problem(
        name="text_numbers",
        title="Text + numbers",
        shapes={"text": (LENGTH,), "numbers": (FEATURES,)},
        encoders={
            "text": nets.words("text", VOCABULARY),
            "numbers": nets.vector("numbers"),
        },
        head=nets.head(CLASSES, hidden=32),
        num_classes=CLASSES,
        load=load,
        epochs=10,
        batch_size=64,
        taps={"text": "text_embedding"},
        vocabularies={"text": VOCABULARY},
        is_control=True,
    ),
)
