"""Trains a `CMVQVAE` many times over and compiles it once."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from applications.common.callbacks import Stopwatch


def copy(value: Any) -> np.ndarray:
    """A variable's value that later steps of training cannot overwrite."""
    return np.array(keras.ops.convert_to_numpy(value))


class Trainer:
    """Trains one model again and again without compiling it again.

    Args:
        model: A built `CMVQVAE`.
        learning_rate: Of Adam.
        loss: Of the model's outputs. Defaults to the cross-entropy of logits
            and integer labels.
    """

    def __init__(
        self, model: keras.Model, learning_rate: float, loss: Any = None
    ) -> None:
        self.model = model
        self.model.compile(
            keras.optimizers.Adam(learning_rate),
            loss
            or keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        optimizer = self.model.optimizer
        optimizer.build(self.model.trainable_variables)
        self.optimizer_state = [copy(value) for value in optimizer.variables]

    def start_from(self, model: keras.Model) -> None:
        """Takes the weights of `model`, and a new optimizer's state."""
        for variable, value in zip(
            self.model.variables, model.variables, strict=True
        ):
            variable.assign(copy(value))
        for variable, value in zip(
            self.model.optimizer.variables, self.optimizer_state, strict=True
        ):
            variable.assign(copy(value))

    def inputs(self, x: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Those of the arrays that the model takes."""
        return {name: x[name] for name in self.model.modalities}

    def fit(
        self,
        x: Mapping[str, np.ndarray],
        y: np.ndarray,
        epochs: int,
        steps_per_epoch: int,
        batch_size: int,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> tuple[dict[str, list[float]], Stopwatch]:
        """Trains; returns the history and how long it took."""
        stopwatch = Stopwatch()
        # Keras ends an epoch when the data end: few examples are repeated.
        index = np.resize(
            np.arange(len(y)), max(len(y), steps_per_epoch * batch_size)
        )
        history = self.model.fit(
            {name: values[index] for name, values in self.inputs(x).items()},
            y[index],
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            callbacks=[stopwatch, *callbacks],
            verbose=0,
        )
        return history.history, stopwatch
