"""Logs how a model does when a modality is shuffled between the examples."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_mmreg.models import RegularizedModel
from keras_mmreg.network import modality_names


class ShuffledModalityLogger(keras.callbacks.Callback):
    """Evaluates the model with each modality shuffled between the examples.

    Validation data has the same shortcut as training data, so the accuracy on
    it always prefers the model that takes the shortcut: it would choose a
    regularizer of strength 0. Shuffled between the examples, the shortcut says
    nothing about the label, while each of its values is one that the model has
    seen; what accuracy is left comes from the other modalities.

    At the end of each epoch the logs gain, for the loss and each compiled
    metric,

    - `val_shuffled_<modality>_<metric>`, on data with that modality shuffled;
    - `val_balanced_<metric>`, the mean of the metric on the intact data and of
      its mean over the shuffled modalities: the number by which to choose
      hyperparameters and epochs.

    Put it before `EarlyStopping`, `ModelCheckpoint` or `CSVLogger` in the list,
    and tell those that monitor an accuracy `mode="max"`. The permutation is the
    same in every epoch and every run. Training steps cost nothing extra, an
    epoch one evaluation more for each modality and one for the intact data.

    For choosing, shuffle the suspected shortcut alone. A model that ignores
    what carries the label (the shape of a digit) is not hurt by shuffling it,
    so a mean that includes that modality rewards what it should expose.

    Args:
        data: Tuple `(x, y)` or `(x, y, sample_weight)` of held-out arrays;
            `x` is an array, or a list or (nested) dict of arrays.
        modalities: Optional list of the modalities to shuffle, one at a time,
            by the names that `modality_information` reports. `"text"` stands
            for `"text/ids"` and `"text/positions"`, shuffled together.
            Defaults to `None`, which means all: good for looking, not for
            choosing.
        seed: Integer, the seed of the permutation. Defaults to `0`.
        batch_size: Integer, as in `evaluate`. Defaults to `None`, Keras's 32.
        prefix: String put before the names. Defaults to `"val_"`.

    Raises:
        ValueError: If `data` is no such tuple, or its arrays differ in length;
            when training starts, if `data` lacks a modality.

    Example:

    >>> color = keras.Input((3,), name="color")
    >>> shape = keras.Input((4,), name="shape")
    >>> merged = keras.layers.Concatenate()([color, shape])
    >>> outputs = keras.layers.Dense(2)(merged)
    >>> model = keras.Model({"color": color, "shape": shape}, outputs)
    >>> model.compile("sgd", "mse", metrics=["mae"])
    >>> x, y = {"color": np.eye(8, 3), "shape": np.eye(8, 4)}, np.eye(8, 2)
    >>> logger = ShuffledModalityLogger((x, y), modalities=["color"])
    >>> history = model.fit(x, y, callbacks=[logger], verbose=0)
    >>> sorted(name for name in history.history if name.endswith("mae"))
    ['mae', 'val_balanced_mae', 'val_shuffled_color_mae']

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), section 6.1: the
          shortcut that this criterion finds out without the gray test images.
    """

    def __init__(
        self,
        data: tuple,
        modalities: Sequence[str] | None = None,
        seed: int = 0,
        batch_size: int | None = None,
        prefix: str = "val_",
    ) -> None:
        super().__init__()
        if not isinstance(data, tuple) or len(data) not in (2, 3):
            raise ValueError(
                "`data` must be a tuple `(x, y)` or `(x, y, sample_weight)` of "
                "arrays, which can be shuffled between the examples. Collect a "
                "dataset or generator into arrays first. "
                f"Received: data of type {type(data)}"
            )
        lengths = [
            leaf.shape[0]
            for leaf in keras.tree.flatten(data)
            if hasattr(leaf, "shape")
        ]
        if len(set(lengths)) > 1:
            raise ValueError(
                "`data` must have arrays of as many examples each. "
                f"Received: {lengths} examples"
            )
        if isinstance(modalities, str):
            modalities = [modalities]
        self.data = data
        self.modalities = None if modalities is None else list(modalities)
        self.seed = seed
        self.batch_size = batch_size
        self.prefix = prefix
        self._leaves: dict[str, list[int]] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        """Finds the modalities among the inputs."""
        inputs = _input_names(self.model, self.data[0])
        self._leaves = {
            modality: [
                index
                for index, name in enumerate(inputs)
                if name == modality or name.startswith(f"{modality}/")
            ]
            for modality in (
                inputs if self.modalities is None else self.modalities
            )
        }
        if not self._leaves or not all(self._leaves.values()):
            raise ValueError(
                f"`modalities` must name at least one of {inputs}, the inputs "
                f"in `data`. Received: modalities={self.modalities}"
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Evaluates the model and adds the results to the logs."""
        if logs is None:
            return
        intact = self._evaluate(self.data[0])
        shuffled = {
            modality: self._evaluate(self._shuffle(indices))
            for modality, indices in self._leaves.items()
        }
        for metric, value in intact.items():
            values = [result[metric] for result in shuffled.values()]
            for modality, result in zip(shuffled, values, strict=True):
                logs[f"{self.prefix}shuffled_{modality}_{metric}"] = result
            balanced = (np.asarray(value) + np.mean(values, axis=0)) / 2
            logs[f"{self.prefix}balanced_{metric}"] = balanced.tolist()

    def _shuffle(self, indices: list[int]) -> Any:
        """The inputs, with those at the indices in another order."""
        arrays = keras.tree.flatten(self.data[0])
        order = np.random.default_rng(self.seed).permutation(
            len(arrays[indices[0]])
        )
        for index in indices:
            arrays[index] = _reorder(arrays[index], order)
        return keras.tree.pack_sequence_as(self.data[0], arrays)

    def _evaluate(self, x: Any) -> dict[str, Any]:
        y, sample_weight = (*self.data[1:], None)[:2]
        return self.model.evaluate(
            x,
            y,
            batch_size=self.batch_size,
            sample_weight=sample_weight,
            return_dict=True,
            verbose=0,
        )


def _reorder(x: Any, order: np.ndarray) -> Any:
    """The examples in another order; a tensor of strings has to stay one."""
    if keras.ops.is_tensor(x):
        return keras.ops.take(x, order, axis=0)
    return np.asarray(x)[order]


def _input_names(model: keras.Model, x: Any) -> list[str]:
    """The name of each array in `x`, by its path in a dict."""
    if isinstance(x, Mapping):
        paths = keras.tree.flatten_with_path(x)
        return ["/".join(map(str, path)) for path, _ in paths]
    wrapped = isinstance(model, RegularizedModel)
    return modality_names(model.inner if wrapped else model, x)
