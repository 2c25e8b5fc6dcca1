"""Remembers the last value computed."""

from collections.abc import Callable
from typing import Any


class Memo:
    """Caches the last value computed, with its key.

    This is a plain object, because Keras would track, and so copy, a tuple or
    dict in an attribute of a layer.
    """

    def __init__(self) -> None:
        self._key: tuple = ()
        self._result: Any = None

    def get(self, key: tuple, compute: Callable[[], Any]) -> Any:
        """Returns the value; recomputes it if the key has another object."""
        same = len(key) == len(self._key) and all(
            a is b for a, b in zip(key, self._key, strict=True)
        )
        if not same:
            self._key, self._result = key, compute()
        return self._result
