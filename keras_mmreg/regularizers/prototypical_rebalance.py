"""Speeds up the encoder of the modality that is behind (PMR)."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.backend import sum_over_replicas
from keras_mmreg.backend.keras_internals import as_graph
from keras_mmreg.checks import check_integer
from keras_mmreg.checks import check_number
from keras_mmreg.information.examples import example_weight
from keras_mmreg.network import Network
from keras_mmreg.network.checks import num_outputs
from keras_mmreg.network.checks import require_encoders
from keras_mmreg.ops.confidence import labels_like
from keras_mmreg.ops.confidence import without_ignored
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.ops.numerics import mean_over_batch
from keras_mmreg.ops.numerics import x_log_x
from keras_mmreg.ops.pooling import pooled_features
from keras_mmreg.ops.pooling import pooled_size
from keras_mmreg.regularizers.class_probabilities import ClassProbabilities
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor

UNSEEN = -30.0
"""The log-probability of a class that has not been seen yet."""


@keras.saving.register_keras_serializable(package="keras_mmreg")
class PrototypicalRebalance(Regularizer):
    """Trains lagging encoders with class prototypes (PMR).

    The prototype c_k^m of class k is a moving average of the class's features
    h_m at modality m's point. With `q^m = softmax(-|h_m - c^m|)`, encoder m is
    trained by the prototypical cross-entropy

    `penalty = strength * sum_m beta_m CE(q^m, y)`,
    `beta_m = clip(s_max / s_m - 1, 0, 1)`,

    where `s_m` is the summed probability of the true class in `q^m`, and
    `s_max` the largest `s_m`. The modality that is ahead has `beta = 0`. In the
    first epochs, `entropy_strength` rewards the entropy of that modality's
    `q^m` (PER), so that it does not run away; this reward is multiplied by
    `strength`, too. A class that has not been seen yet has no prototype, and is
    left out of the softmax.

    Args:
        strength: Non-negative float, the weight of the penalty (the paper's
            alpha). Defaults to `1.0`.
        entropy_strength: Non-negative float, the weight of the entropy reward
            (the paper's mu). Defaults to `0.01`.
        entropy_epochs: Integer, the number of initial epochs with the entropy
            reward. Defaults to `5`.
        momentum: Float in [0, 1), the momentum of the prototypes. Defaults to
            `0.9`.
        **kwargs: See `Regularizer`: `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range, a modality has no encoder
            before its point (pass `taps`), or the output is not of shape
            `(batch, classes)`.

    Example:

    >>> PrototypicalRebalance(strength=0.5).strength
    0.5

    References:
        - Fan et al., PMR: Prototypical Modal Rebalance for Multimodal
          Learning, CVPR 2023.
    """

    alias = "prototypes"
    needs_units = True
    without = ("fraction",)

    def __init__(
        self,
        strength: float = 1.0,
        entropy_strength: float = 0.01,
        entropy_epochs: int = 5,
        momentum: float = 0.9,
        **kwargs: Any,
    ) -> None:
        super().__init__(strength, **kwargs)
        check_number("entropy_strength", entropy_strength, minimum=0)
        check_integer("entropy_epochs", entropy_epochs, minimum=0)
        check_number("momentum", momentum, minimum=0, below=1)
        self.entropy_strength = entropy_strength
        self.entropy_epochs = entropy_epochs
        self.momentum = momentum
        self._probabilities = ClassProbabilities(self.name)

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that there are encoders, and features of known shapes."""
        super().check(network, inner)
        unknown = network.leaves.keys() - network.symbols.keys()
        if unknown or as_graph(inner) is None:
            raise ValueError(
                f"The {self.name!r} regularizer needs the shape of each "
                "modality's features, which a subclassed model does not show. "
                "Build the model from `keras.Input`s."
            )
        require_encoders(network, self.name)

    def attach(self, network: Network, inner: keras.Model) -> None:
        """Creates the prototypes."""
        super().attach(network, inner)
        classes = num_outputs(network, self.name)
        self.prototypes, self.seen = {}, {}
        for name in network.modalities:
            (leaf,) = network.leaves_of(name)
            size = pooled_size(network.symbols[leaf].shape)
            self.prototypes[name] = self.add_state(
                (classes, size), f"prototypes_{name}"
            )
            self.seen[name] = self.add_state((classes,), f"seen_{name}")

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the prototypical cross-entropy, less the entropy reward."""
        losses, scores, entropies = [], [], []
        kind = self._probabilities.output_kind(training_pass)
        weight = example_weight(training_pass.sample_weight)
        valid = without_ignored(None, kind.ignore_class, training_pass.y)
        counts = without_ignored(weight, kind.ignore_class, training_pass.y)
        for name in self.modalities:
            (leaf,) = training_pass.network.leaves_of(name)
            features = pooled_features(
                training_pass.points[leaf],
                training_pass.network.symbols[leaf].shape,
            )
            log_q = self._log_probabilities(name, features)
            y = labels_like(log_q, "categorical", training_pass.y)
            counted = y if counts is None else y * counts[:, None]
            self._update(name, ops.stop_gradient(features), counted)
            q = ops.exp(log_q)
            cross_entropy = -ops.sum(y * log_q, axis=-1)
            entropy = -ops.sum(x_log_x(q), axis=-1)
            if weight is not None:  # The terms scale like the task loss.
                cross_entropy = cross_entropy * weight
                entropy = entropy * weight
            losses.append(mean_over_batch(cross_entropy, valid))
            entropies.append(mean_over_batch(entropy, valid))
            scores.append(ops.stop_gradient(ops.sum(counted * q)))
        s = sum_over_replicas(ops.stack(scores))
        ratio = ops.max(s) / ops.maximum(s, 1e-7) - 1.0
        beta = ops.clip(ratio, 0.0, 1.0)
        total = ops.sum(beta * ops.stack(losses))
        first = ops.cast(
            training_pass.epoch < self.entropy_epochs, loss_dtype()
        )
        ahead = ops.cast(ops.equal(s, ops.max(s)), loss_dtype())
        rewarded = ops.sum(ahead * ops.stack(entropies))
        total = total - first * self.entropy_strength * rewarded
        return self.weight(training_pass) * total, {}

    def _log_probabilities(self, name: str, features: Tensor) -> Tensor:
        """Returns `log softmax(-|h - c_k|)` over the classes seen so far."""
        # A copy: torch needs the current values to compute the gradient.
        prototypes = ops.convert_to_tensor(self.prototypes[name]) + 0.0
        squares = (
            ops.sum(ops.square(features), axis=-1, keepdims=True)
            - 2.0 * ops.matmul(features, ops.transpose(prototypes))
            + ops.sum(ops.square(prototypes), axis=-1)
        )
        # The square root has no finite gradient at 0.
        distances = ops.sqrt(ops.maximum(squares, 1e-6))
        seen = ops.convert_to_tensor(self.seen[name]) > 0
        log_q = ops.log_softmax(ops.where(seen, -distances, -1e30))
        return ops.where(seen, log_q, UNSEEN)

    def _update(self, name: str, features: Tensor, y: Tensor) -> None:
        """Moves the prototypes of the classes in the batch."""
        counts = sum_over_replicas(ops.sum(y, axis=0))
        sums = sum_over_replicas(ops.matmul(ops.transpose(y), features))
        means = ops.divide_no_nan(sums, counts[:, None])
        prototypes = ops.convert_to_tensor(self.prototypes[name])
        seen = ops.convert_to_tensor(self.seen[name])
        known = ops.cast(seen > 0, loss_dtype())[:, None]
        rate = known * self.momentum
        moved = rate * prototypes + (1.0 - rate) * means
        present = ops.cast(counts > 0, loss_dtype())[:, None]
        self.prototypes[name].assign(
            present * moved + (1.0 - present) * prototypes
        )
        self.seen[name].assign(ops.maximum(seen, present[:, 0]))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "entropy_strength": self.entropy_strength,
            "entropy_epochs": self.entropy_epochs,
            "momentum": self.momentum,
        }
