"""Measures on held-out data which modalities predict the label."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_mmreg.checks import check_integer
from keras_mmreg.checks import check_number
from keras_mmreg.models.gate_meter import GateMeter
from keras_mmreg.network import require_inputs
from keras_mmreg.network.preprocessing import preprocessed_data
from keras_mmreg.report.data import ENDLESS
from keras_mmreg.report.data import never_ends
from keras_mmreg.report.data import require_labeled
from keras_mmreg.report.data import require_rereadable
from keras_mmreg.report.data import to_numpy
from keras_mmreg.report.task import require_classes


class HeldOut(keras.callbacks.Callback):
    """Measures the gate of a `RegularizedModel` on data held out for it.

    Methods such as `ModalityNoise` and `ModalityMix` ask a `ModalityGate` which
    modalities predict the label by themselves. On training data, a modality
    whose examples were memorized seems to predict it; on held-out data it does
    not. After each epoch, this callback evaluates the gate's probes on held-out
    data.

    Take the held-out data from the training set, not from the validation data
    by which models are selected. If the training data come from groups, such as
    speakers or subjects, hold out whole groups. `split` does both.

    With `doubt=True`, a modality that does not generalize to the held-out data
    is no longer trusted: if shuffling it across examples changes predictions
    there but does not lower their accuracy, and another modality's gate is
    higher, it is shuffled in training, too, and its gate is closed.

    Sample weights of the held-out data are used. If there are none, the
    `class_weight` of `fit` is used.

    Args:
        data: `(x, y)` or `(x, y, sample_weight)` of arrays, or a dataset of
            such batches.
        doubt: Whether to look for modalities that do not generalize. Defaults
            to `False`.
        start: Integer, the first training step after which a modality may be
            doubted. Defaults to `400`.
        batch_size: Integer, for arrays. Defaults to `1024`.
        steps: Optional integer, how many batches to take after each epoch, for
            an endless dataset. Defaults to `None`, which means all.

    Raises:
        ValueError: If an argument is not as above, or, when training starts,
            if no method of the model has a gate.

    Example:

    >>> import numpy as np
    >>> import keras_mmreg as mmreg
    >>> x = {"a": np.random.rand(40, 3), "b": np.random.rand(40, 2)}
    >>> y, speaker = np.arange(40) % 2, np.arange(40) // 10
    >>> (x_train, y_train), held_out = HeldOut.split(x, y, groups=speaker)
    >>> len(y_train), len(held_out[1])
    (30, 10)
    >>> a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    >>> merged = keras.layers.Concatenate()([a, b])
    >>> outputs = keras.layers.Dense(2, activation="softmax")(merged)
    >>> inner = keras.Model({"a": a, "b": b}, outputs)
    >>> model = mmreg.models.RegularizedModel(inner, ["noise", "mix"])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> history = model.fit(
    ...     x_train, y_train, callbacks=[HeldOut(held_out)], verbose=0
    ... )
    >>> "gate_a" in history.history
    True
    """

    measures_gate = True

    def __init__(
        self,
        data: Any,
        doubt: bool = False,
        start: int = 400,
        batch_size: int = 1024,
        steps: int | None = None,
    ) -> None:
        super().__init__()
        require_rereadable(data)
        require_labeled(data)
        check_integer("start", start, minimum=0)
        check_integer("batch_size", batch_size, minimum=1)
        if steps is not None:
            check_integer("steps", steps, minimum=1)
        elif never_ends(data):
            raise ValueError(ENDLESS)
        self.data = data
        self.doubt = doubt
        self.start = start
        self.batch_size = batch_size
        self.steps = steps
        self._meter: GateMeter | None = None
        self._prepared: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Finds the model's gate."""
        if getattr(self.model, "gate", None) is None:
            raise ValueError(
                "`HeldOut` measures the gate of a `RegularizedModel` that has "
                "one, by a method such as 'noise' or 'mix' with `gate='auto'`. "
                f"Received: model={self.model!r}"
            )
        if isinstance(self.data, tuple | list):
            require_inputs(self.model.inner, self.data[0])
        gate = self.model.gate
        gate.may_distrust = gate.may_distrust or self.doubt
        self._meter = GateMeter(self.model, shuffles=self.doubt)
        self._prepared = preprocessed_data(self.model.inner, self.data)
        if self.model.built:
            self._measure_a_batch()

    def _measure_a_batch(self) -> None:
        """Measures one batch, so that errors show now, not after an epoch."""
        assert self._meter is not None
        data = self._prepared
        if isinstance(data, tuple | list):
            (labels,) = map(to_numpy, keras.tree.flatten(data[1]))
            units = self.model.gate.origin().shape[0]
            output = self._meter.output_kind()
            if tuple(labels.shape[1:]) not in ((), (1,), (units,)):
                raise ValueError(
                    f"`data` must have labels of shape (examples,), (examples, "
                    f"1) or (examples, {units}). Received: {labels.shape}"
                )
            if output.kind == "categorical" and labels.size == len(labels):
                require_classes(labels, units, output.ignore_class)
            data = keras.tree.map_structure(
                lambda x: None if x is None else x[: self.batch_size], data
            )
        self._meter.run(data, self.batch_size, steps=1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Measures the gate."""
        if self._meter is None:
            return
        measured = self._meter.update(
            self._prepared, self.batch_size, self.steps
        )
        if self.doubt and int(self.model.step.numpy()) >= self.start:
            self._doubt(measured)

    def _doubt(self, measured: dict[str, float]) -> None:
        gate = self.model.gate
        values = {name: measured[f"gate_{name}"] for name in gate.modalities}
        best = max(values, key=lambda name: values[name])
        before = ops.convert_to_numpy(gate.distrusted)
        after = [
            float(
                doubted > 0
                or values[name] < values[best]
                and measured[f"moved_{name}"] > 0
                and measured[f"shuffled_{name}"] >= measured["intact"]
            )
            for name, doubted in zip(gate.modalities, before, strict=True)
        ]
        gate.distrusted.assign(ops.convert_to_tensor(after, "float32"))

    @staticmethod
    def split(
        x: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        groups: Any = None,
        fraction: float = 0.1,
        seed: int = 0,
    ) -> tuple[tuple, tuple]:
        """Holds out a part of the training data, optionally whole groups.

        Examples are drawn regardless of their labels. So the part may contain
        no example of a rare class, and the gate is then measured without it.

        Args:
            x: A structure of arrays of the same length.
            y: A structure of arrays of that length.
            sample_weight: Optional structure of sample weights. Defaults to
                `None`.
            groups: Optional array with the group of each example. As many
                groups are held out as come closest to `fraction`, at least
                one. Defaults to `None`.
            fraction: Float in (0, 1), the part of the examples, or of the
                groups, to hold out. Defaults to `0.1`.
            seed: Integer. Defaults to `0`.

        Returns:
            A tuple of two: `(x, y)` to train on, and `(x, y)` held out; both
            are `(x, y, sample_weight)` if there are weights.

        Raises:
            ValueError: If `fraction` is out of range, the arrays differ in
                length, or there is only one example or group.
        """
        check_number("fraction", fraction, above=0, below=1)
        rng = np.random.default_rng(seed)
        parts = {"x": x, "y": _of_numbers(y)}
        if sample_weight is not None:
            parts["sample_weight"] = _of_numbers(sample_weight)
        size = _common_length(parts)
        if groups is None:
            count = min(max(round(fraction * size), 1), size - 1)
            chosen = np.zeros(size, bool)
            chosen[rng.permutation(size)[:count]] = True
        else:
            groups = np.asarray(groups)
            if groups.shape != (size,):
                raise ValueError(
                    "`groups` must be an array of a label for each example. "
                    f"Received: shape {groups.shape} for {size} examples"
                )
            names = np.unique(groups)
            if len(names) < 2:
                raise ValueError(
                    "`groups` must hold at least two groups, one of them to "
                    f"hold out. Received: {names.tolist()}"
                )
            count = min(max(round(fraction * len(names)), 1), len(names) - 1)
            chosen = np.isin(groups, rng.permutation(names)[:count])

        def part(mask: np.ndarray) -> tuple:
            return keras.tree.map_structure(
                lambda array: (
                    None if array is None else np.asarray(array)[mask]
                ),
                tuple(parts.values()),
            )

        return part(~chosen), part(chosen)


def _of_numbers(values: Any) -> Any:
    """Returns a list of numbers as an array; a list of arrays stays one."""
    if isinstance(values, list | tuple) and np.ndim(values[0]) == 0:
        return np.asarray(values)
    return values


def _common_length(parts: Mapping[str, Any]) -> int:
    """Returns the number of examples in all, which must be at least two."""
    lengths = {
        name: sorted(
            {
                (*np.shape(leaf), 0)[0]
                for leaf in keras.tree.flatten(part)
                if leaf is not None
            }
        )
        for name, part in parts.items()
    }
    sizes = {size for each in lengths.values() for size in each}
    if len(sizes) != 1 or not all(lengths.values()):
        named = " and ".join(f"`{name}`" for name in parts)
        received = " and ".join(f"{lengths[n]} in `{n}`" for n in parts)
        raise ValueError(
            f"{named} must have arrays of the same length. "
            f"Received: lengths of {received}"
        )
    size = sizes.pop()
    if size < 2:
        raise ValueError(
            "`x` must have at least two examples, one of them to hold out. "
            f"Received: {size} of them"
        )
    return size
