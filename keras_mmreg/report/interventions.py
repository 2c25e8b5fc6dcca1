"""What can be done to a modality of arrays: shuffle, fill, add noise.

The counterpart for tensors inside a training step is in
`keras_mmreg.interventions`. Everything here is NumPy, works on one batch at a
time and copies no more than that.
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

from keras_mmreg.models import RegularizedModel
from keras_mmreg.network import modality_names
from keras_mmreg.network import require_inputs
from keras_mmreg.network import symbolic_inputs
from keras_mmreg.report.padding import is_padding

FILLS = ("zero", "mean", "noise", "nan")
"""What may stand in for a modality that is missing."""


class Change(NamedTuple):
    """One thing done to a modality.

    Attributes:
        kind: `"shuffle"` (between the examples), `"reference"` (all become
            those of one example), `"zero"`, `"mean"`, `"noise"` (Gaussian, of
            its mean and standard deviation), `"nan"`, or `"jitter"` (noise of
            `amount` standard deviations is added).
        amount: The number of the permutation or the reference; of
            `"jitter"`, the scale.
    """

    kind: str
    amount: float = 0.0


def modality_leaves(
    model: keras.Model, x: Any, modalities: Sequence[str] | None = None
) -> dict[str, list[int]]:
    """The places of each modality among the flattened inputs.

    Args:
        model: The model, which names inputs that are not in a dict.
        x: Inputs, or a batch of them.
        modalities: Names to look up: an input, or the prefix of several.
            Defaults to `None`, which means all: inputs under one prefix
            (`"text/ids"`, `"text/mask"`) are one modality, `"text"`.

    Returns:
        Dict from a modality to indices into `keras.tree.flatten(x)`.

    Raises:
        ValueError: If a modality names no input.
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
    """The places of all inputs that are not in `leaves`, each by its name."""
    asked = {index for indices in leaves.values() for index in indices}
    return {
        name: [index]
        for index, name in enumerate(_leaf_names(model, x))
        if index not in asked
    }


def known_inputs(model: keras.Model, x: Any) -> Any:
    """Inputs without entries that the model does not take, as in Keras."""
    if isinstance(model, RegularizedModel):
        model = model.inner
    inputs = symbolic_inputs(model)
    if not isinstance(x, Mapping) or inputs is None:
        return x
    known = (
        set(inputs)
        if isinstance(inputs, Mapping)
        else {each.name for each in keras.tree.flatten(inputs)}
    )
    return {name: value for name, value in x.items() if name in known} or x


def takes_noise(x: Any, indices: Iterable[int]) -> bool:
    """Whether a modality is numbers alone: ids and strings have no noise.

    Images of `uint8` are numbers.

    Of ids with a mask of floats, noise on the mask would say nothing.
    """
    leaves = keras.tree.flatten(x)
    own = [leaves[i] for i in indices if leaves[i] is not None]
    return bool(own) and all(map(_are_numbers, own))


def as_tensors(x: Any) -> Any:
    """Arrays of strings as tensors, which Keras takes them as."""

    def convert(leaf: Any) -> Any:
        if leaf is None or not _has_strings(leaf):
            return leaf
        return keras.ops.convert_to_tensor(leaf, dtype="string")

    return keras.tree.map_structure(convert, x)


def take(x: Any, indices: Any) -> Any:
    """Examples by their indices; a tensor of strings stays one."""
    if x is None:
        return None
    if keras.ops.is_tensor(x):
        return keras.ops.take(x, indices, axis=0)
    return np.asarray(x)[indices]


def shuffle(x: Any, indices: Iterable[int], seed: Any) -> Any:
    """Inputs with some of them in another order, the same for all of those.

    Args:
        x: A structure of arrays or tensors.
        indices: Which of its leaves to shuffle.
        seed: Seed of the permutation, as of `np.random.default_rng`.

    Returns:
        The structure; the leaves that stay are not copied.

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
    """An order of examples, the same for the same seed."""
    return np.random.default_rng(seed).permutation(size)


class Window:
    """Examples that are shuffled among themselves, and changed batch by batch.

    Args:
        x: Structure of NumPy arrays of `size` examples.
        y: The labels, likewise.
        sample_weight: The weights, likewise, or `None`.
        modalities: Dict from a modality to its leaves; see `modality_leaves`.
        seed: List of integers, the seed of all changes.
        padding: Dict from a leaf to the value of its padding, which stays; see
            `padding_values`.
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

    @property
    def x(self) -> Any:
        """The inputs as they are."""
        return self._structure

    def batches(
        self, changes: Mapping[str, Change], batch_size: int
    ) -> Iterator[tuple]:
        """Tuples `(x, y, sample_weight)`, the last without if there is none."""
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
        """A batch of inputs, some of whose modalities are changed."""
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
        """The example that others become by the `"reference"` of a number."""
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
        if not _are_numbers(leaf):  # They have no mean, and no noise.
            return leaf if change.kind == "jitter" else _zeros(leaf)
        mean, stddev = self._mean_and_stddev(index)
        generator = np.random.default_rng([*self._seed, index, 7, start])
        noise = generator.standard_normal(leaf.shape)
        values = {
            "mean": np.broadcast_to(mean, leaf.shape),
            "noise": mean + stddev * noise,
            "jitter": leaf + change.amount * stddev * noise,
        }[change.kind]
        padding = is_padding(leaf, self._padding.get(index))
        return _cast(np.where(padding, leaf, values), leaf.dtype)

    def _order(self, *seed: int) -> np.ndarray:
        if seed not in self._orders:
            self._orders[seed] = permutation(self.size, [*self._seed, *seed])
        return self._orders[seed]

    def _mean_and_stddev(self, index: int) -> tuple[Any, Any]:
        """Of each coordinate over the examples that have it (Eq. 6)."""
        if index not in self._moments:
            leaf = self._leaves[index]
            padding = is_padding(leaf, self._padding.get(index))
            if np.any(padding):
                leaf = np.where(padding, np.nan, leaf)
            with warnings.catch_warnings():
                # Of coordinates that all examples lack.
                warnings.simplefilter("ignore", RuntimeWarning)
                self._moments[index] = (
                    np.nanmean(leaf, axis=0, dtype="float64"),
                    np.nanstd(leaf, axis=0, dtype="float64"),
                )
        return self._moments[index]


def cut(structure: Any, start: int, stop: int) -> Any:
    """Some of the examples of a structure of arrays."""
    return keras.tree.map_structure(
        lambda leaf: None if leaf is None else leaf[start:stop], structure
    )


def size_of(x: Any) -> int:
    """The number of examples in a structure of arrays."""
    return next(len(leaf) for leaf in keras.tree.flatten(x) if leaf is not None)


def _is_float(leaf: Any) -> bool:
    """Also of bfloat16, which NumPy does not know."""
    if np.issubdtype(leaf.dtype, np.floating):
        return True
    return leaf.dtype.name == "bfloat16"


def _are_numbers(leaf: Any) -> bool:
    """Floats, and images of `uint8`; other integers may be indices."""
    return _is_float(leaf) or (leaf.dtype == np.uint8 and leaf.ndim > 2)


def _cast(values: np.ndarray, dtype: Any) -> np.ndarray:
    """As a type, rounded and clipped where that is one of integers."""
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
    """The name of each leaf of the inputs, by its path in a dict."""
    if isinstance(model, RegularizedModel):
        model = model.inner
    require_inputs(model, x)
    if isinstance(x, Mapping):
        paths = keras.tree.flatten_with_path(x)
        return ["/".join(map(str, path)) for path, _ in paths]
    names = modality_names(model, x)
    count = len(keras.tree.flatten(x))
    if len(names) == count:
        return names
    return [f"input_{index}" for index in range(count)]
