"""A layer that learns which channels of which modality the task uses."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_number
from keras_mmreg.ops import complementarity
from keras_mmreg.ops.quantization import straight_through
from keras_mmreg.types import Tensor

_LEARNED_MODES = ("binary", "ternary", "attention")
_MODES = (*_LEARNED_MODES, "dropout", "none")
_DATA_FORMATS = ("channels_last", "channels_first")


@keras.saving.register_keras_serializable(package="keras_mmreg")
class ComplementarityMask(keras.layers.Layer):
    """Separates the channels a task uses from those that hinder it.

    Each channel of each modality has one weight `W`. With `mode="binary"` a
    channel is complementary and passes unchanged if `W > threshold`, otherwise
    it is contradictory and becomes 0. The gradient reaches the weight as if
    the weight itself had been multiplied (straight-through), so that a masked
    channel can come back. To the model's losses the layer adds

    `strength * sum(W)`,

    which makes keeping a channel cost something: what the task does not need
    is masked. The shares of channels that modalities keep, and their ratio
    zeta, tell how much each contributes.

    A departure from the paper: the channel with the largest weight is always
    kept. A mask that is 0 everywhere gives chance accuracy for ever.

    Plain SGD at 1e-3 moves a weight by some 1e-7 a step at the default
    strength, too little to mask anything: raise `learning_rate_multiplier`
    with SGD, or the strength. Adam moves each weight by about its learning
    rate whatever the strength; a single step larger than
    `initial_value - threshold` can mask all channels at once.

    Args:
        threshold: Float t, the weight a channel must exceed. Defaults to
            `0.05`.
        initial_value: Float above `threshold`, or a Keras initializer (e.g.
            `keras.initializers.RandomUniform(0.0, 0.2)`). Defaults to `0.1`.
        strength: Non-negative float lambda. `0` is the paper's "Ours without
            regularization". Defaults to `1e-4`.
        mode: Defaults to `"binary"`.
            - `"binary"`: the paper's mask.
            - `"ternary"`: -1, 0 or 1; the penalty is `sum(|W|)`.
            - `"attention"`: multiplies by `W` itself, the paper's baseline
              "Gated". Nothing is removed: every channel counts as kept.
            - `"dropout"`: the baseline "Drop.": in training, random channels
              are 0 for the whole batch and the others are scaled up by
              `1 / (1 - rate)`; nothing is masked at inference.
            - `"none"`: features pass unchanged, the baseline "Multi".
        rate: Float in [0, 1), the share of channels that `"dropout"` masks.
            Defaults to `0.5`.
        schedule: Optional `keras_mmreg.schedules.LinearRamp` with
            `unit="step"`, which multiplies `strength`. Defaults to `None`.
        learning_rate_multiplier: Positive float. The weights learn this many
            times faster than the optimizer's learning rate says, under SGD as
            under Adam. Decoupled weight decay is not multiplied. Defaults to
            `1.0`.
        clip: Optional pair of floats that weights are kept between after each
            update. In the paper they are unbounded. Defaults to `None`.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `"channels_last"`.
        seed: Optional integer, for `"dropout"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: A dict from modality to a float tensor `(batch, ..., channels)`
            (or channels first), each of any rank and number of channels. A
            list of tensors, or one tensor, works too; its modalities are named
            `"modality_0"`, `"modality_1"` and so on.
        training: Whether `"dropout"` drops and the schedule advances.

    Returns:
        The masked features, in the structure of `inputs`.

    Raises:
        ValueError: If an argument is out of range, or a modality's channels
            are not known.

    Example:

    >>> import numpy as np
    >>> mask = ComplementarityMask()
    >>> features = {"image": np.ones((8, 3)), "audio": np.ones((8, 1))}
    >>> masked = mask(features)
    >>> {m: float(share) for m, share in mask.complementary_shares().items()}
    {'audio': 25.0, 'image': 75.0}
    >>> round(float(mask.complementarity()), 3)
    0.333

    References:
        - Tejero-de-Pablos, Complementary-Contradictory Feature Regularization
          against Multimodal Overfitting, WACV 2024: Section 3.2, Eqs. 5-8.
    """

    def __init__(
        self,
        threshold: float = 0.05,
        initial_value: Any = 0.1,
        strength: float = 1e-4,
        mode: str = "binary",
        rate: float = 0.5,
        schedule: Any = None,
        learning_rate_multiplier: float = 1.0,
        clip: tuple[float, float] | None = None,
        data_format: str = "channels_last",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("mode", mode, _MODES)
        check_choice("data_format", data_format, _DATA_FORMATS)
        check_number("threshold", threshold)
        _check_initial_value(initial_value, threshold, mode)
        check_number("strength", strength, minimum=0)
        check_number(
            "learning_rate_multiplier", learning_rate_multiplier, above=0
        )
        check_number("rate", rate, minimum=0, below=1)
        _check_clip(clip, threshold, mode)
        if schedule is not None and schedule.unit != "step":
            raise ValueError(
                "`schedule` must count training steps: a layer does not know "
                "the epoch. Pass `unit='step'`. "
                f"Received: unit={schedule.unit!r}"
            )
        self.threshold = threshold
        self.initial_value = (
            initial_value
            if isinstance(initial_value, (int, float))
            else keras.initializers.get(initial_value)
        )
        self.strength = strength
        self.mode = mode
        self.rate = rate
        self.schedule = schedule
        self.learning_rate_multiplier = learning_rate_multiplier
        self.clip = None if clip is None else (clip[0], clip[1])
        self.data_format = data_format
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Creates one weight for each channel of each modality."""
        shapes = _shapes_by_modality(input_shape)
        axis = -1 if self.data_format == "channels_last" else 1
        # Sorted: a dict may come in another order when a model is loaded.
        self.channels = {name: shapes[name][axis] for name in sorted(shapes)}
        for name, channels in self.channels.items():
            if not channels:
                raise ValueError(
                    f"The channels of modality {name!r} must be known, and "
                    "more than none. "
                    f"Received: shape={shapes[name]}, whose axis {axis} "
                    f"(`data_format`={self.data_format!r}) holds them."
                )
        self.step = None
        if self.schedule is not None:
            self.step = self.add_weight(
                name="step",
                shape=(),
                initializer="zeros",
                dtype="int32",
                trainable=False,
                aggregation="only_first_replica",
            )
        self.scaled_weights = {}
        if self.learns:
            self.scaled_weights = {
                name: self._add_channel_weight(name, channels)
                for name, channels in self.channels.items()
            }

    def _add_channel_weight(self, name: str, channels: int) -> Any:
        return self.add_weight(
            name=f"weights_{name}",
            shape=(channels,),
            initializer=self._initial_weights,
            constraint=None if self.clip is None else self._clip_weights,
            autocast=False,
        )

    def _initial_weights(self, shape: tuple, dtype: Any = None) -> Tensor:
        initializer = self.initial_value
        if isinstance(initializer, (int, float)):
            initializer = keras.initializers.Constant(initializer)
        values = initializer(shape, dtype=dtype)
        return values / self.learning_rate_multiplier

    def _clip_weights(self, scaled: Tensor) -> Tensor:
        low, high = self.clip  # type: ignore[misc]
        multiplier = self.learning_rate_multiplier
        return ops.clip(scaled, low / multiplier, high / multiplier)

    @property
    def learns(self) -> bool:
        """Whether the mode has weights to learn."""
        return self.mode in _LEARNED_MODES

    @property
    def channel_weights(self) -> dict[str, Tensor]:
        """For each modality its real-valued weights, Omega in the paper.

        What the optimizer sees is `V = W / multiplier`. The value here is
        `multiplier * V` and its gradient by `V` is 1, so that `W` moves
        `multiplier` times as far as `V`: under SGD, whose step is proportional
        to the gradient, as under Adam, whose step is not.
        """
        extra = self.learning_rate_multiplier - 1.0
        return {
            name: scaled + ops.stop_gradient(extra * scaled)
            for name, scaled in self.scaled_weights.items()
        }

    def channel_mask(self) -> dict[str, Tensor]:
        """For each modality what inference multiplies its channels by."""
        self._require_built()
        if self.mode == "attention":
            return self.channel_weights
        if self.mode == "binary":
            return complementarity.binary_mask(
                self.channel_weights, self.threshold
            )
        if self.mode == "ternary":
            return complementarity.ternary_mask(
                self.channel_weights, self.threshold
            )
        return self._ones()

    def kept(self) -> dict[str, Tensor]:
        """For each modality 1 where a channel is complementary, else 0.

        With `mode="dropout"` the probability that training keeps it, as in
        Table 2 of the paper.
        """
        self._require_built()
        if self.mode == "dropout":
            ones = self._ones()
            return {name: (1.0 - self.rate) * ones[name] for name in ones}
        if self.mode == "attention":
            return self._ones()
        mask = self.channel_mask()
        return {name: ops.abs(mask[name]) for name in mask}

    def _require_built(self) -> None:
        if not self.built:
            raise ValueError(
                f"Layer {self.name!r} does not know its modalities yet. Call "
                "it, or the model it is part of, on a batch first."
            )

    def _ones(self) -> dict[str, Tensor]:
        return {
            name: ops.ones((channels,), dtype=self.variable_dtype)
            for name, channels in self.channels.items()
        }

    def complementary_shares(self) -> dict[str, Tensor]:
        """Kept channels by modality, in percent of all channels (Eq. 6)."""
        return complementarity.complementary_shares(self.kept())

    def contradictory_shares(self) -> dict[str, Tensor]:
        """Masked channels by modality, in percent of all channels (Eq. 8)."""
        return complementarity.contradictory_shares(self.kept())

    def complementarity(self) -> Tensor:
        """Zeta: the smallest share over the largest (Eq. 7)."""
        return complementarity.complementarity(self.complementary_shares())

    def pairwise_complementarity(self) -> dict[tuple, Tensor]:
        """Zeta of every pair of modalities."""
        return complementarity.pairwise_complementarity(
            self.complementary_shares()
        )

    def reset(self) -> None:
        """Gives all weights their initial value, e.g. for a new task."""
        for scaled in self.scaled_weights.values():
            scaled.assign(self._initial_weights(scaled.shape, scaled.dtype))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Multiplies each modality's channels by their mask."""
        if self.learns:
            self.add_loss(self._penalty())
        if training and self.step is not None and self.trainable:
            self.step.assign_add(1)
        features = _tensors_by_modality(inputs)
        mask = self._training_mask(training)
        masked = {
            name: self._apply(features[name], mask[name]) for name in mask
        }
        return _like(inputs, masked)

    def split(self, features: Any) -> tuple[Any, Any]:
        """Complementary and contradictory parts of features.

        Args:
            features: As the input of a call.

        Returns:
            Two structures like `features`, which sum to `features`: what the
            task sees, and what it does not.
        """
        by_modality = _tensors_by_modality(features)
        kept = self.kept()
        complementary = {
            name: self._apply(by_modality[name], kept[name]) for name in kept
        }
        contradictory = {
            name: by_modality[name] - complementary[name] for name in kept
        }
        return (
            _like(features, complementary),
            _like(features, contradictory),
        )

    def _training_mask(self, training: bool) -> dict[str, Tensor]:
        if self.mode == "dropout" and training:
            return self._random_mask()
        mask = self.channel_mask()
        if self.mode in ("binary", "ternary"):
            weights = self.channel_weights
            return {
                name: straight_through(weights[name], mask[name])
                for name in mask
            }
        return mask

    def _random_mask(self) -> dict[str, Tensor]:
        return {
            name: keras.random.dropout(
                ones, self.rate, seed=self.seed_generator
            )
            for name, ones in self._ones().items()
        }

    def _penalty(self) -> Tensor:
        """Eq. 5, with the schedule's factor."""
        weights = self.channel_weights
        if self.mode == "ternary":
            weights = {name: ops.abs(weights[name]) for name in weights}
        penalty = self.strength * complementarity.mask_penalty(weights)
        if self.schedule is None:
            return penalty
        factor = self.schedule(ops.convert_to_tensor(self.step), 0)
        return penalty * ops.cast(factor, penalty.dtype)

    def _apply(self, x: Tensor, mask: Tensor) -> Tensor:
        mask = ops.cast(mask, x.dtype)
        if self.data_format == "channels_first":
            mask = ops.reshape(mask, (-1, *(1,) * (len(x.shape) - 2)))
        return x * mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the masked features: those of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        initial_value = self.initial_value
        if not isinstance(initial_value, (int, float)):
            initial_value = keras.initializers.serialize(initial_value)
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "initial_value": initial_value,
            "strength": self.strength,
            "mode": self.mode,
            "rate": self.rate,
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "learning_rate_multiplier": self.learning_rate_multiplier,
            "clip": self.clip,
            "data_format": self.data_format,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ComplementarityMask":
        """The layer that `get_config` described."""
        config = dict(config)
        config["schedule"] = keras.saving.deserialize_keras_object(
            config["schedule"]
        )
        return cls(**config)


def _check_initial_value(value: Any, threshold: float, mode: str) -> None:
    if mode not in ("binary", "ternary"):
        return
    largest = value
    if not isinstance(value, (int, float)):
        samples = keras.initializers.get(value)((1000,))
        largest = ops.max(ops.abs(samples) if mode == "ternary" else samples)
    if largest <= threshold:
        raise ValueError(
            "`initial_value` must exceed `threshold`, or every channel but "
            "one starts masked. Raise `initial_value` or lower `threshold`. "
            f"Received: initial_value={value}, threshold={threshold}"
        )


def _check_clip(clip: Any, threshold: float, mode: str) -> None:
    if clip is None:
        return
    if not isinstance(clip, (list, tuple)) or len(clip) != 2:
        raise ValueError(
            f"`clip` must be a pair of numbers or None. Received: {clip!r}"
        )
    low, high = clip
    needed = threshold if mode in ("binary", "ternary") else low
    if not low < high or high <= needed:
        raise ValueError(
            "`clip` must be a lower and a higher number, and the higher one "
            "must exceed `threshold`, or every channel but one is masked. "
            f"Received: clip={clip}, threshold={threshold}"
        )


def _is_shape(shape: Any) -> bool:
    return all(size is None or isinstance(size, int) for size in shape)


def _shapes_by_modality(input_shape: Any) -> dict[str, Any]:
    if isinstance(input_shape, dict):
        return input_shape
    shapes = [input_shape] if _is_shape(input_shape) else input_shape
    return _numbered(shapes)


def _tensors_by_modality(inputs: Any) -> dict[str, Tensor]:
    if isinstance(inputs, dict):
        return inputs
    return _numbered(inputs if isinstance(inputs, (list, tuple)) else [inputs])


def _numbered(items: Any) -> dict[str, Any]:
    return {f"modality_{index}": item for index, item in enumerate(items)}


def _like(inputs: Any, by_modality: dict[str, Tensor]) -> Any:
    """The modalities in the structure, and the order, of `inputs`."""
    ordered = {name: by_modality[name] for name in _tensors_by_modality(inputs)}
    if isinstance(inputs, dict):
        return ordered
    if isinstance(inputs, (list, tuple)):
        return list(ordered.values())
    return ordered["modality_0"]
