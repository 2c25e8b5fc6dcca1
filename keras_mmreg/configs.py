"""Objects that are rebuilt from their configs."""

import inspect
from typing import Any


def missing_arguments(thing: Any) -> list[str]:
    """Returns the constructor's arguments that an object's config lacks.

    The configs of Keras's own classes are complete.

    Args:
        thing: An object with a `get_config`, such as a layer or a metric.
    """
    owner = next(c for c in type(thing).__mro__ if "__init__" in vars(c))
    if owner.__module__.split(".")[0] == "keras":
        return []
    parameters = inspect.signature(vars(owner)["__init__"]).parameters.values()
    names = {
        each.name
        for each in list(parameters)[1:]
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    }
    return sorted(names - {"dtype"} - thing.get_config().keys())


def require_config(thing: Any) -> None:
    """Raises unless an object's config has all of its arguments.

    Raises:
        ValueError: If some are missing, and would be lost in a copy.
    """
    if missing := missing_arguments(thing):
        raise ValueError(
            f"`{type(thing).__name__}` cannot be rebuilt from its config: its "
            f"`get_config` must also return the arguments {missing}."
        )


def rebuilt(thing: Any, **changes: Any) -> Any:
    """Returns an object of the same class and config, with state of its own.

    Args:
        thing: An object with `get_config` and `from_config`.
        **changes: Values to replace in the config.

    Raises:
        ValueError: If the config lacks arguments.
    """
    require_config(thing)
    return type(thing).from_config({**thing.get_config(), **changes})
