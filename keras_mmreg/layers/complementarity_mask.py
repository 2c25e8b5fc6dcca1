"""A layer that learns which channels of which modality the task uses."""

from functools import partial
from typing import Any

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import KeepsLossesApart
from keras_mmreg.backend.seeds import SavesSeeds
from keras_mmreg.checks import ShowsSettings
from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_number
from keras_mmreg.checks import check_seed
from keras_mmreg.layers.mask_arguments import check_clip
from keras_mmreg.layers.mask_arguments import check_initial_value
from keras_mmreg.layers.mask_arguments import check_schedule
from keras_mmreg.layers.mask_arguments import initial_weights
from keras_mmreg.layers.modality_structure import in_structure_of
from keras_mmreg.layers.modality_structure import shapes_by_modality
from keras_mmreg.layers.modality_structure import tensors_by_modality
from keras_mmreg.ops import channel_masks
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.ops.quantization import straight_through
from keras_mmreg.types import Tensor

_LEARNED_MODES = ("binary", "ternary", "attention")
_MODES = (*_LEARNED_MODES, "dropout", "none")
_DATA_FORMATS = ("channels_last", "channels_first")


@keras.saving.register_keras_serializable(package="keras_mmreg")
class ComplementarityMask(
    ShowsSettings, SavesSeeds, KeepsLossesApart, keras.layers.Layer
):
    """Separates the channels that a task uses from those that hinder it.

    Each channel of each modality has one weight `W`. With `mode="binary"` a
    channel is complementary and is copied unchanged if `W > threshold`;
    otherwise it is contradictory and becomes 0. The gradient reaches the
    weight as if the features had been multiplied by the weight itself
    (straight-through), so that a masked channel can come back. The layer adds

    `strength * sum(W)`

    to the model's losses. This puts a cost on every kept channel, so channels
    that the task does not need are masked. The shares of channels that the
    modalities keep, and the ratio of these shares (zeta), show how much each
    modality contributes.

    Where the paper would mask everything, the channel with the largest weight
    is kept: the task cannot recover from a mask that is 0 everywhere, because
    no gradient passes.

    At the default strength, plain SGD with a learning rate of 1e-3 moves a
    weight by about 1e-7 per step, too little to mask anything: with SGD, use a
    larger strength. Adam moves each weight by about its learning rate, whatever
    the strength; a single step larger than `initial_value - threshold` can mask
    all channels at once.

    Args:
        threshold: Float t, the weight above which a channel is kept. Defaults
            to `0.05`.
        initial_value: Float above `threshold`, or a `keras.initializers`
            instance such as `RandomUniform(0.0, 0.2)`. Defaults to `0.1`.
        strength: Non-negative float lambda. `0` is the paper's "Ours without
            regularization". Defaults to `1e-4`.
        mode: String, how the weights are applied. Defaults to `"binary"`.
            - `"binary"`: the paper's mask.
            - `"ternary"`: 1 above the threshold, -1 below 0, and 0 between,
              as in the authors' code; the penalty is `sum(|W|)`. (The code
              penalizes `sum(W)`, which rewards negative weights without
              bound.)
            - `"attention"`: multiplies by `W` itself (the paper's baseline
              "Gated"). Nothing is removed: every channel counts as kept.
            - `"dropout"`: in training, random channels become 0 for the whole
              batch and the others are scaled up by `1 / (1 - rate)`; nothing is
              masked at inference (the baseline "Drop.").
            - `"none"`: copies features unchanged (the baseline "Multi").
        rate: Float in [0, 1), the probability with which `"dropout"` masks a
            channel. Defaults to `0.5`.
        schedule: Optional `keras_mmreg.schedules.LinearRamp` with
            `unit="step"`, which multiplies `strength`. Defaults to `None`.
        clip: Optional pair of floats, the range to which the weights are
            clipped after each update. In the paper they are unbounded. Defaults
            to `None`.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `"channels_last"`.
        seed: Optional integer, for `"dropout"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: A dict from modality to a float tensor `(batch, ..., channels)`
            (or channels first), each of any rank and number of channels. A
            list of tensors, or one tensor, works too; the modalities are then
            named `"modality_0"`, `"modality_1"` and so on.
        training: Whether `"dropout"` drops channels and the schedule advances.

    Returns:
        The masked features, in the structure of `inputs`.

    Raises:
        ValueError: If an argument is out of range, or a modality's number of
            channels is unknown.

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
        clip: tuple[float, float] | None = None,
        data_format: str = "channels_last",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("mode", mode, _MODES)
        check_choice("data_format", data_format, _DATA_FORMATS)
        check_number("threshold", threshold)
        check_initial_value(initial_value, threshold, mode)
        check_number("strength", strength, minimum=0)
        check_number("rate", rate, minimum=0, below=1)
        check_clip(clip, threshold, mode)
        check_schedule(schedule)
        check_seed(seed)
        self.threshold = threshold
        self.initial_value = initial_value
        self.strength = strength
        self.mode = mode
        self.rate = rate
        self.schedule = schedule
        self.clip = None if clip is None else (clip[0], clip[1])
        self.data_format = data_format
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Creates one weight for each channel of each modality."""
        shapes = shapes_by_modality(input_shape)
        axis = -1 if self.data_format == "channels_last" else 1
        # Sorted, because a loaded model may have its dict in another order.
        self.channels = {name: shapes[name][axis] for name in sorted(shapes)}
        for name, channels in self.channels.items():
            if not channels:
                raise ValueError(
                    f"The channels of modality {name!r} must be known and not "
                    f"0. Received: shape={shapes[name]}, of which axis {axis} "
                    f"holds them (`data_format`={self.data_format!r})."
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
        # These weights are Omega in the paper.
        self.channel_weights = {}
        if self.learns:
            initializers = initial_weights(self.initial_value, self.channels)
            self.channel_weights = {
                name: self.add_weight(
                    name=f"weights_{name}",
                    shape=(channels,),
                    initializer=initializers[name],
                    constraint=self.clip and partial(_clip, limits=self.clip),
                    autocast=False,
                )
                for name, channels in self.channels.items()
            }

    @property
    def learns(self) -> bool:
        """Whether the mode has weights to learn."""
        return self.mode in _LEARNED_MODES

    def _weight_tensors(self) -> dict[str, Tensor]:
        return {
            name: ops.convert_to_tensor(weights)
            for name, weights in self.channel_weights.items()
        }

    def channel_mask(self) -> dict[str, Tensor]:
        """Returns each modality's channel multipliers at inference."""
        self._require_built()
        if not self.learns:
            return self._ones()
        weights = self._weight_tensors()
        if self.mode == "binary":
            return channel_masks.binary_mask(weights, self.threshold)
        if self.mode == "ternary":
            return channel_masks.ternary_mask(weights, self.threshold)
        return weights

    def kept(self) -> dict[str, Tensor]:
        """Returns, for each modality, 1 for complementary channels, else 0.

        With `mode="dropout"`, returns the probability that training keeps the
        channel, as in Table 2 of the paper.
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
        """Returns kept channels by modality, in % of all channels (Eq. 6)."""
        return channel_masks.complementary_shares(self.kept())

    def contradictory_shares(self) -> dict[str, Tensor]:
        """Returns masked channels by modality, in % of all channels (Eq. 8)."""
        return channel_masks.contradictory_shares(self.kept())

    def complementarity(self) -> Tensor:
        """Returns zeta, the smallest share divided by the largest (Eq. 7)."""
        return channel_masks.complementarity(self.complementary_shares())

    def pairwise_complementarity(self) -> dict[tuple, Tensor]:
        """Returns zeta for every pair of modalities."""
        return channel_masks.pairwise_complementarity(
            self.complementary_shares()
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Multiplies each modality's channels by their mask."""
        if self.learns:
            self.add_loss(self._penalty())
        if training and self.step is not None and self.trainable:
            self.step.assign_add(1)
        features = tensors_by_modality(inputs)
        mask = self._training_mask(training)
        masked = {
            name: self._apply(features[name], mask[name]) for name in mask
        }
        return in_structure_of(inputs, masked)

    def split(self, features: Any) -> tuple[Any, Any]:
        """Splits features into complementary and contradictory parts.

        Args:
            features: Features, as for a call.

        Returns:
            Two structures like `features`, which sum to `features`: the
            channels that are kept and those that are not. With "ternary" and
            "attention" the task sees multiples of the first.
        """
        by_modality = tensors_by_modality(features)
        kept = self.kept()
        complementary = {
            name: self._apply(by_modality[name], kept[name]) for name in kept
        }
        contradictory = {
            name: by_modality[name] - complementary[name] for name in kept
        }
        return (
            in_structure_of(features, complementary),
            in_structure_of(features, contradictory),
        )

    def _training_mask(self, training: bool) -> dict[str, Tensor]:
        if self.mode == "dropout" and training:
            return channel_masks.dropout_mask(
                self._ones(), self.rate, self.seed_generator
            )
        mask = self.channel_mask()
        if self.mode in ("binary", "ternary"):
            weights = self._weight_tensors()
            return {
                name: straight_through(weights[name], mask[name])
                for name in mask
            }
        return mask

    def _penalty(self) -> Tensor:
        """Returns the penalty of Eq. 5, times the schedule's factor."""
        weights = self._weight_tensors()
        if self.mode == "ternary":
            weights = {name: ops.abs(weights[name]) for name in weights}
        # Keras adds the penalty to a float32 loss.
        total = at_least_float32(channel_masks.mask_penalty(weights))
        penalty = self.strength * total
        if self.schedule is None:
            return penalty
        factor = self.schedule(step=ops.convert_to_tensor(self.step), epoch=0)
        return penalty * ops.cast(factor, penalty.dtype)

    def _apply(self, x: Tensor, mask: Tensor) -> Tensor:
        mask = ops.cast(mask, x.dtype)
        if self.data_format == "channels_first":
            mask = ops.reshape(mask, (-1, *(1,) * (len(x.shape) - 2)))
        return x * mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shapes of the masked features, which are the inputs'."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "initial_value": serialize(self.initial_value),
            "strength": self.strength,
            "mode": self.mode,
            "rate": self.rate,
            "schedule": serialize(self.schedule),
            "clip": self.clip,
            "data_format": self.data_format,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ComplementarityMask":
        """Creates the layer that `get_config` described."""
        config = dict(config)
        for name in {"initial_value", "schedule"} & config.keys():
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def _clip(weights: Tensor, limits: tuple[float, float]) -> Tensor:
    return ops.clip(weights, *limits)
