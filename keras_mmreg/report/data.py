"""Reads any data that `fit` accepts, in windows of examples."""

import itertools
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_mmreg.report.interventions import cut
from keras_mmreg.report.interventions import size_of

DEFAULT_BATCH_SIZE = 32
DEFAULT_WINDOW = 1024


class Examples(NamedTuple):
    """Some examples, as NumPy arrays."""

    x: Any
    y: Any
    sample_weight: Any


class Source(NamedTuple):
    """A source of windows of examples.

    Attributes:
        windows: Iterator of `Examples`; one window holds all if `window` is
            `None`.
        first: The first window, for inspecting the data.
        batch_size: Integer, the size of the batches to predict.
        window: The largest number of examples shuffled among themselves, or
            `None` if all are.
        size: The number of examples, or `None` if it is unknown.
    """

    windows: Iterator[Examples]
    first: Examples
    batch_size: int
    window: int | None
    size: int | None


def open_source(
    data: Any,
    batch_size: int | None = None,
    steps: int | None = None,
    window: int | None = None,
) -> Source:
    """Opens data for one reading.

    Args:
        data: Tuple `(x, y)` or `(x, y, sample_weight)` of arrays, or a
            dataset that yields batches of these.
        batch_size: Integer, for arrays. A dataset has its own.
        steps: Integer, the number of batches to read, or `None` for all.
        window: Integer, how many examples of a dataset to hold at a time.

    Returns:
        A `Source`. A dataset is read once, from its beginning.

    Raises:
        ValueError: If the data have no labels, differ in length, are empty, or
            never end.
    """
    if isinstance(data, tuple):
        return _open_arrays(data, batch_size or DEFAULT_BATCH_SIZE, steps)
    if not is_dataset(data):
        raise ValueError(NEEDS_LABELS.format(type(data).__name__))
    batches = _batches(data, steps)
    windows = _merge_rest(_collect(batches, window or DEFAULT_WINDOW))
    first = next(windows, None)
    if first is None:
        raise ValueError("`data` must have examples. Received: an empty one.")
    whole = first[1]
    return Source(
        windows=itertools.chain([first[0]], (each for each, _ in windows)),
        first=first[0],
        batch_size=whole,
        window=window or DEFAULT_WINDOW,
        size=None,
    )


def require_labeled(data: Any) -> None:
    """Raises for data that `open_source` cannot read; reads no dataset.

    Raises:
        ValueError: If arrays have no labels, differ in length or are empty, or
            data are neither arrays nor a dataset.
    """
    if isinstance(data, tuple):
        _open_arrays(data, DEFAULT_BATCH_SIZE, None)
    elif not is_dataset(data):
        raise ValueError(NEEDS_LABELS.format(type(data).__name__))


def require_rereadable(data: Any) -> None:
    """Raises for data that can be read only once."""
    if isinstance(data, Iterator):
        raise ValueError(
            "`data` must be read at the end of each epoch, so it must be "
            "arrays or a dataset that begins anew (`tf.data.Dataset`, "
            "`keras.utils.PyDataset`, torch `DataLoader`). Received: a "
            f"{type(data).__name__}, which can be read once."
        )


def is_dataset(data: Any) -> bool:
    """Returns whether data come in batches, rather than as arrays."""
    arrays = tuple | list | Mapping | str
    if isinstance(data, arrays) or hasattr(data, "shape"):
        return False
    return isinstance(data, keras.utils.PyDataset | Iterable)


def never_ends(data: Any) -> bool:
    """Returns whether a dataset says that it has no last batch."""
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    cardinality = getattr(data, "cardinality", None)
    return callable(cardinality) and int(cardinality()) == -1


NEEDS_LABELS = (
    "`data` must be a tuple `(x, y)` or `(x, y, sample_weight)` of arrays, or "
    "a dataset that yields these (`tf.data.Dataset`, `keras.utils.PyDataset`, "
    "torch `DataLoader`, generator). Received: data of type {}"
)
ENDLESS = (
    "`steps` must say how many batches to read of data that never end. "
    "Received: steps=None"
)


def _open_arrays(data: tuple, batch_size: int, steps: int | None) -> Source:
    examples = _examples(data)
    if steps is not None:
        examples = Examples(*cut(tuple(examples), 0, steps * batch_size))
    size = size_of(examples.x)
    if not size:
        raise ValueError("`data` must have examples. Received: 0 of them.")
    return Source(iter([examples]), examples, batch_size, None, size)


def _examples(batch: Any) -> Examples:
    """Checks a batch and converts it to NumPy arrays."""
    # torch's `DataLoader` converts the tuples of its data set to lists.
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        raise ValueError(NEEDS_LABELS.format(type(batch).__name__))
    x, y, sample_weight = (*batch, None)[:3]
    if any(map(_is_scalar, keras.tree.flatten((x, y, sample_weight)))):
        raise ValueError(
            "`data` must have arrays. Convert lists of numbers or strings "
            "with `numpy.asarray`. Received: data of Python lists"
        )
    examples = keras.tree.map_structure(to_numpy, (x, y, sample_weight))
    lengths = [
        len(leaf) if np.ndim(leaf) else 0
        for leaf in keras.tree.flatten(examples)
        if leaf is not None
    ]
    if len(set(lengths)) > 1 or y is None:
        raise ValueError(
            "`data` must have inputs, labels and weights of as many examples "
            f"each. Received: {lengths} examples"
        )
    return Examples(*examples)


def _is_scalar(leaf: Any) -> bool:
    """Returns whether a leaf is a number or a string, as in a list."""
    return isinstance(leaf, bool | int | float | str | bytes | np.generic)


def to_numpy(leaf: Any) -> Any:
    """Returns an array or a tensor of any framework as a NumPy array."""
    if leaf is None or isinstance(leaf, np.ndarray):
        return leaf
    if keras.ops.is_tensor(leaf):
        return keras.ops.convert_to_numpy(leaf)
    if hasattr(leaf, "detach"):  # A torch tensor, on another backend.
        leaf = leaf.detach().cpu()
    return np.asarray(leaf)


def _batches(data: Any, steps: int | None) -> Iterator[Examples]:
    """Yields the batches of a dataset."""
    batches: Iterable
    if steps is None and never_ends(data):
        raise ValueError(ENDLESS)
    batches = data
    if isinstance(data, keras.utils.PyDataset):
        count: Any = steps if never_ends(data) else data.num_batches
        batches = (data[index] for index in range(count))
    for batch in itertools.islice(batches, steps):
        yield _examples(batch)


def _collect(
    batches: Iterator[Examples], window: int
) -> Iterator[tuple[Examples, int]]:
    """Joins batches into windows of whole batches.

    A batch of another shape (padded to another length) begins a new window.
    """
    held: list[Examples] = []
    whole = 0
    for batch in batches:
        whole = whole or size_of(batch.x)
        full = len(held) >= max(window // whole, 1)
        if held and (full or _shapes(held[0]) != _shapes(batch)):
            yield _join(held), whole
            held = []
        held.append(batch)
    if held:
        yield _join(held), whole


def _merge_rest(
    windows: Iterator[tuple[Examples, int]],
) -> Iterator[tuple[Examples, int]]:
    """Merges a small last window, with little to shuffle, into the previous."""
    held = next(windows, None)
    for window in windows:
        assert held is not None
        small = size_of(window[0].x) <= size_of(held[0].x) // 2
        if small and _shapes(held[0]) == _shapes(window[0]):
            held = _join([held[0], window[0]]), held[1]
        else:
            yield held
            held = window
    if held is not None:
        yield held


def _shapes(examples: Examples) -> list:
    return [
        None if leaf is None else leaf.shape[1:]
        for leaf in keras.tree.flatten(tuple(examples))
    ]


def _join(held: list[Examples]) -> Examples:
    if len(held) == 1:
        return held[0]
    return Examples(
        *keras.tree.map_structure(
            lambda *leaves: (
                None if leaves[0] is None else np.concatenate(leaves)
            ),
            *map(tuple, held),
        )
    )
