"""Guards against NaN and infinity, each named after what it prevents."""

from keras import ops

from keras_mmreg.backend import sum_over_replicas
from keras_mmreg.types import Tensor

LOG_FLOOR = -87.0
"""About the logarithm of the smallest normal float32.

A probability below it cannot be told from zero, and without a floor the square
of a gradient that is proportional to such a logarithm overflows.
"""


def safe_log(probability: Tensor) -> Tensor:
    """`log(probability)`, with the epsilon that Keras's own losses use.

    Prevents the infinite logarithm, and the infinite gradient, of a
    probability that has been rounded to 0.
    """
    return ops.log(ops.clip(probability, 1e-7, 1.0))


def x_log_x(x: Tensor) -> Tensor:
    """`x * log(x)` for non-negative `x`, continued to `0` at `x = 0`.

    Prevents `0 * -inf`, in the value and in the gradient.
    """
    positive = x > 0
    return ops.where(positive, x * ops.log(ops.where(positive, x, 1.0)), 0.0)


def lift(x: Tensor, lowest: Tensor) -> Tensor:
    """`max(x, lowest)` with the gradient of `x` everywhere.

    Prevents the division by next to nothing, without `maximum`'s gradient of 0.
    """
    return x + ops.stop_gradient(ops.maximum(lowest - x, 0.0))


def weighted_mean(
    x: Tensor, weights: Tensor | None = None, axis: int | None = None
) -> Tensor:
    """Mean of `x` under `weights` of the same shape.

    Prevents `0 / 0`: where all the weights are zero, the mean is taken
    without them.
    """
    if weights is None:
        return ops.mean(x, axis=axis)
    weights = ops.cast(weights, x.dtype)
    total = ops.sum(weights, axis=axis)
    nothing = total <= 0
    weighted = ops.sum(x * weights, axis=axis) / ops.where(nothing, 1.0, total)
    return ops.where(nothing, ops.mean(x, axis=axis), weighted)


def mean_over_replicas(x: Tensor) -> Tensor:
    """The mean of `x` over the devices that share a batch."""
    total_and_count = sum_over_replicas(ops.stack([x, ops.ones_like(x)]))
    return total_and_count[0] / total_and_count[1]


def sum_over_features(x: Tensor) -> Tensor:
    """Sum over every axis but the first: `(batch, ...)` to `(batch,)`."""
    return ops.sum(ops.reshape(x, (ops.shape(x)[0], -1)), axis=-1)
