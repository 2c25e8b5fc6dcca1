"""Guards against NaN and infinity, each named after what it prevents."""

import keras
from keras import ops

from keras_mmreg.backend import num_replicas
from keras_mmreg.backend import sum_over_replicas
from keras_mmreg.types import Tensor

LOG_FLOOR = -1e8
"""The lowest logarithm of a probability, far below what models are sure of.

Without a floor the square of a gradient that is proportional to such a
logarithm overflows where logits do so almost.
"""

SMALLEST_PROBABILITY = 1e-18
"""The square of its inverse, in second derivatives, is finite in float32."""


LARGEST_SQUARED = 1e15
"""The sum of many squares of it is finite in float32."""


def at_least_float32(x: Tensor) -> Tensor:
    """`x` in float32, or in float64 if that is what it is.

    Prevents both the coarse sums of half precision and a mix of dtypes, which
    TensorFlow rejects.
    """
    dtype = keras.backend.standardize_dtype(x.dtype)
    return x if dtype == "float64" else ops.cast(x, "float32")


def safe_log(probability: Tensor) -> Tensor:
    """`log(probability)` of what may be rounded to 0.

    Prevents the infinite logarithm, and the infinite first and second
    derivative, of a probability of 0.
    """
    return ops.log(ops.clip(probability, SMALLEST_PROBABILITY, 1.0))


def x_log_x(x: Tensor) -> Tensor:
    """`x * log(x)` for non-negative `x`, continued to `0` at `x = 0`.

    Prevents `0 * -inf`, in the value and in the gradient.
    """
    positive = x > 0
    return ops.where(positive, x * ops.log(ops.where(positive, x, 1.0)), 0.0)


def entropy_of_deviation(deviation: Tensor) -> Tensor:
    """`(1 + d) log(1 + d) - d` for `d >= -1`, which is about `d^2 / 2`.

    Prevents the cancellation of its terms near 0, and `0 * -inf` at -1, in the
    value and in the gradient.
    """
    d = deviation
    small = ops.abs(d) < 1e-2
    series = ops.square(d) * (1 / 2 - d * (1 / 6 - d * (1 / 12 - d / 20)))
    zero = d <= -1.0
    inner = ops.where(ops.logical_or(small, zero), 1.0, d)
    exact = (1.0 + inner) * ops.log1p(inner) - inner
    return ops.where(small, series, ops.where(zero, 1.0, exact))


def lift(x: Tensor, lowest: Tensor) -> Tensor:
    """`max(x, lowest)` with the gradient of `x` everywhere.

    Prevents the division by next to nothing, without `maximum`'s gradient of 0.
    """
    return x + ops.stop_gradient(ops.maximum(lowest - x, 0.0))


def weighted_mean(
    x: Tensor,
    weights: Tensor | None = None,
    axis: int | tuple[int, ...] | None = None,
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


def mean_or_zero(x: Tensor) -> Tensor:
    """Mean of all values; 0 of none.

    Prevents `0 / 0` on a device that has no example of a small batch.
    """
    count = ops.cast(ops.size(x), x.dtype)
    return ops.sum(x) / ops.maximum(count, 1.0)


def mean_over_replicas(x: Tensor) -> Tensor:
    """The mean of `x` over the devices that share a batch."""
    return sum_over_replicas(x) / num_replicas()


def quotient_over_replicas(total: Tensor, count: Tensor) -> Tensor:
    """`sum total / sum count` over the devices that share a batch.

    Each device gets the same value, and a gradient by its own `total` which,
    averaged over the devices as Keras and torch's DDP do with gradients, is
    that of the value. A function of such means, linear or not, is then trained
    on as if there were one device.

    Prevents `0 / 0`: where all counts are zero, the quotient is zero. A device
    without examples has a total and a count of zero.

    Args:
        total: Tensor of any shape.
        count: Scalar.

    Returns:
        Tensor like `total`.
    """
    count = ops.cast(sum_over_replicas(count), total.dtype)
    count = ops.where(count > 0, count, 1.0)
    own = total / count
    if num_replicas() == 1:
        return own
    own = own * num_replicas()
    mean = sum_over_replicas(ops.stop_gradient(total)) / count
    # In this order the value is the mean to the last bit, alike everywhere.
    return mean + (own - ops.stop_gradient(own))


def mean_over_batch(x: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean over the examples of all devices that share a batch.

    Its gradient is explained at `quotient_over_replicas`. Where all the
    weights are zero, the mean is taken without them.

    Args:
        x: Tensor of shape `(batch, ...)`.
        weights: Optional tensor of shape `(batch,)`.

    Returns:
        Tensor of shape `x.shape[1:]`.
    """
    number = ops.cast(ops.shape(x)[0], x.dtype)
    if weights is None:
        return quotient_over_replicas(ops.sum(x, axis=0), number)
    weights = ops.cast(weights, x.dtype)
    nothing = sum_over_replicas(ops.sum(weights)) <= 0
    weights = ops.where(nothing, ops.ones_like(weights), weights)
    weighted = ops.reshape(weights, (-1,) + (1,) * (len(x.shape) - 1)) * x
    return quotient_over_replicas(ops.sum(weighted, axis=0), ops.sum(weights))


def sum_over_features(x: Tensor) -> Tensor:
    """Sum over every axis but the first: `(batch, ...)` to `(batch,)`.

    Prevents a reshape whose sizes cannot be inferred in an empty batch, the
    part of a small one on some devices.
    """
    axes = tuple(range(1, len(x.shape)))
    return ops.sum(x, axis=axes) if axes else x
