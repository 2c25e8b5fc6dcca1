"""The base class of all methods against multimodal overfitting."""

from collections.abc import Mapping
from typing import Any
from typing import ClassVar

import keras

from keras_mmreg.backend.seeds import SavesSeeds
from keras_mmreg.checks import ShowsSettings
from keras_mmreg.checks import check_number
from keras_mmreg.checks import check_schedule
from keras_mmreg.checks import check_seed
from keras_mmreg.configs import require_config
from keras_mmreg.network import Network
from keras_mmreg.network.checks import num_outputs
from keras_mmreg.network.checks import require_no_state
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.ops.pooling import joined_size
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.schedules import LinearRamp
from keras_mmreg.types import Tensor


class Regularizer(ShowsSettings, SavesSeeds, keras.layers.Layer):
    """Base class of the methods, which act on a model's training steps.

    A method overrides one or both of two hooks:

    - `perturb(points, training_pass)` changes the values at the points in
      training, before the rest of the model runs. It needs no extra pass.
    - `penalty(training_pass)` runs after the model and returns a loss term.

    A method is a layer so that Keras tracks, saves and places its state, but it
    is never called. One instance serves one model. If the constructor has
    arguments of its own, `get_config` must return them, too.

    Args:
        strength: Non-negative float, by which the penalty is multiplied.
            Defaults to `1.0`.
        fraction: Float in (0, 1], the part of each batch, drawn afresh at
            every step, on which the penalty is computed; the main way to reduce
            its cost. A loss of `reduction="sum"` is as much smaller there.
            Defaults to `1.0`.
        schedule: Optional `keras_mmreg.schedules.LinearRamp`, or any
            serializable callable of `step` and `epoch`, by which the strength
            is multiplied. Defaults to `None`.
        seed: Optional integer, for reproducible randomness. Defaults to
            `None`, which derives it from the model's seed.
        name: String, the prefix of the method's logs. Defaults to the name by
            which `regularizers.get` knows the class.
        **kwargs: Arguments of `keras.layers.Layer`, such as `dtype`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    A method that averages two examples at the points, and trains the model to
    predict the labels of both:

    >>> class Manifold(Regularizer):
    ...     alias = "manifold"
    ...
    ...     def penalty(self, training_pass):
    ...         order = training_pass.random_part(1.0, self.seed_generator)
    ...         mixed = {
    ...             name: (x + keras.ops.take(x, order, axis=0)) / 2
    ...             for name, x in training_pass.points.items()
    ...         }
    ...         outputs = training_pass.rerun(mixed)
    ...         own = training_pass.task_loss(outputs)
    ...         other = training_pass.task_loss(outputs, order)
    ...         weight = self.weight(training_pass)
    ...         return weight * (own + other) / 2, {}
    >>> Manifold(strength=0.5).strength
    0.5
    """

    alias: ClassVar[str] = ""
    """The name of the method in logs, and for `get` if it may be called so."""

    search_range: ClassVar[tuple[str, float, float] | None] = (
        "strength",
        0.1,
        4.0,
    )
    """The argument to tune and its search range, see `hypermodels`."""

    without: ClassVar[tuple[str, ...]] = ()
    """The arguments below that do not apply to the method."""

    has_automatic_strength: ClassVar[bool] = False
    """Whether `strength` may be "auto"."""

    needs_units: ClassVar[bool] = False
    """Whether the model must have one output of shape `(batch, units)`."""

    needs_features: ClassVar[bool] = False
    """Whether the shapes of the modalities' features must be known."""

    undone_by_adam: ClassVar[bool] = False
    """Whether an optimizer that rescales each gradient undoes the method."""

    gate: str | None = None

    def __init__(
        self,
        strength: float | str = 1.0,
        fraction: float = 1.0,
        schedule: LinearRamp | None = None,
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name or self.alias or None, **kwargs)
        if strength != "auto" or not self.has_automatic_strength:
            check_number("strength", strength, minimum=0)
        check_number("fraction", fraction, above=0, maximum=1)
        check_schedule(schedule)
        check_seed(seed)
        self._refuse("strength", strength, 1.0)
        self._refuse("fraction", fraction, 1.0)
        self._refuse("schedule", schedule, None)
        self.strength = strength
        self.fraction = fraction
        self.schedule = schedule
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.network: Network | None = None

    def _refuse(self, name: str, value: Any, default: Any) -> None:
        if name in self.without and value != default:
            raise ValueError(
                f"`{type(self).__name__}` has no `{name}`: it would change "
                f"nothing. Received: {name}={value!r}"
            )

    @property
    def modalities(self) -> list[str]:
        """The modalities of the model that the method serves."""
        return [] if self.network is None else self.network.modalities

    def check(self, network: Network, inner: keras.Model) -> None:
        """Raises if the method cannot serve a model; changes nothing.

        Args:
            network: The model's points, and how to run the model from them.
            inner: The model.

        Raises:
            ValueError: If the method cannot work on this model, already serves
                another one, or could not be saved with it.
        """
        require_config(self)
        require_no_state(inner)
        if self.network is not None:
            raise ValueError(
                f"This `{type(self).__name__}` serves another model already, "
                "whose state it holds. Create one for each model."
            )
        if self.needs_units:
            num_outputs(network, self.name)
        if self.needs_features:
            for symbols in network.feature_symbols.values():
                joined_size(symbols)

    def attach(self, network: Network, inner: keras.Model) -> None:
        """Prepares the method for a model that it can serve.

        A subclass creates its own state here.

        Args:
            network: The model's points, and how to run the model from them.
            inner: The model.
        """
        self.network = network
        self.built = True

    def add_state(
        self,
        shape: tuple[int, ...],
        name: str,
        initializer: str = "zeros",
        dtype: str | None = None,
    ) -> keras.Variable:
        """Adds a variable that the method updates, equally on all replicas.

        Args:
            shape: Tuple of integers.
            name: String, unique among the method's variables.
            initializer: Defaults to `"zeros"`.
            dtype: Defaults to `None`, the dtype of the loss.
        """
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype=dtype or loss_dtype(),
            autocast=False,
            trainable=False,
            aggregation="only_first_replica",
            name=name,
        )

    def reseed(self, seed: int) -> None:
        """Resets the method's seed generator to a seed of the model."""
        state = keras.random.SeedGenerator(seed).state
        self.seed_generator.state.assign(state)

    def log_names_for(self, modalities: list[str]) -> list[str]:
        """Returns the names of what `penalty` logs for these modalities."""
        return []

    @property
    def log_names(self) -> list[str]:
        """Names of what `penalty` logs besides the penalty itself."""
        return self.log_names_for(self.modalities)

    @property
    def uses_gate(self) -> bool:
        """Whether the method uses the gate."""
        return self.gate is not None

    @property
    def perturbs(self) -> bool:
        """Whether the method changes the points."""
        return type(self).perturb is not Regularizer.perturb

    @property
    def penalizes(self) -> bool:
        """Whether the method adds a term to the loss."""
        return type(self).penalty is not Regularizer.penalty

    def perturb(
        self, points: Mapping[str, Tensor], training_pass: TrainingPass
    ) -> dict[str, Tensor]:
        """Changes the values at the points while the model trains.

        Args:
            points: Dict from leaf to a tensor of shape `(batch, ...)`;
                `network.leaves` maps each leaf to its modality. A functional
                model passes all points at once, an opaque one a few at a time.
            training_pass: The training step.

        Returns:
            Dict of tensors like `points`.
        """
        return dict(points)

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """Returns the loss term of a step, or `None`, and its logs.

        Args:
            training_pass: The training step.

        Returns:
            A scalar that is added to the loss, or `None` to add nothing, and a
            dict with a scalar for each of `log_names` that is known.
        """
        return None, {}

    def warnings(self, logs: Mapping[str, float], epoch: int) -> dict[str, str]:
        """Returns warnings after an epoch, each of which `fit` issues once.

        Args:
            logs: The means over the epoch, the method's own by `log_names`.
            epoch: The number of the epoch, counted from 1.

        Returns:
            A dict from a subject, such as a modality, to a sentence.
        """
        return {}

    def weight(self, training_pass: TrainingPass) -> Tensor | float:
        """Returns the strength at this step, 0 until statistics settle."""
        weight = training_pass.settled
        if self.strength != "auto":
            weight = weight * self.strength
        if self.schedule is None:
            return weight
        step, epoch = training_pass.step, training_pass.epoch
        return weight * self.schedule(step=step, epoch=epoch)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        schedule = self.schedule
        if schedule is not None:
            schedule = keras.saving.serialize_keras_object(schedule)
        # To serialize a policy, Keras would import TensorFlow, which takes
        # seconds in the first `fit`.
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype_policy.name,
            "strength": self.strength,
            "fraction": self.fraction,
            "schedule": schedule,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Regularizer":
        """Creates the regularizer that `get_config` described."""
        config = dict(config)
        if isinstance(config.get("schedule"), dict):
            config["schedule"] = keras.saving.deserialize_keras_object(
                config["schedule"]
            )
        return cls(**config)
