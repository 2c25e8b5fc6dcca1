"""Logs the headline numbers of a modality report during training."""

import dataclasses
import inspect
from typing import Any

import keras

from keras_mmreg.callbacks.frequency import Frequency
from keras_mmreg.callbacks.order import warn_if_behind
from keras_mmreg.checks import check_options
from keras_mmreg.report import ModalityReport
from keras_mmreg.report import modality_report
from keras_mmreg.report.data import require_rereadable
from keras_mmreg.report.settings import Settings
from keras_mmreg.report.settings import create_settings

OPTIONS = tuple(
    name
    for name in inspect.signature(modality_report).parameters
    if name not in ("model", "data", "verbose")
)
"""The arguments of `modality_report` that the logger passes on."""

SETTINGS = tuple(field.name for field in dataclasses.fields(Settings))
"""Those that can be checked before training."""


class ReportLogger(keras.callbacks.Callback):
    """Adds how much each modality matters to the logs of `fit`.

    At the end of every `frequency`-th epoch the callback creates a
    `modality_report` and logs its score (accuracy, R^2, ...):

    - `report_intact`: on intact data;
    - `report_shuffled_<modality>`: with that modality shuffled;
    - `report_alone_<modality>`: with all others shuffled;
    - `report_missing_<modality>`: with that modality replaced by zeros (or by
      the first of `missing`).

    `History` and every callback behind this one see these logs. In the list,
    put this callback before `TensorBoard`, `CSVLogger`, `EarlyStopping` and
    `ModelCheckpoint`; `fit` warns otherwise. Epochs without a report have no
    value. The whole report, with its intervals, is `logger.report`.

    Args:
        data: Held-out data, as for `modality_report`: arrays, or a dataset
            that can be read again, which a generator cannot.
        frequency: Positive integer, the number of epochs from one report to
            the next. The first epoch of a `fit` always has a report. Defaults
            to `1`.
        prefix: String put before the names. Defaults to `"report_"`.
        verbose: `0` or `1`, whether to print the most important finding.
            Defaults to `0`.
        **kwargs: Arguments of `modality_report`, such as `metric`, `groups`,
            `missing` or `steps`.

    Raises:
        ValueError: If `frequency` is not positive, `data` can be read only
            once, or an argument is not as `modality_report` says.

    Example:

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((4,), name="audio")])
    >>> model.add(keras.layers.Dense(3, activation="softmax"))
    >>> model.compile("sgd", "sparse_categorical_crossentropy")
    >>> x, y = np.random.rand(32, 4), np.random.randint(0, 3, 32)
    >>> logger = ReportLogger((x, y))
    >>> history = model.fit(x, y, callbacks=[logger], verbose=0)
    >>> [name for name in history.history if name.startswith("report_")]
    ['report_intact', 'report_shuffled_audio', 'report_missing_audio']

    References:
        - [Gat et al., 2021](https://arxiv.org/abs/2110.14375)
    """

    def __init__(
        self,
        data: Any,
        frequency: int = 1,
        prefix: str = "report_",
        verbose: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        require_rereadable(data)
        check_options("ReportLogger", kwargs, OPTIONS, "modality_report")
        create_settings(**{n: kwargs[n] for n in SETTINGS if n in kwargs})
        self.data = data
        self.frequency = frequency
        self._frequency = Frequency(frequency)
        self.prefix = prefix
        self.verbose = verbose
        # The logs hold no intervals; a rough one suffices for the sentence.
        self.kwargs = {"num_bootstraps": 100, **kwargs}
        self.report: ModalityReport | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Creates a small report, so that errors show now, not later."""
        kinds = ("intact", "shuffled_", "alone_", "missing_")
        warn_if_behind(self, tuple(f"{self.prefix}{kind}" for kind in kinds))
        self._frequency.restart()
        if self.model.built:
            small = {**self.kwargs, "num_bootstraps": 1, "steps": 1}
            small |= {"include": (), "groups": None}
            modality_report(self.model, self.data, **small)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Creates a report and adds its headline numbers to the logs."""
        if not self._frequency.is_due(epoch):
            return
        self.report = modality_report(self.model, self.data, **self.kwargs)
        if logs is not None:
            for name, value in _headlines(self.report).items():
                logs[f"{self.prefix}{name}"] = value
        if self.verbose:
            print(f"Epoch {epoch + 1}: {self.report.findings[0].text}")


def _headlines(report: ModalityReport) -> dict[str, float]:
    alone = report.alone if len(report.modalities) > 1 else {}
    groups = {
        "shuffled": report.shuffled,
        "alone": alone,
        "missing": next(iter(report.missing.values()), {}),
    }
    values = {
        f"{kind}_{name}": measurement.value
        for kind, measurements in groups.items()
        for name, measurement in measurements.items()
    }
    return {"intact": report.intact.value, **values}
