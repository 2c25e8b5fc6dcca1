"""A Keras model that wraps and trains another one."""

from collections.abc import Mapping
from typing import Any

import keras
from keras.backend import standardize_dtype

from keras_mmreg.backend import TrainStep
from keras_mmreg.backend.seeds import SavesSeeds
from keras_mmreg.models.first_batch import build_on_first_batch
from keras_mmreg.network.checks import require_no_training_of_its_own
from keras_mmreg.network.preprocessing import preprocessed
from keras_mmreg.types import Tensor


class WrapperModel(SavesSeeds, TrainStep, keras.Model):
    """Base class of a model that wraps another: names, files and exports.

    Args:
        inner: The `keras.Model` to train.
        **kwargs: Keyword arguments of `keras.Model`, such as `name`.

    Raises:
        ValueError: If `inner` is not a model, or overrides how Keras trains.
    """

    def __init__(self, inner: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # Inputs are cast as the inner model says.
        if not isinstance(inner, keras.Model):
            raise ValueError(
                "`inner` must be a `keras.Model`. "
                f"Received: inner={inner!r} of type {type(inner)}"
            )
        require_no_training_of_its_own(inner)
        self.inner = inner
        self.input_dtypes: tuple[str | None, ...] = ()
        self.trackers: dict[str, keras.metrics.Mean] = {}

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the model; keeps the inputs' dtypes, unknown to `build`."""
        if not self.built:
            self.input_dtypes = tuple(
                standardize_dtype(getattr(x, "dtype", None))
                for x in keras.tree.flatten(inputs)
            )
        return super().__call__(inputs, *args, **kwargs)

    @property
    def output_names(self) -> list[str] | None:
        """The outputs' names, by which `compile` assigns losses to them."""
        return getattr(self.inner, "output_names", None)

    # A keras-hub task preprocesses its data in each of the following methods.

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Runs Keras's `evaluate` on data that `inner` has preprocessed."""
        # Within `fit`, the validation data have already been preprocessed.
        if not kwargs.get("_use_cached_eval_dataset"):
            x, y, sample_weight = preprocessed(self.inner, x, y, sample_weight)
        arguments = {"x": x, "batch_size": batch_size}
        x = build_on_first_batch(self, arguments)["x"]
        return super().evaluate(
            x, y, batch_size, verbose, sample_weight, *args, **kwargs
        )

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Runs Keras's `predict` on data that `inner` has preprocessed."""
        return super().predict(preprocessed(self.inner, x)[0], *args, **kwargs)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Runs Keras's `train_on_batch` on data that `inner` preprocessed.

        In a loop of your own, tell the methods the epoch
        (`model.epoch.assign(number)`). What `fit` and its callbacks do around
        the steps is not done: a gate is measured on training data, and nothing
        is warned of.
        """
        data = preprocessed(self.inner, x, y, sample_weight)
        build_on_first_batch(self, {"x": data[0]})
        return super().train_on_batch(*data, *args, **kwargs)

    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Runs Keras's `test_on_batch` on data that `inner` preprocessed."""
        data = preprocessed(self.inner, x, y, sample_weight)
        build_on_first_batch(self, {"x": data[0]})
        return super().test_on_batch(*data, *args, **kwargs)

    def predict_on_batch(self, x: Any) -> Any:
        """Runs Keras's `predict_on_batch` on data that `inner` preprocessed."""
        return super().predict_on_batch(preprocessed(self.inner, x)[0])

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: as a layer of another model, it would not train `inner`.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            f"A `{type(self).__name__}` cannot be a layer of another model: "
            "only its own `fit` adds the penalty. Build the larger model from "
            "`model.inner`, and wrap that."
        )

    def export(self, *args: Any, **kwargs: Any) -> Any:
        """Exports the wrapped model, as its own `export` does."""
        return self.inner.export(*args, **kwargs)

    def load_own_variables(self, store: Any) -> None:
        """Restores what `save_own_variables` saved."""
        if not store.keys():
            raise ValueError(
                f"`filepath` holds no weights of a `{type(self).__name__}`. "
                "Those of the plain model are loaded with "
                "`model.inner.load_weights(filepath)`."
            )
        super().load_own_variables(store)

    def add_counter(self, name: str) -> keras.Variable:
        """Adds a counter of steps or epochs, saved with the weights."""
        return self.add_weight(
            shape=(),
            initializer="zeros",
            dtype="int32",
            autocast=False,
            trainable=False,
            aggregation="only_first_replica",
            name=name,
        )

    def add_tracker(self, name: str) -> None:
        """Adds a mean over the epoch that only training updates."""
        self.trackers[name] = keras.metrics.Mean(name=name)

    def track(
        self, logs: Mapping[str, Tensor], weight: Tensor | int, prefix: str = ""
    ) -> None:
        """Updates the means over the epoch, weighted like the mean loss.

        Args:
            logs: Dict from a name to a scalar.
            weight: The size of the batch.
            prefix: String put before the names. Defaults to `""`.

        Raises:
            ValueError: If a method did not announce one of its logs.
        """
        for name, value in logs.items():
            tracker = self.trackers.get(f"{prefix}{name}")
            if tracker is None:
                raise ValueError(
                    "A method's `log_names_for` must return the names of all "
                    f"that its `penalty` logs. Received: {name!r}"
                )
            tracker.update_state(value, sample_weight=weight)

    def training_logs(self) -> dict[str, Tensor]:
        """Returns logs that only training computes: means over the epoch."""
        return {name: mean.result() for name, mean in self.trackers.items()}

    def get_metrics_result(self) -> dict[str, Tensor]:
        """Returns the logs that training and evaluation share.

        A tracker that `evaluate` never updates would report 0.
        """
        logs = super().get_metrics_result()
        return {n: log for n, log in logs.items() if n not in self.trackers}

    def get_config(self) -> dict[str, Any]:
        """The wrapped model, and the arguments of `keras.Model`."""
        inner = keras.saving.serialize_keras_object(self.inner)
        return {**super().get_config(), "inner": inner}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> "WrapperModel":
        """Creates the model that `get_config` described."""
        return cls(
            **keras.saving.deserialize_keras_object(config, custom_objects)
        )
