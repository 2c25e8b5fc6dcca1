"""One run of a row of Tables 2 and 4 of Tejero-de-Pablos 2024."""

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

import keras_mmreg as mmreg
from applications.common.callbacks import Accuracies
from applications.common.cm_vqvae_methods import create_cm_vqvae
from applications.common.probe_separability import probe_separability
from applications.common.problems import Examples
from applications.common.problems import Splits
from applications.common.runs import Outcome

JOINT_METHODS = (
    "concat",
    "dropout",
    "gated",
    "cm_vqvae_unregularized",
    "cm_vqvae",
    "config_ii",
    "config_iii",
)
"""Rows of both modalities; configuration (i) is `concat`."""
STRENGTHS = (1e-4, 1e-3, 1e-2)
NUM_PROBED = 2000
KEPT_CURVES = ("validation", "test", "complementary_", "zeta")


@dataclasses.dataclass(frozen=True)
class Task:
    """A data set of two modalities, and its nets.

    Attributes:
        splits: The examples.
        encoders: For each modality a function that makes its encoder.
        decoders: The same for its decoder.
        head: A function of the number of modalities that makes what solves the
            task; its outputs are logits.
        attributes: For each modality the name and the labels of what it tells
            of the training examples besides the class (Table 5).
        source: The task of another data set, to be trained on first (Table 6).
        epochs: Passes over the training data.
        batch_size: Examples of a step.
        num_embeddings: Codes of each modality.
    """

    splits: Splits
    encoders: Mapping[str, Callable[[], keras.Model]]
    decoders: Mapping[str, Callable[[], keras.Model]]
    head: Callable[[int], keras.Model]
    attributes: Mapping[str, tuple[str, np.ndarray]] = dataclasses.field(
        default_factory=dict
    )
    source: "Task | None" = None
    epochs: int = 50
    batch_size: int = 128
    num_embeddings: int = 512

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities, in order."""
        return tuple(self.encoders)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on.

    Attributes:
        method: A row of the tables, or a modality alone.
        strength: Of the mask.
        compat: `"paper"` or `"authors"`, see `create_cm_vqvae`.
        transfer: Train on the task's source first.
        select: Look at validation data alone.
    """

    method: str
    seed: int
    strength: float
    epochs: int
    batch_size: int
    num_embeddings: int
    learning_rate: float = 1e-3
    compat: str = "authors"
    transfer: bool = False
    select: bool = False

    def record(self) -> dict[str, Any]:
        """As the run store keeps it."""
        return dataclasses.asdict(self)


def build(settings: Settings, task: Task) -> keras.Model:
    """A new, compiled model of a method."""
    method = settings.method
    single = method in task.modalities
    names = [method] if single else list(task.modalities)
    model = create_cm_vqvae(
        "cm_vqvae" if single else method,
        encoders={name: task.encoders[name]() for name in names},
        decoders={name: task.decoders[name]() for name in names},
        head=task.head(len(names)),
        compat=settings.compat,
        num_embeddings=settings.num_embeddings,
        mask_options={"strength": settings.strength},
    )
    x = task.splits.train.x
    model.build({name: (None, *x[name].shape[1:]) for name in names})
    model.compile(
        keras.optimizers.Adam(settings.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def inputs(model: Any, examples: Examples) -> dict[str, np.ndarray]:
    """The modalities that a model has."""
    return {name: examples.x[name] for name in model.modalities}


def train(settings: Settings, task: Task, verbose: int = 0) -> Outcome:
    """One run: its results and its curves."""
    keras.utils.set_random_seed(settings.seed)
    model = build(settings, task)
    if settings.transfer:
        model = warm_started(model, settings, task)
    history = fit(model, settings, task, verbose)
    best = int(np.argmax(history["validation"]))
    results = {
        "validation_accuracy": history["validation"][best],
        "best_epoch": best + 1,
    }
    if "test" in history:
        results["accuracy"] = history["test"][best]
        results["accuracy_last"] = history["test"][-1]
    results |= {
        "complementary": {
            name: history[f"complementary_{name}"][-1]
            for name in model.modalities
        },
        "zeta": history["zeta"][-1],
    }
    if task.attributes and settings.method.startswith("cm_vqvae"):
        results["separability"] = separability(model, task)
    return results, {
        name: values
        for name, values in history.items()
        if name.startswith(KEPT_CURVES)
    }


def fit(
    model: Any, settings: Settings, task: Task, verbose: int = 0
) -> dict[str, list]:
    """The history, with accuracies and the mask's shares every epoch."""
    splits = task.splits
    watched = {"validation": splits.validation}
    if not settings.select:
        watched["test"] = splits.test
    return model.fit(
        inputs(model, splits.train),
        splits.train.y,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        callbacks=[
            Accuracies(
                {
                    name: (inputs(model, examples), examples.y)
                    for name, examples in watched.items()
                }
            ),
            mmreg.callbacks.ComplementarityLogger(),
        ],
        verbose=verbose,
    ).history


def warm_started(
    model: keras.Model, settings: Settings, task: Task
) -> keras.Model:
    """The model with all that the same method has learned on the source."""
    if task.source is None:
        raise SystemExit("There is no other data set to transfer from.")
    source = build(settings, task.source)
    own = dataclasses.replace(settings, epochs=task.source.epochs)
    fit(source, own, task.source)
    model.warm_start(source)
    return model


def separability(model: keras.Model, task: Task) -> dict[str, Any]:
    """How well a linear probe tells what the class does not depend on."""
    some = task.splits.train.take(
        np.arange(min(NUM_PROBED, len(task.splits.train.y)))
    )
    found = {}
    for modality, (attribute, labels) in task.attributes.items():
        probes = probe_separability(
            model, inputs(model, some), labels[: len(some.y)], num_folds=3
        )
        found[modality] = {"attribute": attribute, **probes[modality]}
    return found
