"""Callbacks that several studies need."""

import time

import keras
import numpy as np


class Accuracies(keras.callbacks.Callback):
    """Logs the accuracy on several data sets after every epoch.

    Args:
        datasets: Dict of the name of the log to `(x, y)`.
    """

    def __init__(self, datasets: dict) -> None:
        super().__init__()
        self.datasets = datasets

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        for name, (x, y) in self.datasets.items():
            logits = self.model.predict(x, batch_size=1000, verbose=0)
            logs[name] = float(np.mean(np.argmax(logits, axis=-1) == y))


class Stopwatch(keras.callbacks.Callback):
    """Measures the seconds in the training steps of each epoch."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.end = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.seconds.append(self.end - self.start)

    @property
    def seconds_per_epoch(self) -> float | None:
        """The median, without the first epoch, which compiles."""
        later = self.seconds[1:]
        return float(np.median(later)) if later else None
