"""Converts training histories, one or many, labeled or not, to one form."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple
from typing import TypeAlias

import keras
import numpy as np

from keras_mmreg.checks import check_integer

History: TypeAlias = keras.callbacks.History | Mapping[str, Sequence[float]]
Histories: TypeAlias = (
    History
    | Sequence[History]
    | Mapping[str, History]
    | Mapping[str, Sequence[History]]
)

Curves: TypeAlias = tuple[np.ndarray, np.ndarray]
"""The epochs `(num_epochs,)` and the values `(num_runs, num_epochs)`."""


class Run(NamedTuple):
    """One training run.

    Attributes:
        epochs: Integer array of the epochs, counted from 1.
        logs: Dict from the name of a metric to its values, each a float array
            with one value per epoch or fewer.
    """

    epochs: np.ndarray
    logs: dict[str, np.ndarray]


def labeled_runs(histories: Histories) -> dict[str, list[Run]]:
    """Returns the runs by label; runs without a label get the label `""`."""
    if isinstance(histories, Mapping) and any(
        _holds_histories(value) for value in histories.values()
    ):
        return {str(label): _runs(value) for label, value in histories.items()}
    return {"": _runs(histories)}


def select(
    runs: list[Run], name: str, frequency: int, from_first: bool = False
) -> Curves:
    """Returns a metric of several runs, at the epochs that all runs share.

    Args:
        runs: The runs.
        name: The name of the metric.
        frequency: The number of epochs between two values.
        from_first: Whether the first epoch has a value, as with the loggers of
            `keras_mmreg.callbacks`; Keras's validation starts at epoch number
            `frequency`. Defaults to `False`.

    Returns:
        The epochs `(num_epochs,)` and the values `(num_runs, num_epochs)`.
    """
    check_integer("frequency", frequency, minimum=1)
    curves = [_measured(run, name, frequency, from_first) for run in runs]
    common = set.intersection(*(set(curve) for curve in curves))
    if not common:
        raise ValueError(
            "`histories` must have epochs in common to be averaged; give them "
            "different labels instead, as in {'first': ..., 'second': ...}."
        )
    epochs = sorted(common)
    values = [[curve[epoch] for epoch in epochs] for curve in curves]
    return np.array(epochs), np.array(values)


def _measured(
    run: Run, name: str, frequency: int, from_first: bool
) -> dict[int, float]:
    """Returns the values of a metric by epoch."""
    start = run.epochs[:1].sum() if from_first else frequency
    epochs = run.epochs[(run.epochs - start) % frequency == 0]
    values = run.logs[name]
    if len(values) != len(epochs):
        raise ValueError(
            f"`frequency` must be the number of epochs between two values of "
            f"{name!r}: the `frequency` of a logger, or the "
            f"`validation_freq` of `fit`. Received: frequency={frequency} for "
            f"{len(values)} values in {len(run.epochs)} epochs"
        )
    return dict(zip(epochs.tolist(), values.tolist(), strict=True))


def _holds_histories(value: Any) -> bool:
    """Returns whether a value holds histories, not a metric's values."""
    items = value if isinstance(value, list | tuple) else [value]
    return any(
        isinstance(item, keras.callbacks.History | Mapping) for item in items
    )


def _runs(histories: Any) -> list[Run]:
    items = histories if isinstance(histories, list | tuple) else [histories]
    if not items:
        raise ValueError(
            "`histories` must have at least one history for each label. "
            "Received: an empty list"
        )
    return [run_of(item) for item in items]


def run_of(history: Any) -> Run:
    """Checks a history and converts it to a `Run`."""
    logs = getattr(history, "history", history)
    if not isinstance(logs, Mapping):
        raise ValueError(
            "`histories` must be what `fit` returns (or its `.history`), a "
            "list of these, or a dict of either by label. "
            f"Received: {type(history).__name__}"
        )
    values = {name: np.asarray(value, float) for name, value in logs.items()}
    if any(value.ndim != 1 for value in values.values()):
        raise ValueError(
            "`histories` must hold a list of numbers for each metric, one per "
            f"epoch. Received: {dict(logs)}"
        )
    if isinstance(history, keras.callbacks.History):
        return Run(np.array(history.epoch, int) + 1, values)
    num_epochs = max(map(len, values.values()), default=0)
    return Run(np.arange(1, num_epochs + 1), values)
