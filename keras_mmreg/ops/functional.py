"""The function f of Gat et al. 2020: how far a perturbation moves a prediction.

Each function compares the outputs at the perturbed point z with the outputs at
the clean point x, and returns one non-negative number per example (Eq. 7 of the
paper). Outputs of shape `(batch, ..., classes)` are compared over the last
axis, and averaged over the axes between.
"""

import math

from keras import ops

from keras_mmreg.ops.numerics import LOG_FLOOR
from keras_mmreg.ops.numerics import safe_log
from keras_mmreg.ops.numerics import weighted_mean
from keras_mmreg.types import Tensor


def categorical_cross_entropy(
    perturbed: Tensor,
    clean: Tensor,
    from_logits: bool = False,
    cross_entropy: str = "paper",
    axis: int = -1,
    mask: Tensor | None = None,
) -> Tensor:
    """Returns the cross-entropy of two softmax predictions (Eq. 1 in Eq. 7).

    Args:
        perturbed: Outputs at z, of shape `(batch, ..., classes)`.
        clean: Outputs at x, of the same shape.
        from_logits: Boolean, whether the outputs are logits rather than
            probabilities. Probabilities below 1e-18 are treated as 1e-18.
            Defaults to `False`.
        cross_entropy: `"paper"` for `-sum p(y|z) log p(y|x)`, `"reversed"` for
            `-sum p(y|x) log p(y|z)`. Defaults to `"paper"`.
        axis: Integer, the axis of the classes. Defaults to `-1`.
        mask: Optional tensor of shape `(batch, ...)`, zero at padding.

    Returns:
        Tensor of shape `(batch,)`, in nats.
    """
    target, prediction = _order(perturbed, clean, cross_entropy)
    if from_logits:
        weight = ops.softmax(target, axis=axis)
        log_probability = ops.log_softmax(prediction, axis=axis)
    else:
        weight = ops.clip(target, 0.0, 1.0)  # Keeps f from being negative.
        log_probability = safe_log(prediction)
    log_probability = ops.maximum(log_probability, LOG_FLOOR)
    return mean_over_positions(
        -ops.sum(weight * log_probability, axis=axis), mask
    )


def binary_cross_entropy(
    perturbed: Tensor,
    clean: Tensor,
    from_logits: bool = False,
    cross_entropy: str = "paper",
    mask: Tensor | None = None,
) -> Tensor:
    """Returns the cross-entropy of two vectors of sigmoid predictions.

    The labels of the last axis are independent, so their cross-entropies add
    up to the cross-entropy of their joint distribution.

    Args:
        perturbed: Outputs at z, of shape `(batch, ..., labels)`.
        clean: Outputs at x, of the same shape.
        from_logits: Boolean, whether the outputs are logits rather than
            probabilities. Probabilities below 1e-18 are treated as 1e-18.
            Defaults to `False`.
        cross_entropy: `"paper"` or `"reversed"`, as for
            `categorical_cross_entropy`. Defaults to `"paper"`.
        mask: Optional tensor of shape `(batch, ...)`, zero at padding.

    Returns:
        Tensor of shape `(batch,)`, in nats.
    """
    target, prediction = _order(perturbed, clean, cross_entropy)
    if from_logits:
        weight = ops.sigmoid(target)
        log_true = ops.log_sigmoid(prediction)
        log_false = ops.log_sigmoid(-prediction)
    else:
        weight = ops.clip(target, 0.0, 1.0)  # Keeps f from being negative.
        log_true = safe_log(prediction)
        log_false = safe_log(1.0 - prediction)
    log_true = ops.maximum(log_true, LOG_FLOOR)
    log_false = ops.maximum(log_false, LOG_FLOOR)
    values = -(weight * log_true + (1.0 - weight) * log_false)
    return _sum_last_axis(values, mask)


def squared_distance(
    perturbed: Tensor, clean: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Returns the squared distance between two regression outputs.

    Up to a factor and a constant, this is the cross-entropy between Gaussian
    predictions of unit variance.

    Args:
        perturbed: Outputs at z, of shape `(batch, ..., features)`.
        clean: Outputs at x, of the same shape.
        mask: Optional tensor of shape `(batch, ...)`, zero at padding.

    Returns:
        Tensor of shape `(batch,)`, in squared units of the output.
    """
    return _sum_last_axis(ops.square(perturbed - clean), mask)


def mean_over_positions(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Averages `(batch, ...)` over every axis but the first, under a mask."""
    if len(values.shape) == 1:
        return values
    if mask is not None:
        missing_axes = (1,) * (len(values.shape) - len(mask.shape))
        mask = ops.reshape(mask, (*ops.shape(mask), *missing_axes))
        mask = ops.broadcast_to(mask, ops.shape(values))
        mask = _flat(mask, values.shape)
    return weighted_mean(_flat(values, values.shape), mask, axis=-1)


def _flat(x: Tensor, shape: tuple) -> Tensor:
    # In an empty batch, which a replica may have, no size can be inferred.
    inner = tuple(shape)[1:]
    if None in inner:
        return ops.reshape(x, (ops.shape(x)[0], -1))
    return ops.reshape(x, (-1, math.prod(inner)))


def _sum_last_axis(values: Tensor, mask: Tensor | None) -> Tensor:
    if len(values.shape) > 1:
        values = ops.sum(values, axis=-1)
    return mean_over_positions(values, mask)


def _order(
    perturbed: Tensor, clean: Tensor, cross_entropy: str
) -> tuple[Tensor, Tensor]:
    """Returns the weighting distribution, and the one in the logarithm."""
    if cross_entropy == "paper":
        return perturbed, clean
    return clean, perturbed
