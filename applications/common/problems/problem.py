"""What a study needs to know of a data set and of the net trained on it."""

import functools
import pathlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from applications.common.problems import nets

SGD = functools.partial(keras.optimizers.SGD, momentum=0.9)
FUSIONS = {"concatenate": layers.Concatenate, "multiply": layers.Multiply}


class Examples(NamedTuple):
    """Some examples of a data set.

    Attributes:
        x: Dict from modality to an array of `n` values.
        y: The classes, int32 `(n,)`.
        groups: Who or what each example comes from, int32 `(n,)`: examples of
            one subject or speaker are not independent. Where examples are,
            each has a number of its own.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    groups: np.ndarray

    def take(self, index: np.ndarray) -> "Examples":
        """Those at the positions, or where the mask, `index` says."""
        x = {name: values[index] for name, values in self.x.items()}
        return Examples(x, self.y[index], self.groups[index])

    def hold_out(
        self, by_group: bool, seed: int
    ) -> tuple["Examples", "Examples"]:
        """A tenth of the examples apart, or of the groups, at least one.

        A single group cannot be held out: its examples are.
        """
        several = len(np.unique(self.groups)) > 1
        groups = self.groups if by_group and several else np.arange(len(self.y))
        names = np.random.default_rng(seed).permutation(np.unique(groups))
        chosen = np.isin(groups, names[: max(round(0.1 * len(names)), 1)])
        return self.take(~chosen), self.take(chosen)

    def join(self, other: "Examples") -> "Examples":
        """Both, one after the other."""
        x = {
            name: np.concatenate([values, other.x[name]])
            for name, values in self.x.items()
        }
        return Examples(
            x,
            np.concatenate([self.y, other.y]),
            np.concatenate([self.groups, other.groups]),
        )


class Splits(NamedTuple):
    """The examples of one run.

    Attributes:
        train: To train on.
        validation: To choose hyperparameters on; apart from `train` as `test`
            is.
        test: To report.
        extra: Further test sets by name, such as gray images.
    """

    train: Examples
    validation: Examples
    test: Examples
    extra: dict[str, Examples] = {}


def independent(x: dict[str, np.ndarray], y: np.ndarray) -> Examples:
    """Examples of which none has to do with any other."""
    y = np.asarray(y, "int32")
    return Examples(x, y, np.arange(len(y), dtype="int32"))


def standardize(values: np.ndarray, training: np.ndarray) -> np.ndarray:
    """To mean 0 and standard deviation 1 of the last axis in `training`."""
    axes = tuple(range(training.ndim - 1))
    # A feature that never changes would divide by zero.
    stddev = np.maximum(training.std(axis=axes), 1e-6)
    return ((values - training.mean(axis=axes)) / stddev).astype("float32")


@dataclass(frozen=True)
class Problem:
    """A classification task on several modalities, and a small net for it.

    Attributes:
        name: What options and result files call it.
        title: What tables call it.
        shapes: Shape of each modality, without the batch.
        encoders: For each modality a function of its input tensor that adds
            layers and returns features. Those of one problem can be joined.
        head: A function of the joined features that returns logits.
        num_classes: How many classes there are.
        load: A function of the data folder and the number of a run. Runs
            differ in their seed, and where the data have folds, in the fold.
        epochs: Passes over the training data.
        batch_size: Examples of a step.
        learning_rate: Of the optimizer.
        optimizer: A function of the learning rate.
        fusion: How features are joined, a key of `FUSIONS`.
        taps: The layer at which a modality is perturbed that has no gradient.
        vocabularies: For a modality of token ids, how many there are.
        suspects: The modalities of which a person would say beforehand that
            the net should not rest on them. Not every problem has one.
        grouped: Whether `validation` and `test` share no group with `train`.
        refits: Whether the validation examples are trained on, too, once the
            hyperparameters are chosen.
        is_control: Whether nothing is known to be wrong with plain training.
    """

    name: str
    title: str
    shapes: Mapping[str, tuple[int, ...]]
    encoders: Mapping[str, Callable[[Any], Any]]
    head: Callable[[Any], Any]
    num_classes: int
    load: Callable[[pathlib.Path, int], Splits]
    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    optimizer: Callable[..., keras.optimizers.Optimizer] = keras.optimizers.Adam
    fusion: str = "concatenate"
    taps: Mapping[str, str] = field(default_factory=dict)
    vocabularies: Mapping[str, int] = field(default_factory=dict)
    suspects: tuple[str, ...] = ()
    grouped: bool = False
    refits: bool = False
    is_control: bool = False

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities, in order."""
        return tuple(self.shapes)

    @property
    def has_encoders(self) -> bool:
        """Whether every modality has an encoder of its own."""
        return nets.identity not in self.encoders.values()

    def input(self, modality: str) -> Any:
        """A modality's `keras.Input`."""
        dtype = "int32" if modality in self.vocabularies else "float32"
        return keras.Input(self.shapes[modality], name=modality, dtype=dtype)

    def build(self, modalities: Iterable[str] | None = None) -> keras.Model:
        """A new net, of all modalities or of some; its outputs are logits."""
        inputs = {
            name: self.input(name) for name in modalities or self.modalities
        }
        features = [
            self.encoders[name](tensor) for name, tensor in inputs.items()
        ]
        joined = (
            FUSIONS[self.fusion](name="fusion")(features)
            if len(features) > 1
            else features[0]
        )
        return keras.Model(inputs, self.head(joined), name=self.name)

    def dummy(self, size: int = 24) -> Splits:
        """Random examples of the right shapes, to try a study on."""
        rng = np.random.default_rng(0)
        splits = [self._random(rng, size) for _ in range(3)]
        return Splits(*splits, extra={"gray": splits[2]})

    def _random(self, rng: np.random.Generator, size: int) -> Examples:
        x = {}
        for name, shape in self.shapes.items():
            if name in self.vocabularies:
                ids = rng.integers(1, self.vocabularies[name], (size, *shape))
                x[name] = ids.astype("int32")
            else:
                x[name] = rng.normal(size=(size, *shape)).astype("float32")
        y = rng.integers(self.num_classes, size=size).astype("int32")
        return Examples(x, y, np.arange(size, dtype="int32") % 4)
