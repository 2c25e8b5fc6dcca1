"""The callback that compares the penalties with the task loss."""

import threading
import warnings
from typing import Any

import keras

from keras_mmreg.regularizers import Regularizer

WARMUP_STEPS = 100
"""Steps in which a penalty may be larger than the task loss."""


class PenaltyWatch(keras.callbacks.Callback):
    """Warns once of each penalty that is larger than the task loss.

    It compares the means over steps 100 to 200 of the first epoch, and those of
    the epochs that begin after step 100.
    """

    async_safe = True  # Else Keras would wait for the logs of every step.

    def __init__(self) -> None:
        super().__init__()
        self._dominant: set[str] = set()
        self._earlier: tuple[int, dict[str, float]] | None = None
        self._has_compared = False
        self._steps = 0
        self._first_step = 0
        self._lock = threading.Lock()
        self._methods: list[Regularizer] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Keeps the methods."""
        # On JAX, `self.model` waits for the step, and takes its state back.
        self._methods = self.model.regularizers

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Records the first step of the epoch."""
        self._first_step = self._steps
        self._earlier = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Compares penalties and task loss once, over steps 100 to 200.

        Keras calls this from several threads, and in any order.
        """
        steps = self._first_step + batch + 1
        with self._lock:
            self._steps = max(self._steps, steps)
            if self._first_step > 0 or self._has_compared or logs is None:
                return
            if self._earlier is None:
                if steps >= WARMUP_STEPS:
                    self._earlier = (steps, floats(logs))
                return
            begin, before = self._earlier
            if steps < 2 * WARMUP_STEPS or steps <= begin:
                return
            self._has_compared = True
        now = floats(logs)
        recent = {
            name: (now[name] * steps - before[name] * begin) / (steps - begin)
            for name in before
            if name in now
        }
        self._compare(recent)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compares penalties and task loss over the epoch."""
        if self._first_step >= WARMUP_STEPS:
            self._compare(floats(logs or {}))

    def _compare(self, logs: dict[str, float]) -> None:
        if "loss" not in logs:  # A subclass may log what it likes.
            return
        task_loss = abs(logs["loss"] - logs.get("penalty", 0.0))
        for method in self._methods:
            penalty = logs.get(f"{method.name}_penalty", 0.0)
            if (
                not method.has_automatic_strength
                or method.strength in ("auto", 0)
                or penalty <= task_loss
                or method.name in self._dominant
            ):
                continue
            self._dominant.add(method.name)
            advised = float(method.strength) * 0.1 * task_loss / penalty
            warnings.warn(
                f"The {method.name!r} penalty is {penalty:.3g}, "
                f"{penalty / max(task_loss, 1e-12):.3g} times the task loss of "
                f"{task_loss:.3g}, after more than {WARMUP_STEPS} steps: the "
                "model is trained for the penalty and may never learn the "
                f"task. Try `strength={advised:.1g}`, at which it would be a "
                "tenth of the task loss, or `strength='auto'`.",
                stacklevel=2,
            )


def floats(logs: dict[str, Any]) -> dict[str, float]:
    """Returns the logs that are numbers."""
    numbers = {}
    for name, value in logs.items():
        try:
            numbers[name] = float(value)
        except (TypeError, ValueError):
            continue
    return numbers
