"""The callback that has the gate measured, and warns if it stays shut."""

import warnings
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from keras_mmreg.models.gate_meter import GateMeter
from keras_mmreg.models.penalty_watch import WARMUP_STEPS


class GateWatch(keras.callbacks.Callback):
    """Measures the gate of a model on validation data, if nothing else does.

    Args:
        arguments: The arguments of `fit`.
        others: The other callbacks of `fit`.
    """

    async_safe = True  # Else Keras would wait for the logs of every step.

    def __init__(
        self,
        arguments: Mapping[str, Any],
        others: Sequence[keras.callbacks.Callback],
    ) -> None:
        super().__init__()
        self.validation_split = arguments.get("validation_split")
        self.validation_data = arguments.get("validation_data")
        self.validation_steps = arguments.get("validation_steps")
        self.validation_batch_size = (
            arguments.get("validation_batch_size")
            or arguments.get("batch_size")
            or 32
        )
        self.others = list(others)
        self._meter: GateMeter | None = None
        self._was_open = False

    def on_train_begin(self, logs: Any = None) -> None:
        """Decides how the gate is measured."""
        self.model.gate.recall_distrust()
        if self.model.gate.needs_new_step:
            self.model.make_train_function(force=True)
        if not any(map(measures_gate, self.others)):
            self._measure_on_validation_data()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Measures the gate."""
        if self._meter is not None:
            self._meter.update(
                self.validation_data,
                self.validation_batch_size,
                self.validation_steps,
            )
        if not self._was_open:
            self._was_open = self.model.gate.is_open_anywhere()

    def on_train_end(self, logs: Any = None) -> None:
        """Warns of methods that did nothing because their gates stayed shut."""
        gate = self.model.gate
        gated = [m.name for m in self.model.regularizers if m.uses_gate]
        enough = int(self.model.step.numpy()) >= WARMUP_STEPS
        if not (gated and enough and gate.held_out.numpy() > 0):
            return
        if not self._was_open:
            warnings.warn(
                f"{gated} changed nothing: their gates were shut after every "
                "epoch, because no linear probe has learned to predict the "
                f"label from one modality (each is below {gate.threshold:g} on "
                "held-out data; see `gate_...` in the logs). That is right "
                "where modalities must be combined. Else train longer, as "
                "probes learn in `fit`, or check the held-out data.",
                stacklevel=2,
            )

    def _measure_on_validation_data(self) -> None:
        """Measures the gate on validation data unless these select models."""
        data = self.validation_data
        selecting = [
            type(callback).__name__
            for callback in self.others
            if _selects_by_validation(callback)
        ]
        is_dataset = data is not None and not hasattr(data, "__next__")
        if is_dataset and not selecting:
            self._meter = GateMeter(self.model)
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


def measures_gate(callback: keras.callbacks.Callback) -> bool:
    """Returns whether a callback says that it measures the gate."""
    return getattr(callback, "measures_gate", False)


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
