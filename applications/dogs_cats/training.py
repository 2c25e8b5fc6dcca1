"""Biased Dogs & Cats: the net, the methods, and one run of one of them."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import layers

import keras_mmreg as mmreg
from applications.common.accuracies import hits
from applications.common.callbacks import Accuracies
from applications.common.callbacks import Stopwatch
from applications.common.problems import Examples
from applications.common.runs import Outcome
from applications.common.settings import regularizer_settings

PENALTIES = ("entropy", "variance", "fisher", "poincare")
METHODS = ("plain", "weight_decay", *PENALTIES, "amsgrad", "noise")
STRENGTHS: dict[str, tuple[float, ...]] = {
    "weight_decay": (1e-4, 1e-3, 1e-2),
    **dict.fromkeys(PENALTIES, (1e-5, 1e-3, 1e-1)),
    "noise": (0.25, 0.5, 1.0),
}
"""What `--search` tries, the weakest first; for noise, its scale."""
OTHER = {"tb1": "tb2", "tb2": "tb1"}
SIZE = 64
HELD_OUT = 0.1
LOOKED_AT = slice(2000)
"""Of the other set after each epoch; after the last one, all of it."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on.

    Attributes:
        train_on: The set to train on, `"tb1"` or `"tb2"`; a tenth of it is
            held out.
        strength: Of the penalty or the weight decay; the scale of the noise.
        penalty_fraction: The part of a batch on which a penalty is measured.
        bound: Of the Fisher information and the Poincaré penalty; `"paper"`
            counts per squared unit of a pixel.
        num_examples: How many images to train on, drawn by the seed; all if
            there is no number.
        select: Do not look at the other set.
    """

    method: str = "plain"
    train_on: str = "tb1"
    seed: int = 0
    strength: float | None = None
    epochs: int = 5
    batch_size: int = 128
    learning_rate: float = 1e-3
    penalty_fraction: float = 0.125
    bound: str = "paper"
    num_examples: int | None = None
    select: bool = False

    def record(self) -> dict[str, Any]:
        """Everything, with the regularizer's defaults, for the run store."""
        settings = dataclasses.asdict(self)
        if self.method in (*PENALTIES, "noise"):
            settings["regularizer"] = regularizer_settings(regularizer(self))
        return settings


def regularizer(settings: Settings) -> mmreg.regularizers.Regularizer:
    """The penalty of a method, or its noise.

    There is nothing for a gate to tell apart: the image is all there is.
    """
    if settings.method == "noise":
        return mmreg.regularizers.ModalityNoise(settings.strength, gate=None)
    return mmreg.regularizers.ALIASES[settings.method](
        strength=settings.strength,
        bound=settings.bound,
        fraction=settings.penalty_fraction,
    )


def build_model(weight_decay: float = 0.0) -> keras.Model:
    """Three convolutions and two dense layers; its outputs are logits."""
    l2 = keras.regularizers.L2(weight_decay) if weight_decay else None
    options = {"activation": "relu", "kernel_regularizer": l2}
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Conv2D(16, 4, strides=4, **options)(image)
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", **options)(x)
    x = layers.Dense(64, **options)(layers.Flatten()(x))
    logits = layers.Dense(2, kernel_regularizer=l2)(x)
    return keras.Model({"image": image}, logits)


def build_method(settings: Settings) -> keras.Model:
    """The compiled model of a method."""
    if settings.method == "weight_decay":
        model = build_model(settings.strength)
    else:
        model = build_model()
    if settings.method in (*PENALTIES, "noise"):
        model = mmreg.models.RegularizedModel(
            model, regularizer(settings), seed=settings.seed
        )
    model.compile(
        keras.optimizers.Adam(
            settings.learning_rate, amsgrad=settings.method == "amsgrad"
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def load(path: str) -> dict[str, Examples]:
    """Both sets by name, shuffled."""
    data = mmreg.datasets.load_biased_dogs_cats(path, SIZE)
    sets = {}
    for name in OTHER:
        x, y, ids = getattr(data, name)
        order = np.random.default_rng(0).permutation(len(y))
        sets[name] = Examples(x, y, ids).take(order)
    return sets


def exchange_colors(image: np.ndarray, seed: int = 0) -> np.ndarray:
    """Gives each image the mean color of another one."""
    mean = image.mean(axis=(1, 2), keepdims=True)
    order = np.random.default_rng(seed).permutation(len(image))
    return np.clip(image - mean + mean[order], 0.0, 1.0)


def examples_of(
    settings: Settings, sets: dict[str, Examples]
) -> tuple[Examples, dict[str, tuple]]:
    """What to train on, and what to look at after each epoch."""
    biased = sets[settings.train_on]
    size = round(HELD_OUT * len(biased.y))
    rng = np.random.default_rng(settings.seed)
    rest = size + rng.permutation(len(biased.y) - size)
    held_out = biased.take(np.arange(size))
    exchanged = {"image": exchange_colors(held_out.x["image"])}
    looked_at = {
        "own": (held_out.x, held_out.y),
        "exchanged": (exchanged, held_out.y),
    }
    if not settings.select:
        other = sets[OTHER[settings.train_on]].take(LOOKED_AT)
        looked_at["other"] = (other.x, other.y)
    return biased.take(rest[: settings.num_examples]), looked_at


def train(
    settings: Settings, sets: dict[str, Examples], verbose: int = 0
) -> Outcome:
    """One run: its results and its curves."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(settings.seed)
    training, looked_at = examples_of(settings, sets)
    model = build_method(settings)
    stopwatch = Stopwatch()
    history = model.fit(
        training.x,
        training.y,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        callbacks=[stopwatch, Accuracies(looked_at)],
        verbose=verbose,
    ).history
    curves = {name: history[name] for name in ("accuracy", *looked_at)}
    results = {f"{name}_accuracy": curves[name][-1] for name in looked_at}
    if not settings.select:
        results["other_accuracy"] = hits(
            model, sets[OTHER[settings.train_on]]
        ).mean()
        results["other_accuracy_max"] = max(history["other"])
    results["seconds_per_epoch"] = stopwatch.seconds_per_epoch
    return results, curves
