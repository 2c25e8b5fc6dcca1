"""Functional information of f under a Gaussian measure (Gat et al. 2020).

Two of the four functionals are sampled directly from the values of f; the other
two bound them by the gradient of f. All return one number per example.
"""

from keras import ops

from keras_mmreg.ops.numerics import LARGEST_SQUARED
from keras_mmreg.ops.numerics import entropy_of_deviation
from keras_mmreg.ops.numerics import sum_over_features
from keras_mmreg.types import Tensor

SMALLEST_MEAN = 1e-12
"""The mean of f below which its entropy is set to 0.

The entropy of n values is at most `log(n)` times their mean.
"""

LARGEST_SLOPE = 1e9
"""The largest derivative of f with respect to a coordinate.

The squares of such derivatives can be summed and divided by the smallest f.
"""


def functional_entropy(values: Tensor) -> Tensor:
    """Returns the functional entropy `E[f log f] - E[f] log E[f]` (Eq. 2).

    With `m = E[f]` and `d = (f - m) / m` it equals `m E[(1 + d) log(1 + d) -
    d]`, which does not suffer from cancellation in float32, unlike the two
    terms of Eq. 2. Because m is estimated from the same n samples, the estimate
    is too low by a factor of about `1 - 1 / n`, which is divided out.

    Args:
        values: Non-negative tensor f of shape `(num_samples, batch)` with at
            least two samples.

    Returns:
        Tensor of shape `(batch,)`, in the units of f; `0` where f is constant,
        or less than 1e-12 on average.
    """
    num_samples = values.shape[0]
    values = ops.minimum(values, LARGEST_SQUARED)
    mean = ops.mean(values, axis=0)
    # The gradient holds 1 / mean^2, which must be finite.
    positive = mean > SMALLEST_MEAN
    safe_mean = ops.where(positive, mean, 1.0)
    deviation = (values - mean) / safe_mean
    entropy = mean * ops.mean(entropy_of_deviation(deviation), axis=0)
    return ops.where(positive, entropy, 0.0) * num_samples / (num_samples - 1)


def functional_variance(values: Tensor) -> Tensor:
    """Returns the unbiased variance `E[f^2] - E[f]^2` of f (Eq. 13).

    Args:
        values: Tensor of shape `(num_samples, batch)` with at least two
            samples.

    Returns:
        Tensor of shape `(batch,)`; `0` where f is constant.
    """
    num_samples = values.shape[0]
    values = ops.minimum(values, LARGEST_SQUARED)
    return ops.var(values, axis=0) * (num_samples / (num_samples - 1))


def fisher_information(
    values: Tensor,
    gradients: Tensor,
    stddev: Tensor | float = 1.0,
    epsilon: float = 1e-7,
) -> Tensor:
    """Returns the functional Fisher information `|grad f|^2 / f` (Eq. 3, 11).

    Args:
        values: Non-negative tensor f of shape `(batch,)`.
        gradients: Tensor of shape `(batch, ...)`, the gradient of each value
            with respect to its own coordinates.
        stddev: Weight of each partial derivative; broadcasts against
            `gradients`. Defaults to `1.0`.
        epsilon: Float added to f. As f goes to 0 for a confident prediction,
            so does its gradient, and `0 / 0` has to be kept at 0.
            Defaults to `1e-7`.

    Returns:
        Tensor of shape `(batch,)`, in nats per squared unit of the input.
    """
    return poincare_information(gradients, stddev) / (values + epsilon)


def poincare_information(
    gradients: Tensor, stddev: Tensor | float = 1.0
) -> Tensor:
    """Returns `|grad f|^2`, which bounds the variance of f (Eq. 15 and 17).

    Args:
        gradients: Tensor of shape `(batch, ...)`, the gradient of each value
            of f with respect to its own coordinates.
        stddev: Weight of each partial derivative; broadcasts against
            `gradients`. Defaults to `1.0`.

    Returns:
        Tensor of shape `(batch,)`.
    """
    slopes = ops.clip(gradients * stddev, -LARGEST_SLOPE, LARGEST_SLOPE)
    return sum_over_features(ops.square(slopes))
