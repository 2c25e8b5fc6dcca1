"""Actions: the nets, the methods, and one run of one of them."""

import dataclasses
import functools
import math
from typing import Any

import keras
import numpy as np
from keras import layers

import keras_mmreg as mmreg
from applications.action.tasks import TASKS
from applications.action.tasks import split
from applications.common.callbacks import Accuracies
from applications.common.cm_vqvae_methods import create_cm_vqvae
from applications.common.probe_separability import probe_separability
from applications.common.problems import Examples
from applications.common.problems import Splits
from applications.common.problems import nets
from applications.common.runs import Outcome
from applications.common.trainer import Trainer

SINGLE = ("first", "second")
METHODS = (
    *SINGLE,
    "concat",
    "dropout",
    "gated",
    "cm_vqvae_unregularized",
    "cm_vqvae",
    "config_ii",
    "config_iii",
)
"""Tables 2 and 4; configuration i is the plain concatenation."""
MASKED = ("cm_vqvae_unregularized", "cm_vqvae")
QUANTIZERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "cosine": {"distance": "cosine"},
    "kmeans": {"codebook_initializer": "kmeans"},
    "rotation": {"gradient": "rotation"},
}
KEPT_CURVES = ("validation", "test", "complementary_", "zeta", "task_loss")
CHANNELS = 64

Data = tuple[Examples, Examples]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on.

    Attributes:
        task: A key of `TASKS`.
        regime: A key of `REGIMES`.
        method: A row of the paper's tables, `"first"` and `"second"` for a
            modality alone.
        fold: From 0 to 3, the odd subject that validates.
        start: `"scratch"`, or for transfer to new subjects and actions
            `"new"`, `"transfer"` or `"reset"` (the mask is learned anew).
        epochs: How often a run is looked at.
        clip: The mask's weights are kept between these.
        num_groups: Codebooks of each modality, for as many channel groups.
        quantizer: A key of `QUANTIZERS`.
        select: Use the validation subject only.
        probe: How well a linear classifier tells subject and action from
            either part of the features.
    """

    task: str = "depth_skeleton"
    regime: str = "odd"
    method: str = "cm_vqvae"
    fold: int = 0
    seed: int = 0
    start: str = "scratch"
    epochs: int = 10
    steps_per_epoch: int = 40
    batch_size: int = 32
    learning_rate: float = 1e-3
    strength: float = 3e-3
    clip: tuple[float, float] = (0.0, 0.2)
    reconstruction_weight: float = 0.1
    num_groups: int = 8
    num_embeddings: int = 64
    quantizer: str = "plain"
    select: bool = False
    probe: bool = False

    def record(self) -> dict[str, Any]:
        """As the run store keeps it."""
        return dataclasses.asdict(self)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that the method uses."""
        names = TASKS[self.task].modalities
        if self.method in SINGLE:
            return (names[SINGLE.index(self.method)],)
        return names


def decoder(shape: tuple[int, ...]) -> keras.Model:
    """Two dense layers from features to what a modality is like."""
    inputs = keras.Input((CHANNELS,))
    x = layers.Dense(CHANNELS, activation="relu")(inputs)
    x = layers.Dense(math.prod(shape))(x)
    return keras.Model(inputs, layers.Reshape(shape)(x))


def build_model(settings: Settings) -> keras.Model:
    """The model of a method, its weights new."""
    task, names = TASKS[settings.task], settings.modalities
    encoders = {}
    for name in names:
        inputs = keras.Input(task.shapes[name])
        encoders[name] = keras.Model(inputs, task.encoders[name](inputs))
    joined = keras.Input((CHANNELS * len(names),))
    head = nets.head(task.num_classes, hidden=CHANNELS)(joined)
    model = create_cm_vqvae(
        "cm_vqvae" if settings.method in SINGLE else settings.method,
        encoders=encoders,
        decoders={name: decoder(task.shapes[name]) for name in names},
        head=keras.Model(joined, head),
        num_embeddings=settings.num_embeddings,
        quantizer_options={
            "num_groups": settings.num_groups,
            **QUANTIZERS[settings.quantizer],
        },
        mask_options={"strength": settings.strength, "clip": settings.clip},
        reconstruction_weight=settings.reconstruction_weight,
    )
    model.build({name: (None, *task.shapes[name]) for name in names})
    return model


@functools.cache
def trainer_of(settings: Settings) -> Trainer:
    return Trainer(build_model(settings), settings.learning_rate)


def trainer(settings: Settings) -> Trainer:
    """The trainer of all runs with the same model and optimizer."""
    names = (
        "task",
        "method",
        "learning_rate",
        "strength",
        "clip",
        "reconstruction_weight",
        "num_groups",
        "num_embeddings",
        "quantizer",
    )
    return trainer_of(
        Settings(**{name: getattr(settings, name) for name in names})
    )


def fit(
    own: Trainer,
    settings: Settings,
    train: Examples,
    looked_at: dict[str, Examples],
) -> dict[str, list[float]]:
    """Trains; returns the history."""
    datasets = {
        name: (own.inputs(examples.x), examples.y)
        for name, examples in looked_at.items()
    }
    history, _ = own.fit(
        train.x,
        train.y,
        settings.epochs,
        settings.steps_per_epoch,
        settings.batch_size,
        [Accuracies(datasets), mmreg.callbacks.ComplementarityLogger()],
    )
    return history


def train(settings: Settings, data: Data) -> Outcome:
    """One run: its results and its curves."""
    keras.utils.set_random_seed(settings.seed)
    own = trainer(settings)
    splits = split(*data, settings.regime, settings.fold)
    fresh = build_model(settings)
    own.start_from(fresh)
    if settings.start != "scratch":
        splits, fresh = prepare_transfer(own, settings, splits, fresh)
        own.start_from(fresh)
    looked_at = {"validation": splits.validation}
    if not settings.select:
        looked_at["test"] = splits.test
    history = fit(own, settings, splits.train, looked_at)
    results = {
        **summary(history),
        "complementary": {
            name: history[f"complementary_{name}"][-1]
            for name in settings.modalities
        },
        "zeta": history["zeta"][-1],
        "perplexity": {
            name: history[f"perplexity_{name}"][-1]
            for name in settings.modalities
            if f"perplexity_{name}" in history
        },
    }
    if settings.probe and settings.method in MASKED:
        results["separability"] = separability(own, splits.train)
    curves = {
        name: values
        for name, values in history.items()
        if name.startswith(KEPT_CURVES)
    }
    return results, curves


def summary(history: dict[str, list[float]]) -> dict[str, float]:
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


def prepare_transfer(
    own: Trainer, settings: Settings, splits: Splits, fresh: keras.Model
) -> tuple[Splits, keras.Model]:
    """The new subjects and actions, and the model to start from.

    The source is the first half of the actions by odd subjects. The target is
    the second half by even ones: of the first two, one trains and one
    validates; the others test.
    """
    num_actions = TASKS[settings.task].num_classes // 2
    test = splits.test
    new = test.take(test.y >= num_actions)
    subjects = np.roll(np.unique(test.groups), -settings.fold)
    by_subject = [new.take(new.groups == subject) for subject in subjects]
    target = Splits(
        by_subject[0], by_subject[1], by_subject[2].join(by_subject[3])
    )
    if settings.start == "new":
        return target, fresh
    source = splits.train.take(splits.train.y < num_actions)
    fit(own, settings, source, {})
    kept = ("encoders", "quantizers", "decoders")
    if settings.start == "transfer":
        kept = (*kept, "mask")
    start = build_model(settings)
    start.warm_start(own.model, kept)
    return target, start


def separability(own: Trainer, examples: Examples) -> dict:
    """How well a linear probe tells the subject and the action.

    The subject on actions, and the action of subjects, that the probe was not
    trained on.
    """
    attributes = {"subject": examples.groups, "action": examples.y}
    held_out = {"subject": examples.y, "action": examples.groups}
    return {
        name: probe_separability(
            own.model,
            own.inputs(examples.x),
            values,
            groups=held_out[name],
            num_folds=len(np.unique(examples.groups)),
            batch_size=len(values),
        )
        for name, values in attributes.items()
    }
