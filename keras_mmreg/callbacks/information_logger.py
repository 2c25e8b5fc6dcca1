"""Logs the information of each modality at the end of every epoch."""

from collections.abc import Iterator
from typing import Any

import keras

from keras_mmreg.callbacks.frequency import Frequency
from keras_mmreg.callbacks.order import warn_if_behind
from keras_mmreg.checks import check_options
from keras_mmreg.information.information_meter import NO_DATA
from keras_mmreg.information.information_meter import InformationMeter
from keras_mmreg.information.information_meter import warn_of_new_statistics
from keras_mmreg.models.modality_information import create_meter
from keras_mmreg.network.checks import updates_to_settle

OPTIONS = (
    "information",
    "num_samples",
    "stddev",
    "taps",
    "functional",
    "modalities",
    "seed",
)


class InformationLogger(keras.callbacks.Callback):
    """Adds each modality's information on given data to the logs of `fit`.

    At the end of each epoch, `information_<modality>` and
    `information_share_<modality>` (between 0 and 1) are added to the epoch's
    logs, so that `History` and every callback behind this one see them. In the
    list, put this callback before `CSVLogger`, `TensorBoard`, `EarlyStopping`
    and `ModelCheckpoint`; `fit` warns otherwise. It works on plain models as
    well as on a `RegularizedModel`, whose own `information_<modality>`, a
    running mean over the training batches, is replaced by the value on `data`.

    Information is the reaction of the prediction to noise. A small share does
    not prove that a modality is ignored: a shortcut on which the model relies
    can be coded so clearly that noise hardly changes the prediction. First look
    at the accuracy that is left when a modality is shuffled
    (`ShuffledModalityLogger`).

    Args:
        data: Any data that `fit` accepts; see `modality_information`. A few
            hundred examples are enough. A generator must be endless and needs
            `steps`.
        frequency: Positive integer, the number of epochs from one measurement
            to the next. The first epoch of a `fit` is always measured, so that
            callbacks which take their columns from it know the names. Epochs
            without a measurement have no value. Defaults to `1`.
        batch_size: Integer, for arrays. Defaults to `None`, Keras's 32.
        steps: Integer, the number of batches to use. Defaults to all.
        prefix: String put before the names, to tell several loggers apart.
            Defaults to `""`.
        verbose: `0` or `1`, whether to print the shares too. Defaults to `0`.
        **kwargs: Arguments of `modality_information`: `information`,
            `num_samples`, `stddev`, `taps`, `functional`, `modalities`, `seed`.

    Raises:
        ValueError: If `frequency` is not positive, or a modality cannot be
            measured: before training starts, unless the data are a generator
            or the model is built only then.

    Example:

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((4,), name="audio")])
    >>> model.add(keras.layers.Dense(3, activation="softmax"))
    >>> model.compile("sgd", "sparse_categorical_crossentropy")
    >>> x, y = np.random.rand(32, 4), np.random.randint(0, 3, 32)
    >>> history = model.fit(
    ...     x, y, callbacks=[InformationLogger(x)], verbose=0
    ... )
    >>> history.history["information_share_audio"]
    [1.0]

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Fig. 2
    """

    def __init__(
        self,
        data: Any,
        frequency: int = 1,
        batch_size: int | None = None,
        steps: int | None = None,
        prefix: str = "",
        verbose: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        check_options(
            "InformationLogger", kwargs, OPTIONS, "modality_information"
        )
        if data is None:
            raise ValueError(f"{NO_DATA}Received: None")
        self.data = data
        self.prefix = prefix
        self.frequency = frequency
        self._frequency = Frequency(frequency)
        self.batch_size = batch_size
        self.steps = steps
        self.verbose = verbose
        self.kwargs = {"num_samples": 8, **kwargs}
        self._meter: InformationMeter | None = None
        self._settled_step = 0
        self._warned = False

    def on_train_begin(self, logs: Any = None) -> None:
        """Creates the meter, whose compiled function serves every epoch.

        It runs on a batch, so that errors show now and not after an epoch.
        """
        warn_if_behind(self, (f"{self.prefix}information_",))
        self._meter = create_meter(self.model, **self.kwargs)
        _require_own_columns(self._meter)
        self._frequency.restart()
        self._settled_step = self._step() + updates_to_settle(self.model)
        if self.model.built and not isinstance(self.data, Iterator):
            self._meter.run(self.data, self.batch_size, steps=1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Measures the information and adds it to the logs."""
        if self._meter is None:
            return
        logs = {} if logs is None else logs
        if not self._frequency.is_due(epoch):
            # A wrapped model logs means over training batches by these names.
            for tracker in self._meter.trackers.values():
                logs.pop(f"{self.prefix}{tracker.name}", None)
            return
        information = self._meter.run(self.data, self.batch_size, self.steps)
        self._warn_of_new_statistics()
        total = sum(information.values())
        shares = {
            name: value / total if total else 0.0
            for name, value in information.items()
        }
        for name in information:
            logs[f"{self.prefix}information_{name}"] = information[name]
            logs[f"{self.prefix}information_share_{name}"] = shares[name]
        if self.verbose:
            text = ", ".join(f"{n} {share:.1%}" for n, share in shares.items())
            print(f"Epoch {epoch + 1}: share of information: {text}")

    def _warn_of_new_statistics(self) -> None:
        """Warns of new batch statistics, once per `fit`."""
        remaining = self._settled_step - self._step()
        if remaining > 0 and not self._warned:
            self._warned = True
            warn_of_new_statistics(self.model, remaining)

    def _step(self) -> int:
        """Returns the number of training steps so far.

        `iterations` counts updates, of which there are fewer with gradients
        that are accumulated; and a loss-scaling optimizer has two counters.
        """
        optimizer = getattr(self.model, "optimizer", None)
        variables = [] if optimizer is None else optimizer.variables
        counters = [each for each in variables if each.name == "iteration"]
        return max((int(each.numpy()) for each in counters), default=0)


def _require_own_columns(meter: InformationMeter) -> None:
    """Raises if names clash: `share_a` would take the column of `a`."""
    taken = [
        name for name in meter.trackers if f"share_{name}" in meter.trackers
    ]
    if taken:
        raise ValueError(
            f"The share of modality {taken[0]!r} and the information of "
            f"modality 'share_{taken[0]}' would both be logged as "
            f"'information_share_{taken[0]}'. Rename one of them."
        )
