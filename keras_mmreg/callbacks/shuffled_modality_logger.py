"""Logs how a model performs when a modality is shuffled across examples."""

import warnings
from collections.abc import Iterator
from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from keras_mmreg.callbacks.frequency import Frequency
from keras_mmreg.callbacks.order import warn_if_behind
from keras_mmreg.checks import check_integer
from keras_mmreg.checks import check_sizes
from keras_mmreg.models.unwrap import unwrap
from keras_mmreg.network.preprocessing import preprocessed_data
from keras_mmreg.report.data import Source
from keras_mmreg.report.data import open_source
from keras_mmreg.report.data import require_labeled
from keras_mmreg.report.data import require_rereadable
from keras_mmreg.report.interventions import Change
from keras_mmreg.report.interventions import Window
from keras_mmreg.report.interventions import as_tensors
from keras_mmreg.report.interventions import modality_leaves
from keras_mmreg.report.interventions import shuffle


class ShuffledModalityLogger(keras.callbacks.Callback):
    """Evaluates the model with each modality shuffled across the examples.

    Validation data has the same shortcut as training data, so validation
    accuracy always favors a model that takes the shortcut: it would choose a
    regularizer of strength 0. When it is shuffled across the examples, the
    shortcut says nothing about the label, although the model has seen each of
    its values. The accuracy that is left comes from the other modalities.

    At the end of every `frequency`-th epoch, for the loss and each compiled
    metric, the callback logs

    - `val_shuffled_<modality>_<metric>`, on data with that modality shuffled;
    - `val_balanced_<metric>`, the mean of the metric on the intact data and of
      its mean over the shuffled modalities: the number by which to choose
      hyperparameters and epochs.

    In the list, put this callback before `EarlyStopping`, `ModelCheckpoint`,
    `TensorBoard` and `CSVLogger` (`fit` warns otherwise), and set `mode="max"`
    for those that monitor an accuracy. The permutation is the same in every
    epoch and every run. Training steps cost nothing extra; each epoch costs one
    more evaluation for each modality and one for the intact data.

    For model selection, shuffle only the suspected shortcut. A model that
    ignores the modality that carries the label (the shape of a digit) is not
    hurt by shuffling it, so a mean that includes that modality rewards what it
    should expose.

    Args:
        data: Held-out data: a tuple `(x, y)` or `(x, y, sample_weight)` of
            arrays, where `x` is an array, or a list or (nested) dict of
            arrays; or a dataset of batches of these that can be read again
            (`tf.data.Dataset`, `keras.utils.PyDataset`, torch `DataLoader`).
            A dataset is never held in memory: it is shuffled within windows of
            `window` examples.
        modalities: Optional list of the modalities to shuffle, one at a time,
            by the names that `modality_report` uses. `"text"` stands for
            `"text/ids"` and `"text/positions"`, shuffled together. Defaults
            to `None`, which means all: good for inspection, but not for model
            selection.
        frequency: Positive integer, the number of epochs from one evaluation
            to the next. The first epoch of a `fit` is always evaluated. Epochs
            without an evaluation have no value. Defaults to `1`.
        batch_size: Integer, as in `evaluate`, for arrays. Defaults to `None`,
            Keras's 32.
        steps: Integer, the number of batches of a dataset to read. Defaults
            to `None`, which means all.
        window: Integer, how many examples of a dataset are held in memory at a
            time and shuffled among themselves. Defaults to `None`, 1,024.
        seed: Integer, the seed of the permutation. Defaults to `0`.
        prefix: String put before the names. Defaults to `"val_"`.

    Raises:
        ValueError: If `data` is none of these, or arrays differ in length, or,
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
        data: Any,
        modalities: Sequence[str] | None = None,
        frequency: int = 1,
        batch_size: int | None = None,
        steps: int | None = None,
        window: int | None = None,
        seed: int = 0,
        prefix: str = "val_",
    ) -> None:
        super().__init__()
        require_rereadable(data)
        require_labeled(data)
        check_integer("seed", seed, minimum=0)
        check_sizes(batch_size=batch_size, steps=steps, window=window)
        given = [n for n, v in (("steps", steps), ("window", window)) if v]
        if given and isinstance(data, tuple):
            raise ValueError(
                f"{given} are for datasets: all of the arrays are shuffled."
            )
        if isinstance(modalities, str):
            modalities = [modalities]
        self.data = data
        self.modalities = None if modalities is None else list(modalities)
        self.frequency = frequency
        self.batch_size = batch_size
        self.steps = steps
        self.window = window
        self.seed = seed
        self.prefix = prefix
        self._frequency = Frequency(frequency)
        self._leaves: dict[str, list[int]] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        """Finds the modalities among the inputs."""
        kinds = ("shuffled_", "balanced_")
        warn_if_behind(self, tuple(f"{self.prefix}{kind}" for kind in kinds))
        x = self.data[0] if self._has_arrays else self._open().first.x
        self._leaves = modality_leaves(self.model, x, self.modalities)
        self._frequency.restart()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Evaluates the model and adds the results to the logs."""
        if logs is None or not self._frequency.is_due(epoch):
            return
        intact = self._evaluate()
        shuffled = {
            modality: self._evaluate(modality) for modality in self._leaves
        }
        for metric, value in intact.items():
            values = [result[metric] for result in shuffled.values()]
            for modality, result in zip(shuffled, values, strict=True):
                logs[f"{self.prefix}shuffled_{modality}_{metric}"] = result
            balanced = (np.asarray(value) + np.mean(values, axis=0)) / 2
            logs[f"{self.prefix}balanced_{metric}"] = (
                balanced if balanced.ndim else float(balanced)
            )

    @property
    def _has_arrays(self) -> bool:
        return isinstance(self.data, tuple)

    @property
    def _prepares(self) -> bool:
        """Whether the model preprocesses its data, like keras-hub's tasks."""
        return getattr(unwrap(self.model), "preprocessor", None) is not None

    def _open(self) -> Source:
        return open_source(self.data, steps=self.steps, window=self.window)

    def _evaluate(self, modality: str | None = None) -> dict[str, Any]:
        """Returns the logs of `evaluate`, with a modality or none shuffled."""
        if self._has_arrays:
            x, y, sample_weight = (*self.data, None)[:3]
            if modality is not None:
                x = self._shuffle(self._leaves[modality])
        else:
            batches = self._batches(modality, unwrap(self.model))
            x, y, sample_weight = batches, None, None
        evaluate = self.model.evaluate
        if not self._has_arrays and self._prepares:
            # The batches have already been preprocessed.
            evaluate = partial(keras.Model.evaluate, self.model)
        with warnings.catch_warnings():
            # The number of batches is unknown, so Keras would warn at the end.
            warnings.filterwarnings("ignore", "Your input ran out of data")
            return evaluate(
                x,
                y,
                batch_size=self.batch_size if self._has_arrays else None,
                sample_weight=sample_weight,
                return_dict=True,
                verbose=0,
            )

    def _shuffle(self, indices: list[int]) -> Any:
        return shuffle(self.data[0], indices, self.seed)

    def _batches(
        self, modality: str | None, inner: keras.Model
    ) -> Iterator[tuple]:
        """Yields the dataset's batches, shuffled within windows.

        Do not access `self.model` meanwhile: on JAX, this restores variables
        that a step is using.
        """
        changes = {} if modality is None else {modality: Change("shuffle")}
        source = self._open()
        for number, examples in enumerate(source.windows):
            window = Window(*examples, self._leaves, seed=[self.seed, number])
            for x, *rest in window.batches(changes, source.batch_size):
                batch = (as_tensors(x), *rest)
                yield preprocessed_data(inner, batch)
