"""The callback with which `RegularizedModel.fit` monitors training."""

import collections
import math
import threading
import warnings
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import keras

from keras_mmreg.models.gate_meter import GateMeter
from keras_mmreg.models.inner_compile import compile_inner
from keras_mmreg.network.checks import updated_statistics
from keras_mmreg.regularizers import Regularizer
from keras_mmreg.regularizers import log_prefixes

WARMUP_STEPS = 100
"""Steps in which a penalty may be larger than the task loss."""

ADAPTIVE_OPTIMIZERS = (
    keras.optimizers.Adadelta,
    keras.optimizers.Adafactor,
    keras.optimizers.Adagrad,
    keras.optimizers.Adam,
    keras.optimizers.Adamax,
    keras.optimizers.Ftrl,
    keras.optimizers.Lamb,
    keras.optimizers.Lion,
    keras.optimizers.Muon,
    keras.optimizers.Nadam,
    keras.optimizers.RMSprop,
)
"""Optimizers in whose update the scale of the gradient cancels."""


class FitWatch(keras.callbacks.Callback):
    """Tells methods the epoch, and warns if a model is unlikely to learn.

    Args:
        arguments: The arguments of `fit`.
    """

    measures_gate = True
    async_safe = True  # Else Keras would wait for the logs of every step.

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        self.validation_split = arguments.get("validation_split")
        self.validation_data = arguments.get("validation_data")
        self.validation_steps = arguments.get("validation_steps")
        self.validation_batch_size = (
            arguments.get("validation_batch_size")
            or arguments.get("batch_size")
            or 32
        )
        self.callbacks: list[keras.callbacks.Callback] = []
        self._has_begun = False
        self._gate_meter: GateMeter | None = None
        self._told: dict[str, set[str]] = collections.defaultdict(set)
        self._dominant: set[str] = set()
        self._earlier: tuple[int, dict[str, float]] | None = None
        self._has_compared = False
        self._gate_was_open = False
        self._steps = 0
        self._first_step = 0
        self._lock = threading.Lock()
        self._methods: list[Regularizer] = []

    @contextmanager
    def among(self, callbacks: Any, model: keras.Model) -> Iterator[Any]:
        """Adds this callback; those that measure the gate come first.

        Args:
            callbacks: The argument `callbacks` of `fit`.
            model: The model that is trained.
        """
        if isinstance(callbacks, keras.callbacks.CallbackList):
            self.set_model(model)
            members = callbacks.callbacks
        else:
            callbacks = members = keras.tree.flatten(callbacks or [])
        self.callbacks = list(members)
        members.append(self)
        members.sort(key=lambda each: not getattr(each, "measures_gate", False))
        try:
            yield callbacks
        finally:
            members[:] = self.callbacks

    def on_train_begin(self, logs: Any = None) -> None:
        """Compiles the wrapped model, and decides how the gate is measured."""
        self._has_begun = False
        compile_inner(self.model.inner, self.model)
        # On JAX, `self.model` waits for the step, and takes its state back.
        self._methods = self.model.regularizers
        self._warn_of_optimizer()
        self._gate_meter = None
        if self.model.gate is None:
            return
        if self.model.gate.needs_new_step():
            self.model.make_train_function(force=True)
        if not any(
            getattr(callback, "measures_gate", False)
            for callback in self.callbacks
        ):
            self._measure_gate_on_validation_data()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Tells the methods which epoch it is.

        In the first epoch, also checks the batch statistics, which other
        callbacks may have loaded by now.
        """
        if not self._has_begun:
            is_new = not int(self.model.step.numpy())
            if is_new or not updated_statistics(self.model.inner):
                self.model.settled_step.assign(0)
            self.model.await_settled_statistics()
            self._has_begun = True
        self.model.epoch.assign(epoch)
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
                    self._earlier = (steps, _floats(logs))
                return
            begin, before = self._earlier
            if steps < 2 * WARMUP_STEPS or steps <= begin:
                return
            self._has_compared = True
        now = _floats(logs)
        recent = {
            name: (now[name] * steps - before[name] * begin) / (steps - begin)
            for name in before
            if name in now
        }
        self._compare(recent)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Issues the methods' warnings, and warns of penalties too large."""
        logs = logs or {}
        if self._gate_meter is not None:
            self._gate_meter.update(
                self.validation_data,
                self.validation_batch_size,
                self.validation_steps,
            )
        if self.model.gate is not None and not self._gate_was_open:
            self._gate_was_open = self.model.gate.is_open_anywhere()
        numbers = _floats(logs)
        for method in self.model.regularizers:
            told = self._told[method.name]
            own = own_logs(method, self.model.regularizers, numbers)
            found = method.warnings(own, epoch + 1)
            for key in [key for key in found if key not in told]:
                told.add(key)
                warnings.warn(found[key], stacklevel=2)
        if self._first_step >= WARMUP_STEPS:
            self._compare(numbers)

    def on_train_end(self, logs: Any = None) -> None:
        """Warns of penalties that stayed 0, waiting for batch statistics."""
        remaining = int(self.model.settled_step.numpy()) - int(
            self.model.step.numpy()
        )
        waiting = [
            method.name
            for method in self.model.regularizers
            if (logs or {}).get(f"{method.name}_penalty") == 0
            and method.strength != 0
        ]
        if remaining > 0 and waiting:
            warnings.warn(
                f"The penalty of {waiting} has been 0 so far: it waits until "
                "the statistics of batch normalization have settled, for "
                f"{remaining} more training steps. Train longer, start from "
                "pretrained weights, or give the `BatchNormalization` layers "
                "a lower `momentum`: each takes 5 / (1 - momentum) updates.",
                stacklevel=2,
            )

        self._warn_of_shut_gates()

    def _warn_of_shut_gates(self) -> None:
        """Warns of methods that did nothing because their gates stayed shut."""
        gate = self.model.gate
        gated = [m.name for m in self.model.regularizers if m.uses_gate]
        enough = int(self.model.step.numpy()) >= WARMUP_STEPS
        if not (gated and enough and gate.held_out.numpy() > 0):
            return
        if not self._gate_was_open:
            warnings.warn(
                f"{gated} changed nothing: their gates were shut after every "
                "epoch, because no linear probe has learned to predict the "
                f"label from one modality (each is below {gate.threshold:g} on "
                "held-out data; see `gate_...` in the logs). That is right "
                "where modalities must be combined. Else train longer, as "
                "probes learn in `fit`, or check the held-out data.",
                stacklevel=2,
            )

    def _warn_of_optimizer(self) -> None:
        """Warns of an optimizer that undoes a method's change of gradients."""
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        undone = [m.name for m in self.model.regularizers if m.undone_by_adam]
        if undone and isinstance(optimizer, ADAPTIVE_OPTIMIZERS):
            warnings.warn(
                f"{undone} scales gradients, and {type(optimizer).__name__} "
                "divides each by its own scale: it has next to no effect. "
                "Compile the model with `keras.optimizers.SGD`.",
                stacklevel=2,
            )

    def _measure_gate_on_validation_data(self) -> None:
        """Measures the gate on validation data unless these select models."""
        data = self.validation_data
        selecting = [
            type(callback).__name__
            for callback in self.callbacks
            if _selects_by_validation(callback)
        ]
        is_dataset = data is not None and not hasattr(data, "__next__")
        if is_dataset and not selecting:
            self._gate_meter = GateMeter(self.model)
            return
        if selecting:
            reason = f"{selecting[0]} selects the model by the validation data"
        elif self.validation_split:
            reason = "what `validation_split` holds back is not known to it"
        else:
            reason = (
                "`fit` was given no `validation_data` that can be read again"
            )
        self.model.gate.held_out.assign(0.0)
        warnings.warn(
            "The gate is measured on training data, where a modality whose "
            f"examples were memorized counts as one that predicts the label: "
            f"{reason}. Hold data out for it: `train, held_out = "
            "keras_mmreg.callbacks.HeldOut.split(x, y)`, then `fit(*train, "
            "callbacks=[keras_mmreg.callbacks.HeldOut(held_out)])`.",
            stacklevel=2,
        )

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


def _selects_by_validation(callback: keras.callbacks.Callback) -> bool:
    """Returns whether a callback selects the model by validation data."""
    if isinstance(callback, keras.callbacks.ReduceLROnPlateau):
        return False
    return monitored(callback).startswith("val_") and getattr(
        callback, "save_best_only", True
    )


def monitored(callback: keras.callbacks.Callback) -> str:
    """Returns the log by which a callback decides, or an empty string."""
    # KerasTuner's `SaveBestEpoch` has an objective instead.
    objective = getattr(callback, "objective", None)
    return str(getattr(callback, "monitor", getattr(objective, "name", "")))


def own_logs(
    method: Regularizer, methods: list[Regularizer], logs: Mapping[str, float]
) -> dict[str, float]:
    """Returns logs, those of a method by the names that it gives them."""
    prefix = log_prefixes(methods)[method.name]
    own = {n: logs.get(f"{prefix}{n}", math.nan) for n in method.log_names}
    return {**logs, **own}


def _floats(logs: dict[str, Any]) -> dict[str, float]:
    numbers = {}
    for name, value in logs.items():
        try:
            numbers[name] = float(value)
        except (TypeError, ValueError):
            continue
    return numbers
