"""Written and spoken digits, tested on another speaker, in three regimes."""

import dataclasses
import functools
import pathlib
from typing import Any

from applications.common.problems import nets
from applications.common.problems.problem import SGD
from applications.common.problems.problem import Examples
from applications.common.problems.problem import Problem
from applications.common.problems.problem import Splits
from keras_mmreg import datasets

FOLDS = 6


def load(folder: pathlib.Path, run: int, **regime: Any) -> Splits:
    """A fold, whose test speaker is the run's; six runs are all folds."""
    data = datasets.load_av_digits(
        folder / "mnist.npz",
        folder / "fsdd.npz",
        fold=run % FOLDS,
        seed=run,
        **regime,
    )
    return Splits(*(Examples(part.x, part.y, part.speaker) for part in data))


def regime(
    name: str,
    title: str,
    train_pairs: int,
    epochs: int,
    suspect: str = "audio",
    **options: Any,
) -> Problem:
    """A thousand steps of 40 pairs, whatever the number of pairs."""
    return Problem(
        name=f"av_digits_{name}",
        title=f"AV digits, {title}",
        shapes={"image": (28, 28, 1), "audio": (32, 32, 1)},
        encoders={
            "image": nets.patches("image"),
            "audio": nets.patches("audio"),
        },
        head=nets.head(10, hidden=64),
        num_classes=10,
        load=functools.partial(load, train_pairs=train_pairs, **options),
        epochs=epochs,
        batch_size=40,
        suspects=(suspect,),
        grouped=True,
    )


USABLE = regime("usable", "both usable", 10_000, epochs=4, image_noise=0.5)
USABLE_SGD = dataclasses.replace(
    USABLE,
    name="av_digits_usable_sgd",
    title="AV digits, both usable, SGD",
    optimizer=SGD,
    learning_rate=1e-2,
    epochs=8,
)
PROBLEMS = (
    USABLE,
    USABLE_SGD,
    regime(
        "one_speaker",
        "one training speaker",
        800,
        epochs=50,
        image_noise=0.5,
        train_speakers=1,
    ),
    regime(
        "useless_image",
        "useless image",
        400,
        epochs=100,
        suspect="image",
        image_noise=2.0,
    ),
)
