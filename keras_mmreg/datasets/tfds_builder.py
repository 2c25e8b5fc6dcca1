"""Code that the builders for TensorFlow Datasets share."""

from collections.abc import Iterator
from typing import Any

try:
    import tensorflow_datasets as tfds
except ImportError as error:
    raise ImportError(
        "The builders need TensorFlow Datasets. Install it with "
        "`pip install keras-mmreg[datasets]`, or use the functions `load_*` "
        "of `keras_mmreg.datasets`, which do without."
    ) from error

__all__ = ["Examples", "examples_of", "tfds"]

Examples = Iterator[tuple[int, dict[str, Any]]]


def examples_of(split: Any, **renamed: str) -> Examples:
    """Yields the examples of a named tuple of arrays, as dictionaries.

    A dictionary contains the modalities in `split.x` and all other fields.

    Args:
        split: Named tuple with a dictionary `x` of arrays, and further arrays,
            all with one entry per example.
        **renamed: The names of features that differ from the names of the
            fields.
    """
    fields = split._asdict()
    columns = fields.pop("x") | {
        renamed.get(name, name): column for name, column in fields.items()
    }
    for index in range(len(split.y)):
        yield index, {name: column[index] for name, column in columns.items()}
