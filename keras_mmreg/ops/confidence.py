"""How well predictions tell the label, corrected for chance."""

from collections.abc import Callable

from keras import ops

from keras_mmreg.types import Tensor


def chance_corrected_confidence(
    kind: str,
    predictions: Tensor,
    y: Tensor,
    mean: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """`(E[p(y)] - c) / (1 - c)`: 0 by chance, 1 if sure and right.

    The chance c is what a guess by the frequencies of the classes has on these
    examples, `sum_k q_k^2`. Several binary labels are averaged. For regression
    it is the share of variance explained, `R^2`.

    Args:
        kind: `"categorical"`, `"binary"` or `"regression"`.
        predictions: Tensor of shape `(batch, units)`, probabilities or values.
        y: Labels: integers of shape `(batch,)` or `(batch, 1)`, or a tensor
            like `predictions`.
        mean: The mean over the examples of a tensor `(batch, ...)`. Defaults
            to `None`: that of these.

    Returns:
        Scalar, at most 1.
    """
    mean = mean or _mean
    y = labels_like(predictions, kind, y)
    if kind == "regression":
        error = ops.sum(mean(ops.square(y - predictions)))
        spread = ops.sum(mean(ops.square(y - mean(y))))
        return 1.0 - error / ops.maximum(spread, 1e-12)
    frequencies = mean(y)
    if kind == "categorical":
        right = mean(ops.sum(y * predictions, axis=-1))
        chance = ops.sum(ops.square(frequencies))
    else:
        agreement = y * predictions + (1.0 - y) * (1.0 - predictions)
        right = mean(ops.mean(agreement, axis=-1))
        both = ops.square(frequencies) + ops.square(1.0 - frequencies)
        chance = ops.mean(both)
    # A batch of one class says nothing.
    return ops.where(
        chance < 1.0 - 1e-6,
        (right - chance) / ops.maximum(1.0 - chance, 1e-6),
        0.0,
    )


def labels_like(predictions: Tensor, kind: str, y: Tensor) -> Tensor:
    """Labels as a float tensor of the shape of predictions.

    Args:
        predictions: Tensor of shape `(batch, units)`.
        kind: `"categorical"`, `"binary"` or `"regression"`.
        y: Integer classes of shape `(batch,)` or `(batch, 1)`, or a tensor like
            `predictions`.
    """
    y = ops.convert_to_tensor(y)
    units = predictions.shape[-1]
    if kind == "categorical" and (len(y.shape) == 1 or y.shape[-1] != units):
        y = ops.one_hot(ops.cast(ops.reshape(y, (-1,)), "int32"), units)
    return ops.cast(ops.reshape(y, (-1, units)), predictions.dtype)


def right_predictions(kind: str, predictions: Tensor, y: Tensor) -> Tensor:
    """The share of right predictions; for regression minus the mean error.

    Args:
        kind: `"categorical"`, `"binary"` or `"regression"`.
        predictions: Tensor of shape `(batch, units)`: probabilities, logits of
            several classes, or values.
        y: Labels, as for `chance_corrected_confidence`.

    Returns:
        Scalar.
    """
    y = labels_like(predictions, kind, y)
    if kind == "categorical":
        agree = ops.equal(ops.argmax(predictions, -1), ops.argmax(y, -1))
        return ops.mean(ops.cast(agree, "float32"))
    if kind == "binary":
        agree = ops.equal(predictions > 0.5, y > 0.5)
        return ops.mean(ops.cast(agree, "float32"))
    return -ops.mean(ops.square(y - predictions))


def _mean(x: Tensor) -> Tensor:
    return ops.mean(x, axis=0)
