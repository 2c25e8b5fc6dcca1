"""Audio-visual digits: the nets, the methods, and one run of one of them."""

import dataclasses
import functools
import math
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

import keras_mmreg as mmreg
from applications.common.callbacks import Accuracies
from applications.common.callbacks import Stopwatch
from applications.common.cm_vqvae_methods import create_cm_vqvae
from applications.common.probe_separability import probe_separability
from applications.common.runs import Outcome
from applications.common.trainer import Trainer

SHAPES = {"image": (28, 28, 1), "audio": (32, 32, 1)}
# Configuration i is the plain concatenation.
METHODS = (
    "image",
    "audio",
    "concat",
    "dropout",
    "gated",
    "cm_vqvae_unregularized",
    "cm_vqvae",
    "config_ii",
    "config_iii",
)
POSITIONS, CHANNELS = 4, 32
KEPT_CURVES = ("validation", "test", "complementary_")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on.

    Attributes:
        image_noise: Standard deviation of the noise on images in [0, 1].
        pretrain_speakers: First train on this many other speakers.
        reset_mask: After pretraining, learn the mask anew.
        fold: From 0 to 5, the speaker to test on.
        clip: The mask's weights are kept between these.
        num_groups: Codebooks of each modality, for as many channel groups.
        select: Use validation speakers only.
        probe: How well a linear classifier tells speaker and digit from
            either part of the features.
    """

    method: str = "cm_vqvae"
    fold: int = 0
    seed: int = 0
    image_noise: float = 0.5
    train_speakers: int = 4
    train_pairs: int = 10_000
    held_out_pairs: int = 1000
    pretrain_speakers: int = 0
    pretrain_pairs: int = 10_000
    reset_mask: bool = False
    epochs: int = 8
    steps_per_epoch: int = 125
    batch_size: int = 40
    learning_rate: float = 1e-3
    strength: float = 3e-3
    clip: tuple[float, float] = (0.0, 0.2)
    num_groups: int = 8
    num_embeddings: int = 64
    select: bool = False
    probe: bool = False

    def record(self) -> dict[str, Any]:
        """As the run store keeps it."""
        return dataclasses.asdict(self)


class Sources(NamedTuple):
    """Where the data are: see `load_av_digits`."""

    mnist: str | None = None
    fsdd: str = "download"


def encoder(shape: tuple) -> keras.Model:
    """To four vectors of 32 channels."""
    inputs = keras.Input(shape)
    x = layers.Conv2D(16, 4, strides=4, activation="relu")(inputs)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(POSITIONS * CHANNELS)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Reshape((POSITIONS, CHANNELS))(x))


def decoder(shape: tuple) -> keras.Model:
    inputs = keras.Input((POSITIONS, CHANNELS))
    x = layers.Dense(64, activation="relu")(layers.Flatten()(inputs))
    x = layers.Dense(math.prod(shape))(x)
    return keras.Model(inputs, layers.Reshape(shape)(x))


def head() -> keras.Model:
    return keras.Sequential(
        [
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )


def modalities(method: str) -> list[str]:
    return [method] if method in SHAPES else list(SHAPES)


def build_model(settings: Settings) -> keras.Model:
    """The model of a method, its weights new."""
    method = settings.method
    names = modalities(method)
    model = create_cm_vqvae(
        "cm_vqvae" if method in SHAPES else method,
        encoders={name: encoder(SHAPES[name]) for name in names},
        decoders={name: decoder(SHAPES[name]) for name in names},
        head=head(),
        num_embeddings=settings.num_embeddings,
        quantizer_options={"num_groups": settings.num_groups},
        mask_options={"strength": settings.strength, "clip": settings.clip},
    )
    model.build({name: (None, *SHAPES[name]) for name in names})
    return model


def fit(
    own: Trainer, settings: Settings, data: Any, held_out: dict
) -> tuple[dict, Stopwatch]:
    """Trains; returns the history and how long it took."""
    datasets = {
        name: (own.inputs(examples.x), examples.y)
        for name, examples in held_out.items()
    }
    return own.fit(
        data.train.x,
        data.train.y,
        settings.epochs,
        settings.steps_per_epoch,
        settings.batch_size,
        [Accuracies(datasets), mmreg.callbacks.ComplementarityLogger()],
    )


@functools.cache
def trainer_of(settings: Settings) -> Trainer:
    return Trainer(build_model(settings), settings.learning_rate)


def trainer(settings: Settings) -> Trainer:
    """The trainer of all runs with the same model and optimizer."""
    names = (
        "method",
        "learning_rate",
        "strength",
        "clip",
        "num_groups",
        "num_embeddings",
    )
    return trainer_of(
        Settings(**{name: getattr(settings, name) for name in names})
    )


@functools.lru_cache(maxsize=2)
def load(sources: Sources, **options: Any) -> Any:
    return mmreg.datasets.load_av_digits(sources.mnist, sources.fsdd, **options)


def load_pairs(settings: Settings, sources: Sources, **options: Any) -> Any:
    return load(
        sources,
        fold=settings.fold,
        held_out_pairs=settings.held_out_pairs,
        image_noise=settings.image_noise,
        seed=settings.seed,
        **options,
    )


def load_source(settings: Settings, sources: Sources) -> Any:
    """Training data of the last speakers, for transfer to the first ones."""
    speakers = np.roll(mmreg.datasets.SPEAKERS, -settings.fold).tolist()
    return load_pairs(
        settings,
        sources,
        train_speakers=tuple(speakers[-settings.pretrain_speakers :]),
        train_pairs=settings.pretrain_pairs,
    )


def train(settings: Settings, sources: Sources) -> Outcome:
    """One run: its results and its curves."""
    data = load_pairs(
        settings,
        sources,
        train_speakers=settings.train_speakers,
        train_pairs=settings.train_pairs,
    )
    own = trainer(settings)
    keras.utils.set_random_seed(settings.seed)
    own.start_from(build_model(settings))
    if settings.pretrain_speakers:
        fit(own, settings, load_source(settings, sources), {})
        fresh = build_model(settings)
        kept = ("encoders", "quantizers", "decoders")
        fresh.warm_start(
            own.model, kept if settings.reset_mask else (*kept, "mask")
        )
        own.start_from(fresh)
    held_out = {"validation": data.validation}
    if not settings.select:
        held_out["test"] = data.test
    history, stopwatch = fit(own, settings, data, held_out)
    results = {
        **summary(history),
        "complementary": by_modality(history, "complementary"),
        "zeta": history["zeta"][-1],
        "perplexity": by_modality(history, "perplexity"),
        "usage": by_modality(history, "codebook_usage"),
        "seconds_per_epoch": stopwatch.seconds_per_epoch,
    }
    if settings.probe and settings.method.startswith("cm_vqvae"):
        results["separability"] = separability(own, data.train)
    curves = {
        name: values
        for name, values in history.items()
        if name.startswith(KEPT_CURVES)
    }
    return results, curves


def summary(history: dict) -> dict:
    """Accuracies at the epoch of the best validation accuracy, and at last."""
    best = int(np.argmax(history["validation"]))
    accuracies = {
        "validation_accuracy": history["validation"][best],
        "validation_accuracy_last": history["validation"][-1],
        "best_epoch": best + 1,
    }
    if "test" in history:
        accuracies["accuracy"] = history["test"][best]
        accuracies["accuracy_last"] = history["test"][-1]
    return accuracies


def by_modality(history: dict, name: str) -> dict:
    """The last value of a log for each modality that has it."""
    return {
        modality: history[f"{name}_{modality}"][-1]
        for modality in SHAPES
        if f"{name}_{modality}" in history
    }


def separability(own: Trainer, examples: Any, size: int = 1000) -> dict:
    """How well a linear probe tells the speaker and the digit."""
    inputs = {name: x[:size] for name, x in own.inputs(examples.x).items()}
    attributes = {"speaker": examples.speaker, "digit": examples.y}
    return {
        name: probe_separability(
            own.model,
            inputs,
            values[:size],
            groups=examples.recording[:size],
            pooling="flatten",
            num_folds=3,
            batch_size=size,
        )
        for name, values in attributes.items()
    }
