"""Weights the losses of single modalities by how they overfit."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_mmreg.information.functional import OutputFunctional
from keras_mmreg.information.resolve_functional import resolve_output
from keras_mmreg.network import Network
from keras_mmreg.network.checks import num_outputs
from keras_mmreg.ops.pooling import joined_features
from keras_mmreg.ops.pooling import joined_size
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor

JOINT = "joint"
"""The name of the branch of all modalities together."""


@keras.saving.register_keras_serializable(package="keras_mmreg")
class GradientBlending(Regularizer):
    """Gradient-Blending: a head for each modality, a weight for each loss.

    The loss is

    `loss = sum_k w_k L_k`, with `w_k` proportional to `G_k / O_k^2` and sum 1,

    over the branches k: the model itself (`"joint"`), and for each modality a
    linear head on its last tensor before it is merged with another. Between two
    checkpoints, G_k is how much the held-out loss of branch k falls, and O_k
    how much the gap between its held-out and its training loss grows. So a
    branch that overfits is held back.

    `keras_mmreg.callbacks.BlendingEstimator` estimates the weights, once or
    repeatedly. Without it all branches have the same weight, which is the
    paper's baseline. The heads are trained by the model's optimizer and are not
    part of `inner`. They add next to nothing to the cost of a step; estimating
    the weights is what is expensive.

    Args:
        **kwargs: See `Regularizer`: `seed`, `name`.

    Raises:
        ValueError: If the model has several outputs, or one that is not of
            shape `(batch, units)`.

    Example:

    >>> GradientBlending().name
    'blending'

    References:
        - Wang et al., [What Makes Training Multi-modal Classification
          Networks Hard?](https://arxiv.org/abs/1905.12681), CVPR 2020,
          Proposition 1 and Algorithms 1 and 2.
    """

    alias = "blending"
    needs_units = True
    needs_features = True
    without = ("strength", "fraction", "schedule")
    search_range = None

    @property
    def branches(self) -> list[str]:
        """The names of the branches: the modalities and `"joint"`."""
        return [*self.modalities, JOINT]

    def log_names_for(self, modalities: list[str]) -> list[str]:
        """Names of the weight of each branch."""
        return [f"{self.name}_{name}" for name in (*modalities, JOINT)]

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that no modality has the name of the branch of all."""
        super().check(network, inner)
        if JOINT in network.modalities:
            raise ValueError(
                f"The {self.name!r} regularizer calls the branch of all "
                f"modalities {JOINT!r}: give the modality another name."
            )

    def attach(self, network: Network, inner: keras.Model) -> None:
        """Creates the heads, and equal weights of the losses."""
        super().attach(network, inner)
        units = num_outputs(network, self.name)
        self.heads = {}
        for name in network.modalities:
            size = joined_size(network.feature_symbols[name])
            self.heads[name] = [
                self.add_weight(
                    shape=(size, units),
                    initializer=keras.initializers.GlorotUniform(
                        self.seed_generator
                    ),
                    autocast=False,
                    name=f"kernel_{name}",
                ),
                self.add_weight(
                    shape=(units,),
                    initializer="zeros",
                    autocast=False,
                    name=f"bias_{name}",
                ),
            ]
        count = len(self.branches)
        self.loss_weights = self.add_state((count,), "loss_weights")
        self.loss_weights.assign(np.full(count, 1.0 / count))
        self.estimates = self.add_state((), "estimates", dtype="int32")

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the difference of the blended loss and the model's loss."""
        network = training_pass.network
        outputs = self.outputs(
            network.features_of(training_pass.activations),
            training_pass.inner,
            training_pass.model_loss,
            training_pass.functional,
        )
        weights = ops.convert_to_tensor(self.loss_weights)
        # Terms from `add_loss` are not part of the blended losses.
        joint = training_pass.task_loss(training_pass.outputs)
        total = (weights[-1] - 1.0) * joint
        for index, name in enumerate(self.modalities):
            total += weights[index] * training_pass.task_loss(outputs[name])
        values = [weights[index] for index in range(len(self.branches))]
        return total, dict(zip(self.log_names, values, strict=True))

    def outputs(
        self,
        features: Mapping[str, list[Tensor]],
        inner: keras.Model,
        loss: Any,
        functional: Any = "auto",
    ) -> dict[str, Tensor]:
        """Returns each head's predictions in the form that the loss expects.

        Args:
            features: The features that the network's `features_of` returned.
            inner: The wrapped model.
            loss: The `loss` argument of `compile`.
            functional: The `functional` argument of the wrapper. Defaults to
                `"auto"`.
        """
        network = self.network
        assert network is not None  # Set by `attach`.
        kind = resolve_output(functional, loss, inner, network.output_symbols)
        symbols = network.feature_symbols
        outputs = {}
        for name, (kernel, bias) in self.heads.items():
            x = joined_features(features[name], symbols[name])
            logits = ops.matmul(x, ops.cast(kernel, x.dtype))
            logits = logits + ops.cast(bias, x.dtype)
            outputs[name] = keras.tree.pack_sequence_as(
                network.output_symbols, [_activated(logits, kind)]
            )
        return outputs


def blending_weights(
    training: np.ndarray, held_out: np.ndarray
) -> np.ndarray | None:
    """Computes the weights of the losses from the losses at two checkpoints.

    The gain G is clipped to at least 0, and the overfitting O to at least a
    hundredth of the first held-out loss. Otherwise branches that have not begun
    to overfit would get infinite weights, decided by noise.

    Args:
        training: Array `(2, branches)`, the training losses before and after.
        held_out: Array `(2, branches)`, the held-out losses before and after.

    Returns:
        Array `(branches,)` of sum 1, or `None` if no held-out loss fell.
    """
    gain = np.maximum(held_out[0] - held_out[1], 0.0)
    overfitting = np.diff(held_out - training, axis=0)[0]
    floor = np.maximum(0.01 * np.abs(held_out[0]), 1e-7)
    ratio = gain / np.maximum(np.square(overfitting), np.square(floor))
    return ratio / ratio.sum() if ratio.sum() > 0 else None


def _activated(logits: Tensor, kind: OutputFunctional) -> Tensor:
    if kind.from_logits or kind.kind == "regression":
        return logits
    return (
        ops.softmax(logits)
        if kind.kind == "categorical"
        else ops.sigmoid(logits)
    )
