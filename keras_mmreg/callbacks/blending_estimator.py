"""Estimates gradient blending's loss weights on held-out data."""

from typing import Any

import keras
import numpy as np

from keras_mmreg.checks import check_integer
from keras_mmreg.models.blending_meter import BlendingMeter
from keras_mmreg.network.preprocessing import preprocessed_data
from keras_mmreg.regularizers import GradientBlending
from keras_mmreg.regularizers.gradient_blending import blending_weights


class BlendingEstimator(keras.callbacks.Callback):
    """Estimates the weights of a `GradientBlending` on held-out data.

    Starting from the current model, each branch (every modality's encoder with
    its head, and the model itself) is trained on its own for some epochs. Its
    losses on training and on held-out data are compared before and after; then
    the model is restored. The weight of a branch is proportional to its gain in
    held-out loss, divided by the square of its overfitting; see
    `GradientBlending`.

    Take the held-out data from the training set, and not from the validation
    data by which models are selected: `HeldOut.split` does this.

    The cost for M modalities is, offline, `(M + 1) * epochs` epochs before the
    first one. Online, every epoch costs `1 + (M + 1) * epochs / every` epochs,
    which is `M + 2` at the paper's `every = epochs`. In addition, each estimate
    evaluates the training data M + 2 times. Loaded models keep their weights.

    Args:
        train: `(x, y)` or `(x, y, sample_weight)` of arrays, the training
            data. Without weights, the `class_weight` of `fit` applies.
        held_out: The same, without any example of `train`.
        epochs: Integer, the number of epochs for which each branch is trained.
            Defaults to `5`.
        every: Optional integer, the number of epochs between two estimates
            (online). Defaults to `None`: a single estimate before the first
            epoch (offline).
        batch_size: Integer, the batch size for training the branches. Defaults
            to `32`.
        seed: Integer, the seed of the order of the examples. Defaults to `0`.

    Raises:
        ValueError: If an argument is not as above, or, when training starts,
            if the model has no `GradientBlending`.

    Example:

    >>> import numpy as np
    >>> import keras_mmreg as mmreg
    >>> x = {"a": np.random.rand(40, 3), "b": np.random.rand(40, 2)}
    >>> y = np.arange(40) % 2
    >>> train, held_out = mmreg.callbacks.HeldOut.split(x, y, fraction=0.2)
    >>> a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    >>> features = [keras.layers.Dense(4, activation="relu")(x) for x in (a, b)]
    >>> merged = keras.layers.Concatenate()(features)
    >>> outputs = keras.layers.Dense(2, activation="softmax")(merged)
    >>> inner = keras.Model({"a": a, "b": b}, outputs)
    >>> model = mmreg.models.RegularizedModel(inner, "blending")
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> estimator = BlendingEstimator(train, held_out, epochs=1)
    >>> history = model.fit(*train, callbacks=[estimator], verbose=0).history
    >>> sorted(estimator.weights)
    ['a', 'b', 'joint']

    References:
        - Wang et al., [What Makes Training Multi-modal Classification
          Networks Hard?](https://arxiv.org/abs/1905.12681), CVPR 2020,
          Algorithms 1 (offline) and 2 (online).
    """

    def __init__(
        self,
        train: Any,
        held_out: Any,
        epochs: int = 5,
        every: int | None = None,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, data in (("train", train), ("held_out", held_out)):
            if not isinstance(data, tuple) or len(data) not in (2, 3):
                raise ValueError(
                    f"`{name}` must be a tuple `(x, y)` or `(x, y, "
                    "sample_weight)` of arrays. "
                    f"Received: {name} of type {type(data)}"
                )
        check_integer("epochs", epochs, minimum=1)
        check_integer("batch_size", batch_size, minimum=1)
        if every is not None:
            check_integer("every", every, minimum=1)
        self.train = keras.tree.map_structure(np.asarray, train)
        self.held_out = held_out
        self.epochs = epochs
        self.every = every
        self.batch_size = batch_size
        self.seed = seed
        self._method: GradientBlending | None = None
        self._meter: BlendingMeter | None = None
        self._measured: list[Any] = []

    @property
    def weights(self) -> dict[str, float]:
        """The current weights of the losses, by branch."""
        method = self._method
        if method is None:
            return {}
        values = keras.ops.convert_to_numpy(method.loss_weights)
        return dict(zip(method.branches, values.tolist(), strict=True))

    def on_train_begin(self, logs: Any = None) -> None:
        """Finds the model's `GradientBlending`."""
        found = [
            method
            for method in getattr(self.model, "regularizers", [])
            if isinstance(method, GradientBlending)
        ]
        if not found:
            raise ValueError(
                "`BlendingEstimator` serves a `RegularizedModel` with the "
                f"method 'blending'. Received: model={self.model!r}"
            )
        self._method = found[0]
        self._meter = BlendingMeter(self.model, self._method)
        # Preprocessed, as `train_on_batch` does.
        self._measured = [
            preprocessed_data(self.model.inner, data)
            for data in (self.train, self.held_out)
        ]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Estimates the weights if an estimate is due."""
        assert self._method is not None  # Set by `on_train_begin`.
        due = int(self._method.estimates.numpy()) == 0
        if self.every is not None:
            due = due or epoch % self.every == 0
        if due:
            self._estimate(self._method)

    def _estimate(self, method: GradientBlending) -> None:
        """Trains each branch alone, restores the model (Algorithm 1)."""
        assert self._meter is not None  # Set by `on_train_begin`.
        model = self.model
        number = int(method.estimates.numpy())
        rng = np.random.default_rng((self.seed, number))
        # Otherwise TensorFlow creates its variables in a trial's first step.
        model.optimizer.build(model.trainable_variables)
        variables = [*model.variables, *model.optimizer.variables]
        state = [keras.ops.convert_to_numpy(v) for v in variables]
        before = self._losses()
        after = np.empty_like(before)
        for index in range(len(method.branches)):
            method.loss_weights.assign(np.eye(len(method.branches))[index])
            try:
                self._train(rng)
                after[:, index] = self._losses()[:, index]
            finally:
                for variable, value in zip(variables, state, strict=True):
                    variable.assign(value)
        weights = blending_weights(*np.stack([before, after], axis=1))
        if weights is not None:  # Otherwise keep the current weights.
            method.loss_weights.assign(weights)
        method.estimates.assign(number + 1)
        model.reset_metrics()

    def _losses(self) -> np.ndarray:
        """Returns losses on training and held-out data, `(2, branches)`."""
        assert self._meter is not None  # Set by `on_train_begin`.
        return np.stack([self._meter.run(data) for data in self._measured])

    def _train(self, rng: np.random.Generator) -> None:
        """Trains for some epochs, without the last, smaller batches."""
        size = len(keras.tree.flatten(self.train)[0])
        batch_size = min(self.batch_size, size)
        weighted = len(self.train) == 3
        class_weight = None if weighted else self.model.class_weight
        for _ in range(self.epochs):
            order = rng.permutation(size)
            for start in range(0, size - batch_size + 1, batch_size):
                chosen = order[start : start + batch_size]
                batch = keras.tree.map_structure(
                    lambda array, chosen=chosen: array[chosen], self.train
                )
                self.model.train_on_batch(*batch, class_weight=class_weight)
