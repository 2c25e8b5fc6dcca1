"""A layer that accounts for a known bias during training."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import KeepsLossesApart
from keras_mmreg.checks import ShowsSettings
from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_number
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.ops.numerics import mean_or_zero
from keras_mmreg.types import Tensor

_MODES = ("binary", "softmax")


@keras.saving.register_keras_serializable(package="keras_mmreg")
class LearnedMixin(ShowsSettings, KeepsLossesApart, keras.layers.Layer):
    """Adds a known bias to the logits in training, but not at inference.

    A bias is what can be predicted without looking, e.g. how often each answer
    is right for this type of question. A model that is trained on the sum of
    its logits `l` and the bias `b` gains nothing from learning the bias itself.
    At inference its logits are used alone. How far to trust the bias is learned
    for each example: `g = softplus(w . features + c)`. In training the layer
    returns

    - with `mode="binary"`, for labels that can be true together,
      `l + g (log b~ - log(1 - b~))` with `b~ = (b + s) / (1 + 2 s)` and a
      learned smoothing `s` between 0 and 1, so that an answer that was never
      right remains possible;
    - with `mode="softmax"`, for classes that exclude each other,
      `l + g log b`.

    These are logits for a loss with `from_logits=True`. The model could still
    choose `g = 0` and learn the bias after all. To prevent this, the layer adds
    `entropy_weight` times the mean entropy of the scaled bias (of
    `sigmoid(g (log b~ - log(1 - b~)))` or `softmax(g log b)`) to the model's
    losses.

    Args:
        mode: `"binary"` or `"softmax"`. Defaults to `"binary"`.
        entropy_weight: Non-negative float. The default is the paper's for VQA,
            where the loss is summed over the answers; with Keras's
            `BinaryCrossentropy`, which averages over the answers, divide it by
            their number. Defaults to `0.36`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        logits: Float tensor `(batch, num_answers)`.
        features: Float tensor `(batch, num_features)`, e.g. the features that
            the logits are computed from.
        bias: Float tensor `(batch, num_answers)` of probabilities; with
            `"softmax"` they sum to 1.
        training: Whether to add the bias.

    Returns:
        A tensor like `logits`: with the bias added in training, else `logits`
        themselves.

    Raises:
        ValueError: If an argument is unknown or out of range, or the bias does
            not have the shape of the logits.

    Example:

    >>> import numpy as np
    >>> features = keras.Input((8,), name="features")
    >>> bias = keras.Input((3,), name="bias")
    >>> logits = keras.layers.Dense(3)(features)
    >>> outputs = LearnedMixin("softmax")(logits, features, bias)
    >>> model = keras.Model({"features": features, "bias": bias}, outputs)
    >>> model.compile(
    ...     loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ... )
    >>> x = {"features": np.ones((4, 8)), "bias": np.full((4, 3), 1 / 3)}
    >>> history = model.fit(x, np.arange(4) % 3, verbose=0)

    References:
        - Clark et al., Don't Take the Easy Way Out: Ensemble Based Methods for
          Avoiding Known Dataset Biases, EMNLP 2019: Section 3.2, Learned-Mixin
          +H.
    """

    def __init__(
        self, mode: str = "binary", entropy_weight: float = 0.36, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_choice("mode", mode, _MODES)
        check_number("entropy_weight", entropy_weight, minimum=0)
        self.mode = mode
        self.entropy_weight = entropy_weight
        # In float16, logarithms of small probabilities would overflow.
        self.trust = keras.layers.Dense(
            1, activation="softplus", dtype="float32", name="trust"
        )

    def build(
        self, logits_shape: tuple, features_shape: tuple, bias_shape: tuple
    ) -> None:
        """Creates the weights of `g` and of the smoothing."""
        if logits_shape[-1] != bias_shape[-1]:
            raise ValueError(
                "`bias` must have as many answers as `logits`. Received: "
                f"shapes {tuple(bias_shape)} and {tuple(logits_shape)}"
            )
        self.trust.build(features_shape)
        self.smoothing = None
        if self.mode == "binary":
            self.smoothing = self.add_weight(
                name="smoothing",
                shape=(),
                initializer=keras.initializers.Constant(-1.0),
                dtype="float32",
                autocast=False,
            )

    def call(
        self,
        logits: Tensor,
        features: Tensor,
        bias: Tensor,
        training: bool = False,
    ) -> Tensor:
        """Returns the logits, with the bias added in training."""
        if not training:
            return logits
        trust = self.trust(features)
        bias = ops.cast(bias, "float32")
        if self.mode == "binary":
            scaled = trust * self._log_odds(bias)
            entropy = _binary_entropy(scaled)
        else:
            scaled = trust * ops.log(ops.clip(bias, 1e-7, 1.0))
            entropy = _softmax_entropy(scaled)
        if self.entropy_weight:
            term = self.entropy_weight * mean_or_zero(entropy)
            self.add_loss(at_least_float32(term))
        return logits + ops.cast(scaled, logits.dtype)

    def _log_odds(self, bias: Tensor) -> Tensor:
        smoothing = ops.sigmoid(ops.convert_to_tensor(self.smoothing))
        # The divisor 1 + 2 s of both terms cancels.
        return ops.log(bias + smoothing) - ops.log(1.0 - bias + smoothing)

    def compute_output_shape(
        self, logits_shape: tuple, features_shape: tuple, bias_shape: tuple
    ) -> tuple:
        """Returns the shape of the logits."""
        return logits_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "mode": self.mode,
            "entropy_weight": self.entropy_weight,
        }


def _binary_entropy(logits: Tensor) -> Tensor:
    """Returns `-p log p - (1 - p) log(1 - p)` for `p = sigmoid(logits)`."""
    return ops.softplus(logits) - logits * ops.sigmoid(logits)


def _softmax_entropy(logits: Tensor) -> Tensor:
    """Returns `-sum p log p` for `p = softmax(logits)`."""
    log_p = ops.log_softmax(logits)
    return -ops.sum(ops.exp(log_p) * log_p, axis=-1)
