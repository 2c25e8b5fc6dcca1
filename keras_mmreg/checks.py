"""Checks of arguments, so that errors show before training starts."""

import importlib.util
import inspect
import math
import numbers
from collections.abc import Collection
from typing import Any

import keras


def is_number(value: Any) -> bool:
    """Returns whether a value is a finite number; booleans are none."""
    return (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def check_number(
    name: str,
    value: Any,
    minimum: float = -math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    maximum: float = math.inf,
) -> None:
    """Raises unless an argument is a finite number in its range.

    Args:
        name: The argument's name.
        value: The value received.
        minimum: The smallest number that is allowed. Defaults to `-inf`.
        above: A number that the value must exceed. Defaults to `-inf`.
        below: A number that the value must not reach. Defaults to `inf`.
        maximum: The largest number that is allowed. Defaults to `inf`.

    Raises:
        ValueError: If the value is not a finite number in the range.
    """
    if (
        not is_number(value)
        or not minimum <= float(value) <= maximum
        or not above < float(value) < below
    ):
        limits = [
            f"{words} {limit:g}"
            for words, limit in (
                ("of at least", minimum),
                ("above", above),
                ("below", below),
                ("of at most", maximum),
            )
            if math.isfinite(limit)
        ]
        kind = " ".join(["a finite number", " and ".join(limits)]).strip()
        raise ValueError(f"`{name}` must be {kind}. Received: {name}={value!r}")


def check_integer(name: str, value: Any, minimum: int) -> None:
    """Raises unless an argument is an integer of at least `minimum`."""
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Integral)
        or value < minimum
    ):
        raise ValueError(
            f"`{name}` must be an integer of at least {minimum}. "
            f"Received: {name}={value!r}"
        )


def check_sizes(**sizes: Any) -> None:
    """Raises unless each value is `None` or a positive integer."""
    for name, value in sizes.items():
        if value is not None:
            check_integer(name, value, minimum=1)


def check_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Raises unless an argument is one of several strings."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"`{name}` must be one of {sorted(choices)}. "
            f"Received: {name}={value!r}"
        )


def check_options(
    user: str, given: Collection[str], known: Collection[str], function: str
) -> None:
    """Raises if a function has no parameter for a passed keyword argument.

    Args:
        user: The class that received the keyword arguments.
        given: The names received.
        known: The names of the function's parameters.
        function: The function that the arguments are passed to.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(
            f"`{user}` takes no argument {unknown[0]!r}; those of "
            f"`{function}` that it takes are {tuple(known)}."
        )


def check_seed(value: Any) -> None:
    """Raises unless the argument `seed` is a non-negative `int` or `None`."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(
            "`seed` must be a non-negative `int` or None. "
            f"Received: seed={value!r} of type {type(value)}"
        )


def check_schedule(value: Any) -> None:
    """Raises unless the argument `schedule` is a schedule or `None`.

    A schedule is called with the keyword arguments `step` and `epoch`.
    """
    if value is not None and not _takes_step_and_epoch(value):
        raise ValueError(
            "`schedule` must be a `keras_mmreg.schedules.LinearRamp`, a "
            "callable of `step` and `epoch`, or None. "
            f"Received: schedule={value!r}"
        )


def _takes_step_and_epoch(value: Any) -> bool:
    if not callable(value) or inspect.isclass(value):
        return False
    try:
        inspect.signature(value).bind(step=0, epoch=0)
    except TypeError:
        return False
    return True


def get_initializer(name: str, identifier: Any) -> Any:
    """Returns the Keras initializer that an argument names or is.

    Raises:
        ValueError: If the argument is neither.
    """
    try:
        initializer = keras.initializers.get(identifier)
    except ValueError:
        initializer = None
    if initializer is None:
        raise ValueError(
            f"`{name}` must be a Keras initializer or the name of one, such "
            f"as 'zeros'. Received: {name}={identifier!r}"
        )
    return initializer


def check_gate(value: Any) -> None:
    """Raises unless the argument `gate` is `"auto"` or `None`."""
    if value is not None and value != "auto":
        raise ValueError(
            "`gate` must be 'auto', for the modalities that predict the label "
            f"by themselves, or None, for all. Received: gate={value!r}"
        )


def check_installed(module: str, user: str, extra: str) -> None:
    """Raises unless a module that an extra installs can be found.

    The module is looked up and not imported: an `ImportError` raised inside an
    installed package is a different problem, and reaches the user unchanged.

    Args:
        module: The module's top-level name, such as `"matplotlib"`.
        user: What needs it, such as `"keras_mmreg.visualization"`.
        extra: The extra of keras-mmreg that installs it.

    Raises:
        ImportError: If there is no such module.
    """
    if importlib.util.find_spec(module) is None:
        raise ImportError(
            f"`{user}` needs `{module}`. Install it with "
            f'`pip install "keras-mmreg[{extra}]"`.'
        )


class ShowsSettings:
    """Mixin whose `repr` is the call that creates the object.

    It leaves out arguments that have their default value, and Keras's own
    arguments that say where and how an object is stored.
    """

    def __repr__(self) -> str:
        config = {  # An object that a dict describes shows itself.
            name: getattr(self, name, value)
            if isinstance(value, dict)
            else value
            for name, value in self.get_config().items()  # type: ignore[attr-defined]
        }
        defaults: dict[str, Any] = {}
        for base in reversed(type(self).__mro__):
            if "__init__" in vars(base):
                signature = inspect.signature(vars(base)["__init__"])
                for name, parameter in signature.parameters.items():
                    defaults[name] = parameter.default
        shown = [
            f"{name}={value!r}"
            for name, value in config.items()
            if name not in ("dtype", "name", "trainable")
            and value != defaults.get(name, value)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"
