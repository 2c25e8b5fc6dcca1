"""Arguments of a search space: numbers that are fixed or searched."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_mmreg.checks import check_integer
from keras_mmreg.checks import is_number


def number(hp: Any, name: str, value: Any, default: float) -> float:
    """Returns the value, or a hyperparameter in the range given by a pair."""
    if not isinstance(value, Sequence):
        return value
    low, high = value
    default = min(max(default, low), high)
    return hp.Float(name, low, high, sampling="log", default=default)


def choice(hp: Any, name: str, values: Any, default: int) -> int:
    """Returns the value, or a hyperparameter chosen from several values."""
    if not isinstance(values, Sequence):
        return values
    values = list(values)
    if default not in values:
        default = values[-1]
    return hp.Choice(name, values, default=default)


def check_range(name: str, value: Any, maximum: float = math.inf) -> None:
    """Raises unless the value is valid for `number`."""
    ends = value if isinstance(value, tuple | list) else [value]
    valid = all(map(is_number, ends))
    if valid and ends is value:
        valid = len(value) == 2 and 0 < value[0] < value[1] <= maximum
    elif valid:
        valid = 0 <= value <= maximum
    limit = "" if maximum == math.inf else f" <= {maximum}"
    if not valid:
        raise ValueError(
            f"`{name}` must be a number, or a pair `(low, high)` of numbers "
            f"with 0 < low < high{limit} to search on a log scale. "
            f"Received: {name}={value!r}"
        )


def check_choices(name: str, values: Any) -> None:
    """Raises unless the values are valid for `choice`."""
    if isinstance(values, int):
        values = [values]
    if not isinstance(values, Sequence) or not values:
        raise ValueError(
            f"`{name}` must be an integer, or a list of integers to choose "
            f"from. Received: {name}={values!r}"
        )
    for value in values:
        check_integer(name, value, minimum=1)


def compile_trial(hp: Any, model: keras.Model, arguments: Any) -> keras.Model:
    """Compiles a model with a dict, or with a dict that a function returns."""
    model.compile(**(arguments(hp) if callable(arguments) else arguments))
    return model


def check_compile_arguments(arguments: Any) -> None:
    """Raises if trials would share an optimizer or a metric."""
    stateful = (keras.optimizers.Optimizer, keras.metrics.Metric)
    if not callable(arguments) and any(
        isinstance(argument, stateful)
        for argument in keras.tree.flatten(arguments)
    ):
        raise ValueError(
            "`compile_arguments` must not hold instances of optimizers or "
            "metrics, as every trial needs its own. Use their names, or a "
            "function: `compile_arguments=lambda hp: {...}`. "
            f"Received: compile_arguments={arguments}"
        )
