"""One run of a row: train, and look at the answers by type."""

import dataclasses
from typing import Any

import keras
import numpy as np

from applications.common.accuracies import shuffle
from applications.common.bias.methods import METHODS
from applications.common.bias.methods import Method
from applications.common.bias.methods import Strength
from applications.common.bias.methods import Task
from applications.common.bias.methods import build
from applications.common.problems import Examples
from applications.common.runs import Outcome
from applications.common.training import inputs
from keras_mmreg.callbacks import HeldOut
from keras_mmreg.callbacks import InformationLogger
from keras_mmreg.models import RegularizedModel

NUM_MEASURED = 256
"""Examples on which Fig. 2 measures the information of the modalities."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on.

    Attributes:
        data: Which data set of the study.
        method: A row of the table.
        strength: Of the row's regularizer, or `None`.
        select: Report the criterion on validation data alone.
    """

    data: str
    method: str
    seed: int
    strength: Strength
    epochs: int
    batch_size: int
    learning_rate: float
    select: bool = False

    def record(self) -> dict[str, Any]:
        """As the run store keeps it."""
        return dataclasses.asdict(self)


class Scores(keras.callbacks.Callback):
    """Logs the scores on validation data, and on test data, every epoch."""

    def __init__(self, task: Task, select: bool) -> None:
        super().__init__()
        self.task, self.select = task, select

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        logits = predict(self.model, self.task.splits.validation)
        logs["criterion"] = self.task.criterion(logits)
        if not self.select:
            logits = predict(self.model, self.task.splits.test)
            logs["accuracy"] = self.task.scores(logits, "test")["accuracy"]


def predict(model: Any, examples: Examples) -> np.ndarray:
    """The logits of a model, wrapped or not."""
    model = getattr(model, "inner", model)
    return model.predict(inputs(model, examples), batch_size=500, verbose=0)


def train(settings: Settings, task: Task, measured: bool = False) -> Outcome:
    """One run: its results, and its curves epoch by epoch.

    Args:
        settings: What the run depends on.
        task: The data and the net.
        measured: Whether to measure the modalities' information, too, at the
            end of every epoch.
    """
    keras.utils.set_random_seed(settings.seed)
    method = METHODS[settings.method]
    examples, callbacks = task.splits.train, []
    inner = model = build(task, settings.method)
    if method.gated:
        examples, held_out = examples.hold_out(False, settings.seed)
        callbacks.append(
            HeldOut((inputs(inner, held_out), targets(task, held_out.y)))
        )
    if method.regularizer is not None:
        model = RegularizedModel(
            inner,
            method.regularizer(settings.strength),
            taps=task.taps,
            modalities=task.modalities,
            seed=settings.seed,
        )
    model.compile(optimizer(settings, method), **losses(task))
    callbacks.append(Scores(task, settings.select))
    if measured and not method.single:
        callbacks.append(information_logger(task, inner))
    history = model.fit(
        inputs(inner, examples),
        targets(task, examples.y),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        callbacks=callbacks,
        verbose=0,
    ).history
    results = {"criterion": history["criterion"][-1]}
    if not settings.select:
        results |= tested(inner, task)
    kept = ("criterion", "accuracy", "information_share")
    return results, {
        name: values
        for name, values in history.items()
        if name.startswith(kept)
    }


def optimizer(settings: Settings, method: Method) -> keras.optimizers.Optimizer:
    if method.decays:
        return keras.optimizers.AdamW(
            settings.learning_rate, weight_decay=settings.strength
        )
    return keras.optimizers.Adam(settings.learning_rate)


def losses(task: Task) -> dict[str, Any]:
    """The loss of a mode: binary ones are summed over the answers."""
    if task.mode == "softmax":
        return {
            "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        }
    return {
        "loss": keras.losses.BinaryCrossentropy(from_logits=True),
        "loss_weights": [float(task.num_answers)],
    }


def targets(task: Task, y: np.ndarray) -> np.ndarray:
    """What `losses` takes: answers as numbers, or one of each possible one."""
    if task.mode == "softmax":
        return y
    return np.eye(task.num_answers, dtype="float32")[y]


def information_logger(task: Task, inner: keras.Model) -> InformationLogger:
    """Fig. 2: the modalities' shares on some of the test examples."""
    some = task.splits.test.take(
        np.arange(len(task.splits.test.y))[:NUM_MEASURED]
    )
    return InformationLogger(
        inputs(inner, some),
        information="fisher",
        num_samples=2,
        taps=task.taps,
        modalities=list(task.modalities),
        batch_size=NUM_MEASURED,
    )


def tested(inner: keras.Model, task: Task) -> dict[str, Any]:
    """Scores on the test data, also with each modality shuffled."""
    found = {"scores": task.scores(predict(inner, task.splits.test), "test")}
    for name in task.modalities:
        if name in {tensor.name for tensor in inner.inputs}:
            shuffled = shuffle(task.splits.test, [name], seed=0)
            scores = task.scores(predict(inner, shuffled), "test")
            found[f"shuffled_{name}"] = scores["accuracy"]
    found["training_accuracy"] = task.scores(
        predict(inner, task.splits.train), "train"
    )["accuracy"]
    return found
