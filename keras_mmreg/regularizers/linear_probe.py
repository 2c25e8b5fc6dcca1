"""A linear model of the label that is trained beside another model."""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_mmreg.ops.numerics import quotient_over_replicas
from keras_mmreg.types import Tensor

MOMENTUM = 0.95
"""Momentum of the averages of features, gradients and confidences."""

RATE = 0.01
"""The learning rate of the probes."""


class LinearProbe:
    """Predicts the label from one modality's features, as logits.

    It has an optimizer of its own, RMSprop, and so does not depend on that of
    the model.

    Args:
        add_state: `Regularizer.add_state` of the method whose probe this is.
        name: The name of the modality.
        num_features: Integer.
        num_outputs: Integer.
    """

    def __init__(
        self,
        add_state: Callable[..., Any],
        name: str,
        num_features: int,
        num_outputs: int,
    ) -> None:
        self.mean = add_state((num_features,), f"mean_{name}")
        self.square = add_state((num_features,), f"square_{name}")
        self.kernel = add_state((num_features, num_outputs), f"kernel_{name}")
        self.bias = add_state((num_outputs,), f"bias_{name}")
        self._moments = [
            add_state((num_features, num_outputs), f"kernel_moment_{name}"),
            add_state((num_outputs,), f"bias_moment_{name}"),
        ]

    def adapt(
        self, features: Tensor, mean_of: Callable[[Tensor], Tensor]
    ) -> None:
        """Updates the statistics by which features are normalized.

        Args:
            features: Tensor `(batch, num_features)`. A missing value, NaN,
                counts as the current average.
            mean_of: Function that averages over the batch.
        """
        for variable, value in (
            (self.mean, features),
            (self.square, ops.square(features)),
        ):
            known = ops.convert_to_tensor(variable)
            value = ops.where(ops.isnan(value), known, value)
            update_average(variable, mean_of(value))

    def normalize(self, features: Tensor) -> Tensor:
        """Returns features of mean 0 and variance 1, without missing values."""
        mean = ops.convert_to_tensor(self.mean)
        variance = ops.convert_to_tensor(self.square) - ops.square(mean)
        scale = ops.sqrt(ops.maximum(variance, 1e-6))
        # NaN is a missing value; 0, the normalized mean, is uninformative.
        normalized = ops.nan_to_num((features - mean) / scale, nan=0.0)
        return ops.clip(normalized, -10.0, 10.0)

    def logits(self, normalized: Tensor) -> Tensor:
        """Returns the logits `(batch, num_outputs)` of normalized features."""
        kernel = ops.convert_to_tensor(self.kernel)
        return ops.matmul(normalized, kernel) + ops.convert_to_tensor(self.bias)

    def descend(
        self, normalized: Tensor, error: Tensor, weight: Tensor | None
    ) -> None:
        """Takes a step of RMSprop on the probe's own loss.

        Args:
            normalized: The normalized features.
            error: Tensor `(batch, num_outputs)`, the predictions minus the
                labels: the gradient of a cross-entropy with respect to the
                logits, and of half a squared error.
            weight: The examples' weights `(batch,)`, or `None`.
        """
        if weight is None:
            weight = ops.ones_like(error[:, 0])
        weight = ops.cast(weight, error.dtype)
        weighted = weight[:, None] * error
        gradients = (
            quotient_over_replicas(
                ops.matmul(ops.transpose(normalized), weighted),
                ops.sum(weight),
            ),
            quotient_over_replicas(ops.sum(weighted, axis=0), ops.sum(weight)),
        )
        variables = (self.kernel, self.bias)
        for variable, moment, gradient in zip(
            variables, self._moments, gradients, strict=True
        ):
            update_average(moment, ops.square(gradient))
            scale = ops.sqrt(ops.convert_to_tensor(moment)) + 1e-7
            variable.assign_sub(RATE * gradient / scale)


def update_average(variable: Any, now: Tensor) -> None:
    """Updates a moving average, which starts at its first value."""
    before = ops.convert_to_tensor(variable)
    first = ops.max(ops.abs(before)) <= 0
    average = MOMENTUM * before + (1.0 - MOMENTUM) * now
    variable.assign(ops.where(first, now, average))
