"""Guards against NaN and infinity, each named after what it prevents."""

import keras
from keras import ops

from keras_mmreg.backend import num_replicas
from keras_mmreg.backend import sum_over_replicas
from keras_mmreg.types import Tensor

LOG_FLOOR = -1e8
"""The lowest log-probability, far below any that models predict.

Without this floor, if logits nearly overflow, the square of a gradient that is
proportional to the logarithm would overflow.
"""

SMALLEST_PROBABILITY = 1e-18
"""The smallest probability whose squared inverse is finite in float32.

Such squares occur in second derivatives.
"""


LARGEST_SQUARED = 1e15
"""The largest value of which the sum of many squares is finite in float32."""


def loss_dtype() -> str:
    """Returns the dtype of losses, `floatx`, but at least float32.

    Prevents a mix of dtypes, which TensorFlow rejects, in what is added to a
    loss or multiplied with it.
    """
    return keras.backend.result_type(keras.config.floatx(), "float32")


def at_least_float32(x: Tensor) -> Tensor:
    """Casts `x` to `loss_dtype()`.

    Prevents both inaccurate sums in half precision and a mix of dtypes.
    """
    return ops.cast(x, loss_dtype())


def safe_log(probability: Tensor) -> Tensor:
    """Returns `log(probability)` of a probability that may be rounded to 0.

    Prevents the infinite logarithm, and the infinite first and second
    derivative, of a probability of 0.
    """
    return ops.log(ops.clip(probability, SMALLEST_PROBABILITY, 1.0))


def x_log_x(x: Tensor) -> Tensor:
    """Returns `x * log(x)` for non-negative `x`, continued to `0` at `x = 0`.

    Prevents `0 * -inf`, in the value and in the gradient.
    """
    positive = x > 0
    return ops.where(positive, x * ops.log(ops.where(positive, x, 1.0)), 0.0)


def entropy_of_deviation(deviation: Tensor) -> Tensor:
    """Returns `(1 + d) log(1 + d) - d` for `d >= -1`, about `d^2 / 2`.

    Prevents the cancellation of the terms near `d = 0`, and `0 * -inf` at
    `d = -1`, in the value and in the gradient.
    """
    d = deviation
    small = ops.abs(d) < 1e-2
    series = ops.square(d) * (1 / 2 - d * (1 / 6 - d * (1 / 12 - d / 20)))
    zero = d <= -1.0
    inner = ops.where(ops.logical_or(small, zero), 1.0, d)
    exact = (1.0 + inner) * ops.log1p(inner) - inner
    return ops.where(small, series, ops.where(zero, 1.0, exact))


def lift(x: Tensor, lowest: Tensor) -> Tensor:
    """Returns `max(x, lowest)` with the gradient of `x` everywhere.

    Prevents division by almost 0, without the zero gradient of `maximum`.
    """
    return x + ops.stop_gradient(ops.maximum(lowest - x, 0.0))


def weighted_mean(
    x: Tensor,
    weights: Tensor | None = None,
    axis: int | tuple[int, ...] | None = None,
) -> Tensor:
    """Returns the mean of `x` under `weights` of the same shape.

    Prevents `0 / 0`: where all weights are zero, the mean is unweighted.
    """
    if weights is None:
        return ops.mean(x, axis=axis)
    weights = ops.cast(weights, x.dtype)
    total = ops.sum(weights, axis=axis)
    nothing = total <= 0
    weighted = ops.sum(x * weights, axis=axis) / ops.where(nothing, 1.0, total)
    return ops.where(nothing, ops.mean(x, axis=axis), weighted)


def mean_or_zero(x: Tensor) -> Tensor:
    """Returns the mean of all values, or 0 if there are none.

    Prevents `0 / 0` on a device that has no example of a small batch.
    """
    count = ops.cast(ops.size(x), x.dtype)
    return ops.sum(x) / ops.maximum(count, 1.0)


def mean_over_replicas(x: Tensor) -> Tensor:
    """Returns the mean of `x` over the devices that share a batch."""
    return sum_over_replicas(x) / num_replicas()


def quotient_over_replicas(total: Tensor, count: Tensor) -> Tensor:
    """Returns `sum total / sum count` over the devices that share a batch.

    Every device gets the same value, and a gradient with respect to its own
    `total`. Averaged over the devices, as Keras and torch's DDP average
    gradients, it is the gradient of the value. So a function of such means,
    linear or not, trains as if there were one device.

    Prevents `0 / 0`: if all counts are zero, the quotient is zero. A device
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
    # In this order the value equals the mean exactly, on every device.
    return mean + (own - ops.stop_gradient(own))


def mean_over_batch(x: Tensor, weights: Tensor | None = None) -> Tensor:
    """Returns the mean over the examples of all devices that share a batch.

    For its gradient, see `quotient_over_replicas`. If all weights are zero, the
    mean is unweighted.

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
    """Sums over every axis but the first: `(batch, ...)` to `(batch,)`.

    Prevents a reshape whose sizes cannot be inferred in an empty batch, which a
    device may get as its part of a small batch.
    """
    axes = tuple(range(1, len(x.shape)))
    return ops.sum(x, axis=axes) if axes else x
