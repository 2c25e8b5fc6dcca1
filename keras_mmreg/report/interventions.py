"""Interventions on a modality of arrays: shuffle, fill, add noise.

The counterpart for tensors inside a training step is in
`keras_mmreg.interventions`. Everything here is NumPy, works on one batch at a
time and copies no more than one batch.
"""

import warnings
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_mmreg.models.unwrap import unwrap
from keras_mmreg.network import modality_names
from keras_mmreg.network import require_inputs
from keras_mmreg.network import symbolic_inputs
from keras_mmreg.report.padding import is_padding

FILLS = ("zero", "mean", "noise", "nan")
"""The possible replacements of a missing modality."""


class Change(NamedTuple):
    """A change of one modality.

    Attributes:
        kind: `"shuffle"` (across the examples), `"reference"` (every example
            gets the modality of one example), `"zero"`, `"mean"`, `"noise"`
            (Gaussian, with the modality's mean and standard deviation),
            `"nan"`, or `"jitter"` (noise of `amount` standard deviations is
            added).
        amount: The number of the permutation or the reference example; for
            `"jitter"`, the scale of the noise.
    """

    kind: str
    amount: float = 0.0


def modality_leaves(
    model: keras.Model, x: Any, modalities: Sequence[str] | None = None
) -> dict[str, list[int]]:
    """Returns the indices of each modality in the flattened inputs.

    Args:
        model: The model, which names inputs that are not in a dict.
        x: Inputs, or a batch of them.
        modalities: Names to look up: an input, or the prefix of several inputs.
            Defaults to `None`, which means all: inputs under one prefix
            (`"text/ids"`, `"text/mask"`) are one modality, `"text"`.

    Returns:
        Dict from a modality to indices into `keras.tree.flatten(x)`.

    Raises:
        ValueError: If a name in `modalities` matches no input.
    """
    names = _leaf_names(model, x)
    if modalities is None:
        modalities = list(dict.fromkeys(name.split("/")[0] for name in names))
    found = {
        modality: [
            index
            for index, name in enumerate(names)
            if name == modality or name.startswith(f"{modality}/")
        ]
        for modality in modalities
    }
    if not found or not all(found.values()):
        raise ValueError(
            f"`modalities` must name at least one of {names}, the inputs in "
            f"`data`, each name once. Received: modalities={modalities}"
        )
    return found


def unasked_leaves(
    model: keras.Model, x: Any, leaves: Mapping[str, list[int]]
) -> dict[str, list[int]]:
    """Returns the indices of all inputs that are not in `leaves`, by name."""
    asked = {index for indices in leaves.values() for index in indices}
    return {
        name: [index]
        for index, name in enumerate(_leaf_names(model, x))
        if index not in asked
    }


def known_inputs(model: keras.Model, x: Any) -> Any:
    """Returns inputs without those the model does not take, as Keras does."""
    inputs = symbolic_inputs(unwrap(model))
    if not isinstance(x, Mapping) or inputs is None:
        return x
    known = (
        set(inputs)
        if isinstance(inputs, Mapping)
        else {each.name for each in keras.tree.flatten(inputs)}
    )
    return {name: value for name, value in x.items() if name in known} or x


def takes_noise(x: Any, indices: Iterable[int]) -> bool:
    """Returns whether a modality consists of numbers, which can have noise.

    Images of `uint8` are numbers; ids and strings are not. For ids with a float
    mask, noise on the mask would be meaningless.
    """
    leaves = keras.tree.flatten(x)
    own = [leaves[i] for i in indices if leaves[i] is not None]
    return bool(own) and all(map(_are_numbers, own))


def as_tensors(x: Any) -> Any:
    """Converts arrays of strings to tensors, which Keras requires."""

    def convert(leaf: Any) -> Any:
        if leaf is None or not _has_strings(leaf):
            return leaf
        return keras.ops.convert_to_tensor(leaf, dtype="string")

    return keras.tree.map_structure(convert, x)


def take(x: Any, indices: Any) -> Any:
    """Takes examples by index; a tensor of strings stays a tensor."""
    if x is None:
        return None
    if keras.ops.is_tensor(x):
        return keras.ops.take(x, indices, axis=0)
    return np.asarray(x)[indices]


def shuffle(x: Any, indices: Iterable[int], seed: Any) -> Any:
    """Shuffles the examples of some inputs, all by the same permutation.

    Args:
        x: A structure of arrays or tensors.
        indices: Indices of the leaves to shuffle.
        seed: Seed of the permutation, as for `np.random.default_rng`.

    Returns:
        A structure like `x`; the other leaves are not copied.

    Example:

    >>> x = {"audio": np.arange(4), "image": np.arange(4)}
    >>> shuffle(x, [1], seed=0)
    {'audio': array([0, 1, 2, 3]), 'image': array([2, 0, 1, 3])}
    """
    leaves = keras.tree.flatten(x)
    indices = [index for index in indices if leaves[index] is not None]
    for index in indices:
        order = permutation(len(leaves[index]), seed)
        leaves[index] = take(leaves[index], order)
    return keras.tree.pack_sequence_as(x, leaves)


def permutation(size: int, seed: Any) -> np.ndarray:
    """Returns a permutation of the examples, determined by the seed."""
    return np.random.default_rng(seed).permutation(size)


class Window:
    """Examples that are shuffled among themselves, and changed batch by batch.

    Args:
        x: Structure of NumPy arrays with the same number of examples.
        y: Structure of the labels.
        sample_weight: Structure of the sample weights, or `None`.
        modalities: Dict from a modality to its leaves; see `modality_leaves`.
        seed: List of integers, the seed of all changes.
        padding: Dict from a leaf to the value of its padding, which is not
            changed; see `padding_values`.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        modalities: Mapping[str, list[int]],
        seed: list[int],
        padding: Mapping[int, float] | None = None,
    ) -> None:
        self.y = y
        self.sample_weight = sample_weight
        self._structure = x
        self._leaves = keras.tree.flatten(x)
        self._modalities = dict(modalities)
        self._seed = seed
        self._padding = dict(padding or {})
        self._orders: dict[tuple, np.ndarray] = {}
        self._moments: dict[int, tuple[Any, Any]] = {}
        self.size = size_of(x)

    def batches(
        self, changes: Mapping[str, Change], batch_size: int
    ) -> Iterator[tuple]:
        """Yields `(x, y, sample_weight)`, or `(x, y)` without weights."""
        for start in range(0, self.size, batch_size):
            stop = min(start + batch_size, self.size)
            rest = [
                cut(each, start, stop)
                for each in (self.y, self.sample_weight)
                if each is not None
            ]
            yield (self.batch(changes, start, stop), *rest)

    def batch(
        self, changes: Mapping[str, Change], start: int, stop: int
    ) -> Any:
        """Returns a batch of inputs with some modalities changed."""
        leaves: list[Any] = [
            None if leaf is None else leaf[start:stop] for leaf in self._leaves
        ]
        for modality, change in changes.items():
            for index in self._modalities[modality]:
                if leaves[index] is not None:
                    leaves[index] = self._changed(
                        index, leaves[index], modality, change, start, stop
                    )
        leaves = [_as_predict_casts(leaf) for leaf in leaves]
        return keras.tree.pack_sequence_as(self._structure, leaves)

    def reference(self, number: int) -> int:
        """Returns the index of the reference example with this number."""
        order = self._order(len(self._modalities), 0)
        return int(order[number % self.size])

    def _changed(
        self,
        index: int,
        leaf: np.ndarray,
        modality: str,
        change: Change,
        start: int,
        stop: int,
    ) -> np.ndarray:
        place = list(self._modalities).index(modality)
        if change.kind == "shuffle":
            order = self._order(place, int(change.amount))
            return self._leaves[index][order[start:stop]]
        if change.kind == "reference":
            example = self.reference(int(change.amount))
            return np.broadcast_to(self._leaves[index][example], leaf.shape)
        if change.kind == "nan" and _is_float(leaf):
            return np.full_like(leaf, np.nan)
        if change.kind in ("zero", "nan"):
            return _zeros(leaf)
        if not _are_numbers(leaf):  # Ids and strings have no mean or noise.
            return leaf if change.kind == "jitter" else _zeros(leaf)
        mean, stddev = self._mean_and_stddev(index)
        values = leaf if change.kind == "jitter" else mean
        if change.kind != "mean":
            generator = np.random.default_rng([*self._seed, index, 7, start])
            amount = change.amount if change.kind == "jitter" else 1.0
            noise = generator.standard_normal(leaf.shape)
            values = values + amount * stddev * noise
        padding = is_padding(leaf, self._padding.get(index))
        return _cast(np.where(padding, leaf, values), leaf.dtype)

    def _order(self, *seed: int) -> np.ndarray:
        if seed not in self._orders:
            self._orders[seed] = permutation(self.size, [*self._seed, *seed])
        return self._orders[seed]

    def _mean_and_stddev(self, index: int) -> tuple[Any, Any]:
        """Returns both for each coordinate, without missing values (Eq. 6)."""
        if index not in self._moments:
            leaf = self._leaves[index]
            padding = is_padding(leaf, self._padding.get(index))
            if np.any(padding):
                leaf = np.where(padding, np.nan, leaf)
            with warnings.catch_warnings():
                # Raised for coordinates that all examples lack.
                warnings.simplefilter("ignore", RuntimeWarning)
                self._moments[index] = (
                    np.nanmean(leaf, axis=0, dtype="float64"),
                    np.nanstd(leaf, axis=0, dtype="float64"),
                )
        return self._moments[index]


def cut(structure: Any, start: int, stop: int) -> Any:
    """Returns a slice of the examples of a structure of arrays."""
    return keras.tree.map_structure(
        lambda leaf: None if leaf is None else leaf[start:stop], structure
    )


def size_of(x: Any) -> int:
    """Returns the number of examples in a structure of arrays."""
    return next(len(leaf) for leaf in keras.tree.flatten(x) if leaf is not None)


def _is_float(leaf: Any) -> bool:
    """Returns whether an array is float or bfloat16, unknown to NumPy."""
    if np.issubdtype(leaf.dtype, np.floating):
        return True
    return leaf.dtype.name == "bfloat16"


def _are_numbers(leaf: Any) -> bool:
    """Returns whether a leaf has floats or `uint8` pixels, rather than ids."""
    return _is_float(leaf) or (leaf.dtype == np.uint8 and leaf.ndim > 2)


def _cast(values: np.ndarray, dtype: Any) -> np.ndarray:
    """Casts to a dtype; for `uint8`, rounds and clips the values first."""
    if dtype != np.uint8:
        return values.astype(dtype)
    return np.clip(np.rint(np.nan_to_num(values)), 0, 255).astype(dtype)


def _as_predict_casts(leaf: Any) -> Any:
    if leaf is None or not _is_float(leaf):
        return leaf
    return leaf.astype(keras.config.floatx(), copy=False)


def _has_strings(leaf: np.ndarray) -> bool:
    return leaf.dtype.kind in "OSU"


def _zeros(leaf: np.ndarray) -> np.ndarray:
    if _has_strings(leaf):
        return np.full_like(leaf, b"" if leaf.dtype.kind != "U" else "")
    return np.zeros_like(leaf)


def _leaf_names(model: keras.Model, x: Any) -> list[str]:
    """Returns the name of each leaf of the inputs, its path in a dict."""
    model = unwrap(model)
    require_inputs(model, x)
    if isinstance(x, Mapping):
        paths = keras.tree.flatten_with_path(x)
        return ["/".join(map(str, path)) for path, _ in paths]
    names = modality_names(model, x)
    count = len(keras.tree.flatten(x))
    if len(names) == count:
        return names
    return [f"input_{index}" for index in range(count)]
