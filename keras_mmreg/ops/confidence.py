"""Chance-corrected confidence: how well predictions determine the label."""

import math

import keras
from keras import ops

from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.types import Tensor


def confidence_statistics(
    kind: str, predictions: Tensor, y: Tensor, origin: Tensor | None = None
) -> Tensor:
    """Returns per-example statistics whose means determine the confidence.

    Args:
        kind: `"categorical"`, `"binary"` or `"regression"`.
        predictions: Tensor of shape `(batch, units)`, probabilities or values.
        y: Labels: integers of shape `(batch,)` or `(batch, 1)`, or a tensor
            like `predictions`.
        origin: For regression, a tensor `(units,)` near the mean of the
            labels, relative to which the variance is computed.

    Returns:
        Tensor `(batch, num_statistics(kind, units))`.
    """
    y = labels_like(predictions, kind, y)
    if kind == "regression":
        first = [
            ops.sum(ops.square(y - predictions), axis=-1, keepdims=True),
            ops.sum(ops.square(y - origin), axis=-1, keepdims=True),
        ]
        return ops.concatenate([*first, y - origin], axis=-1)
    if kind == "categorical":
        right = ops.sum(y * predictions, axis=-1, keepdims=True)
    else:
        agreement = y * predictions + (1.0 - y) * (1.0 - predictions)
        right = ops.mean(agreement, axis=-1, keepdims=True)
    return ops.concatenate([right, y], axis=-1)


def num_statistics(kind: str, units: int) -> int:
    """Returns how many numbers `confidence_statistics` has per example."""
    return units + (2 if kind == "regression" else 1)


def confidence_of_means(
    kind: str, means: Tensor, unknown: float = 0.0
) -> Tensor:
    """Returns `(E[p(y)] - c) / (1 - c)`: 0 by chance, 1 if sure and right.

    Here c is the confidence of a guess by the class frequencies `q_k`,
    `sum_k q_k^2`. Multiple binary labels are averaged. For regression, the
    result is the share of variance explained, `R^2`.

    Args:
        kind: As for `confidence_statistics`.
        means: Tensor `(num_statistics(kind, units),)`.
        unknown: The result if all labels are the same, which nothing can tell
            apart. Defaults to `0.0`.

    Returns:
        Scalar, at most 1.
    """
    if kind == "regression":
        error, squares, mean = means[0], means[1], means[2:]
        spread = squares - ops.sum(ops.square(mean))
        is_known = spread > 1e-6 * squares
        return ops.where(
            is_known, 1.0 - error / ops.where(is_known, spread, 1.0), unknown
        )
    right, frequencies = means[0], means[1:]
    chance = ops.square(frequencies)
    if kind == "categorical":
        chance = ops.sum(chance)
    else:
        chance = ops.mean(chance + ops.square(1.0 - frequencies))
    return ops.where(
        chance < 1.0 - 1e-6,
        (right - chance) / ops.maximum(1.0 - chance, 1e-6),
        unknown,
    )


def labels_like(predictions: Tensor, kind: str, y: Tensor) -> Tensor:
    """Returns labels as a float tensor of the shape of predictions.

    Args:
        predictions: Tensor of shape `(batch, units)`.
        kind: `"categorical"`, `"binary"` or `"regression"`.
        y: Integer classes of shape `(batch,)` or `(batch, 1)`, or a tensor like
            `predictions`.

    Raises:
        ValueError: If the labels have another shape.
    """
    (y,) = keras.tree.flatten(y)  # The only output's, in a dict or not.
    y = ops.convert_to_tensor(y)
    units = predictions.shape[-1]
    one_hot = len(y.shape) > 1 and y.shape[-1] == units
    sparse = kind == "categorical" and not one_hot
    sizes = tuple(y.shape[1:])
    if None not in sizes and math.prod(sizes) != (1 if sparse else units):
        raise ValueError(
            "This method compares labels with predictions, and labels of shape "
            f"{sizes} do not fit an output of {units} units. Pass `gate=None` "
            "if it has a gate, or use a method without labels of its own, such "
            "as `'dropout'` or `'fisher'`."
        )
    if sparse:
        y = ops.one_hot(ops.cast(ops.reshape(y, (-1,)), "int32"), units)
    return ops.cast(ops.reshape(y, (-1, units)), predictions.dtype)


def without_ignored(
    weight: Tensor | None, ignore_class: int | None, y: Tensor
) -> Tensor | None:
    """Returns the examples' weights, with 0 where the label is ignored.

    Args:
        weight: Optional tensor of shape `(batch,)`.
        ignore_class: The loss's `ignore_class`, or `None`.
        y: Integer classes of shape `(batch,)` or `(batch, 1)`.
    """
    if ignore_class is None:
        return weight
    (y,) = keras.tree.flatten(y)
    classes = ops.reshape(ops.convert_to_tensor(y), (-1,))
    counts = ops.cast(ops.not_equal(classes, ignore_class), loss_dtype())
    return counts if weight is None else weight * counts


def right_predictions(
    kind: str, predictions: Tensor, y: Tensor, from_logits: bool = False
) -> Tensor:
    """Returns how correct each prediction is; for regression, minus its error.

    Args:
        kind: `"categorical"`, `"binary"` or `"regression"`.
        predictions: Tensor of shape `(batch, units)`: probabilities, logits or
            values.
        y: Labels, as for `confidence_statistics`.
        from_logits: Whether the predictions are logits. Defaults to `False`.

    Returns:
        Tensor `(batch,)`.
    """
    y = labels_like(predictions, kind, y)
    if kind == "categorical":
        agree = ops.equal(ops.argmax(predictions, -1), ops.argmax(y, -1))
        return ops.cast(agree, loss_dtype())
    if kind == "binary":
        agree = ops.equal(predictions > (0.0 if from_logits else 0.5), y > 0.5)
        return ops.mean(ops.cast(agree, loss_dtype()), axis=-1)
    return -ops.mean(ops.square(y - predictions), axis=-1)
