"""The callbacks with which `RegularizedModel.fit` watches training."""

import collections
import math
import warnings
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import keras

from keras_mmreg.models.gate_watch import GateWatch
from keras_mmreg.models.gate_watch import measures_gate
from keras_mmreg.models.inner_compile import compile_inner
from keras_mmreg.models.penalty_watch import PenaltyWatch
from keras_mmreg.models.penalty_watch import floats
from keras_mmreg.network.checks import updated_statistics
from keras_mmreg.regularizers import Regularizer
from keras_mmreg.regularizers import log_prefixes

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
    """Tells methods the epoch, and issues their warnings."""

    async_safe = True  # Else Keras would wait for the logs of every step.

    def __init__(self) -> None:
        super().__init__()
        self._has_begun = False
        self._told: dict[str, set[str]] = collections.defaultdict(set)

    def on_train_begin(self, logs: Any = None) -> None:
        """Compiles the wrapped model."""
        self._has_begun = False
        compile_inner(self.model.inner, self.model)
        self._warn_of_optimizer()

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

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Issues the methods' warnings, each of them once."""
        numbers = floats(logs or {})
        for method in self.model.regularizers:
            told = self._told[method.name]
            own = own_logs(method, self.model.regularizers, numbers)
            found = method.warnings(own, epoch + 1)
            for key in [key for key in found if key not in told]:
                told.add(key)
                warnings.warn(found[key], stacklevel=2)

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


@contextmanager
def watched(
    callbacks: Any, model: keras.Model, arguments: Mapping[str, Any]
) -> Iterator[Any]:
    """Adds the callbacks that watch a `fit`, for as long as it runs.

    Callbacks that measure the gate come first in the list, then these.

    Args:
        callbacks: The argument `callbacks` of `fit`.
        model: The `RegularizedModel` that is trained.
        arguments: The other arguments of `fit`.
    """
    given = callbacks
    is_list = isinstance(callbacks, keras.callbacks.CallbackList)
    if not is_list:
        given = keras.tree.flatten(callbacks or [])
    members = given.callbacks if is_list else given
    before = list(members)
    watching: list[Any] = [FitWatch(), PenaltyWatch()]
    if model.gate is not None:
        watching.append(GateWatch(arguments, before))
    if is_list:
        for each in watching:
            each.set_model(model)
    measuring = [each for each in before if measures_gate(each)]
    others = [each for each in before if not measures_gate(each)]
    members[:] = [*measuring, *watching, *others]
    try:
        yield given
    finally:
        members[:] = before


def own_logs(
    method: Regularizer, methods: list[Regularizer], logs: Mapping[str, float]
) -> dict[str, float]:
    """Returns logs, those of a method by the names that it gives them."""
    prefix = log_prefixes(methods)[method.name]
    own = {n: logs.get(f"{prefix}{n}", math.nan) for n in method.log_names}
    return {**logs, **own}
