"""Remembers the last value computed."""

from collections.abc import Callable
from typing import Any


class Memo:
    """The last value computed, with what it was computed from.

    A plain object: Keras would track, and so copy, a tuple or dict in an
    attribute of a layer.
    """

    def __init__(self) -> None:
        self._key: tuple = ()
        self._result: Any = None

    def get(self, key: tuple, compute: Callable[[], Any]) -> Any:
        """The value, computed again if a part of the key is another object."""
        same = len(key) == len(self._key) and all(
            a is b for a, b in zip(key, self._key, strict=True)
        )
        if not same:
            self._key, self._result = key, compute()
        return self._result
