"""NYUv2: the nets, the methods, and one run of one of them."""

import dataclasses
import functools
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

import keras_mmreg as mmreg
from applications.common.cm_vqvae_methods import create_cm_vqvae
from applications.common.runs import Outcome
from applications.common.trainer import Trainer
from keras_mmreg.models import cm_vqvae

SHAPES = {"rgb": (60, 80, 3), "depth": (60, 80, 1)}
METHODS = (
    *SHAPES,
    "concat",
    "dropout",
    "gated",
    "cm_vqvae_unregularized",
    "cm_vqvae",
)
"""Table 2; a modality's name is that modality alone."""
NUM_CLASSES = 39
"""A label of 39 is no class: it is left out of the loss and of the scores."""
HELD_OUT = 0.2
MAX_DEPTH = 10.0
"""Meters, to bring depth to [0, 1]."""
KEPT_CURVES = ("task_loss", "complementary_", "zeta")


class Scenes(NamedTuple):
    """Images and the class of each pixel, `(n, 60, 80)`."""

    x: dict[str, np.ndarray]
    y: np.ndarray

    def take(self, index: Any) -> "Scenes":
        """Those at the positions, or where the mask, `index` says."""
        x = {name: values[index] for name, values in self.x.items()}
        return Scenes(x, self.y[index])


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on.

    Attributes:
        method: A row of the paper's Table 2.
        hidden_channels: Of encoders, decoders and head.
        clip: The mask's weights are kept between these.
        num_groups: Codebooks of each modality, for as many channel groups.
        select: Hold out the last fifth of the training images and report on
            them; neighbors in the data set are often of one room.
    """

    method: str = "cm_vqvae"
    seed: int = 0
    epochs: int = 15
    batch_size: int = 16
    learning_rate: float = 2e-3
    strength: float = 3e-3
    clip: tuple[float, float] = (0.0, 0.2)
    channels: int = 16
    hidden_channels: int = 8
    reconstruction_weight: float = 0.1
    num_groups: int = 8
    num_embeddings: int = 64
    select: bool = False

    def record(self) -> dict[str, Any]:
        """As the run store keeps it."""
        return dataclasses.asdict(self)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that the method uses."""
        return (self.method,) if self.method in SHAPES else tuple(SHAPES)


def load(path: str) -> tuple[Scenes, Scenes]:
    """Training and test images, both modalities in [0, 1]."""
    data = mmreg.datasets.load_nyu_v2_segmentation(path)
    parts = [
        Scenes({**part.x, "depth": part.x["depth"] / MAX_DEPTH}, part.y)
        for part in data
    ]
    return parts[0], parts[1]


def build_model(settings: Settings) -> cm_vqvae.CMVQVAE:
    """The model of a method, its weights new."""
    names = settings.modalities
    sizes: dict[str, Any] = {
        "hidden_channels": settings.hidden_channels,
        "num_residual_blocks": 1,
        "residual_channels": settings.hidden_channels // 2,
    }
    encoders = {
        name: cm_vqvae.image_encoder(SHAPES[name], settings.channels, **sizes)
        for name in names
    }
    features = encoders[names[0]].output_shape[1:]
    joined = (*features[:-1], features[-1] * len(names))
    model = create_cm_vqvae(
        "cm_vqvae" if settings.method in SHAPES else settings.method,
        encoders=encoders,
        decoders={
            name: cm_vqvae.image_decoder(features, SHAPES[name][-1], **sizes)
            for name in names
        },
        head=cm_vqvae.segmentation_head(
            joined, NUM_CLASSES, activation=None, **sizes
        ),
        num_embeddings=settings.num_embeddings,
        quantizer_options={"num_groups": settings.num_groups},
        mask_options={"strength": settings.strength, "clip": settings.clip},
        reconstruction_weight=settings.reconstruction_weight,
    )
    model.build({name: (None, *SHAPES[name]) for name in names})
    return model


@functools.cache
def trainer_of(settings: Settings) -> Trainer:
    return Trainer(
        build_model(settings),
        settings.learning_rate,
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=NUM_CLASSES
        ),
    )


def trainer(settings: Settings) -> Trainer:
    """The trainer of all runs with the same model and optimizer."""
    return trainer_of(dataclasses.replace(settings, seed=0, select=False))


def train(settings: Settings, data: tuple[Scenes, Scenes]) -> Outcome:
    """One run: its results and its curves."""
    training, test = data
    if settings.select:
        size = round(HELD_OUT * len(training.y))
        training, test = (
            training.take(slice(-size)),
            training.take(slice(-size, None)),
        )
    own, history = fit(settings, training)
    results = {
        **scores(own.model, test),
        "complementary": {
            name: history[f"complementary_{name}"][-1]
            for name in settings.modalities
        },
        "zeta": history["zeta"][-1],
    }
    curves = {
        name: values
        for name, values in history.items()
        if name.startswith(KEPT_CURVES)
    }
    return results, curves


def fit(
    settings: Settings, training: Scenes
) -> tuple[Trainer, dict[str, list[float]]]:
    """A trained model in its trainer, and the history."""
    keras.utils.set_random_seed(settings.seed)
    own = trainer(settings)
    own.start_from(build_model(settings))
    history, _ = own.fit(
        training.x,
        training.y,
        settings.epochs,
        -(-len(training.y) // settings.batch_size),
        settings.batch_size,
        [mmreg.callbacks.ComplementarityLogger()],
    )
    return own, history


def scores(model: cm_vqvae.CMVQVAE, scenes: Scenes) -> dict[str, float]:
    """Mean intersection over union, and the accuracy of the pixels."""
    confusion = np.zeros((NUM_CLASSES, NUM_CLASSES), "int64")
    for start in range(0, len(scenes.y), 64):
        few = scenes.take(slice(start, start + 64))
        x = {name: few.x[name] for name in model.modalities}
        logits = model.predict(x, batch_size=32, verbose=0)
        confusion += count(few.y, np.argmax(logits, axis=-1))
    return {
        "miou": mean_iou(confusion),
        "pixel_accuracy": float(np.trace(confusion) / confusion.sum()),
    }


def count(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """How many pixels of each class are taken for which: `(true, taken)`."""
    counted = labels < NUM_CLASSES
    pairs = NUM_CLASSES * labels[counted] + predictions[counted]
    counts = np.bincount(pairs, minlength=NUM_CLASSES**2)
    return counts.reshape(NUM_CLASSES, NUM_CLASSES)


def mean_iou(confusion: np.ndarray) -> float:
    """The mean over the classes that occur."""
    hits = np.diag(confusion)
    occurring = confusion.sum(axis=1) > 0
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    return float((hits[occurring] / union[occurring]).mean())
