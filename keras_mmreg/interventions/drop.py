"""Replaces modalities by an uninformative value."""

import math
from collections.abc import Mapping

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.ops.numerics import mean_over_batch
from keras_mmreg.ops.perturbation import align_mask
from keras_mmreg.types import Tensor


def draw_kept(
    num_modalities: int,
    batch_size: int | Tensor,
    rate: float,
    seed: keras.random.SeedGenerator,
    never_none: bool = True,
) -> Tensor:
    """Draws which modalities of which examples are kept.

    Each is dropped with probability `rate`. Where that would drop all of an
    example's modalities, the one with the largest draw is kept. Pass
    `never_none=False` if the model has other modalities that are never dropped.

    Returns:
        Float tensor of shape `(batch_size, num_modalities)` of 0 and 1.
    """
    draws = keras.random.uniform((batch_size, num_modalities), seed=seed)
    kept = draws >= rate
    if never_none:
        largest = ops.equal(draws, ops.max(draws, axis=-1, keepdims=True))
        kept = ops.logical_or(kept, largest)
    return ops.cast(kept, loss_dtype())


def drop(
    x: Tensor,
    kept: Tensor,
    value: str | float | Tensor = "zero",
    weight: Tensor | None = None,
) -> Tensor:
    """Replaces a modality in the examples where it is not kept.

    Args:
        x: Tensor of shape `(batch, ...)`.
        kept: Tensor of shape `(batch,)`, 1 where an example is kept, else 0.
        value: `"zero"`, `"mean"` (the mean of the batch without padding,
            through which no gradient passes) or a tensor that broadcasts
            against `x`. Integers become 0. Defaults to `"zero"`.
        weight: Optional tensor of shape `(batch,)`: the weight of each example
            in the mean.

    Returns:
        Tensor like `x`, with the mask of `x`.
    """
    dtype = keras.backend.standardize_dtype(x.dtype)
    replacement = ops.zeros((), dtype)
    if keras.backend.is_float_dtype(dtype) and not isinstance(value, str):
        replacement = ops.cast(value, dtype)
    elif keras.backend.is_float_dtype(dtype) and value == "mean":
        replacement = ops.cast(_mean_of_known(x, weight), dtype)[None]
    keep = align_mask(kept, x) > 0
    return with_mask(ops.where(keep, x, replacement), mask_of(x))


def drop_others(
    points: Mapping[str, Tensor],
    leaves: Mapping[str, str],
    modality: str,
    value: str = "zero",
    weight: Tensor | None = None,
) -> dict[str, Tensor]:
    """Keeps one modality and replaces all others in every example.

    Args:
        points: Dict of tensors of shape `(batch, ...)`.
        leaves: The modality of each tensor.
        modality: The name of the modality to keep.
        value: See `drop`. Defaults to `"zero"`.
        weight: See `drop`.

    Returns:
        Dict of tensors like `points`.
    """
    return {
        leaf: x
        if leaves[leaf] == modality
        else drop(x, ops.zeros((ops.shape(x)[0],)), value, weight)
        for leaf, x in points.items()
    }


def _mean_of_known(x: Tensor, weight: Tensor | None) -> Tensor:
    """Returns each coordinate's batch mean, without padding and NaN."""
    mask = mask_of(x)
    x = at_least_float32(ops.stop_gradient(x))
    known = ops.logical_not(ops.isnan(x))
    if mask is not None:
        known = ops.logical_and(known, align_mask(mask, x) > 0)
    total = mean_over_batch(ops.where(known, x, 0.0), weight)
    count = mean_over_batch(ops.cast(known, x.dtype), weight)
    return ops.divide_no_nan(total, count)


def doubt_zeros(logs: Mapping[str, float]) -> dict[str, str]:
    """Returns a warning for a loss that zeros may have made NaN, or none."""
    if math.isfinite(logs.get("loss", 0.0)):
        return {}
    return {
        "zeros": "The loss is not finite. Modalities are dropped by zeros, at "
        "which some layers have no gradient, such as a `UnitNormalization`, "
        "which divides by a norm. If plain training is finite, pass "
        "`value='mean'`."
    }
