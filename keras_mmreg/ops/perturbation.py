"""Gaussian perturbations of a modality (Gat et al. 2020, Eq. 6)."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.backend import sum_over_batch
from keras_mmreg.backend import sum_over_replicas
from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.ops.numerics import LARGEST_SQUARED
from keras_mmreg.ops.numerics import sum_over_features
from keras_mmreg.types import Tensor


def noise_stddev(
    x: Tensor,
    stddev: str | float,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    over_replicas: bool = False,
) -> Tensor:
    """Returns the standard deviation of the noise for each coordinate of `x`.

    It sets the scale at which the model is probed and is not trained, so no
    gradient flows through it.

    Args:
        x: Float tensor of shape `(batch, ...)`.
        stddev: `"batch"` for the standard deviation of each coordinate over
            the batch (Eq. 6; a batch of one example uses `"example"` instead),
            `"example"` for the standard deviation of each example over its own
            coordinates, or a non-negative number.
        mask: Optional tensor of shape `x.shape[:k]` whose zeros mark padding,
            which is left out of the statistics.
        weight: Optional tensor of shape `(batch,)`. Examples of weight 0 are
            left out, too. So are missing values, which are NaN.
        over_replicas: Whether the statistics are over the parts of the batch on
            all devices that share it, each of which must then call this
            function. Defaults to `False`: over this device's part.

    Returns:
        Tensor that broadcasts against `x`. A coordinate that never varies has
        `0`, and so is not perturbed.
    """
    counted = _counted(x, mask, weight)
    if stddev == "batch":
        batch = ops.shape(x)[0]
        several = isinstance(batch, int) and batch > 1
        deviation = (
            _stddev(x, (0,), counted, over_replicas)
            if several and mask is None and weight is None
            else _stddev_over_batch(x, counted, over_replicas)
        )
    elif stddev == "example":
        deviation = _stddev(x, tuple(range(1, len(x.shape))), counted)
    else:
        deviation = ops.full((1,) * len(x.shape), stddev, dtype=x.dtype)
    return ops.stop_gradient(deviation)


def perturb(
    x: Tensor,
    stddev: Tensor,
    num_samples: int,
    seed: keras.random.SeedGenerator,
    mask: Tensor | None = None,
) -> Tensor:
    """Draws `num_samples` values `z ~ N(x, stddev^2)` for each example (Eq. 6).

    Args:
        x: Float tensor of shape `(batch, ...)`.
        stddev: Tensor that broadcasts against `x`.
        num_samples: Integer, the number of draws.
        seed: The seed generator of the noise.
        mask: Optional tensor of shape `x.shape[:k]` whose zeros mark padding,
            which is not perturbed.

    Returns:
        Tensor of shape `(num_samples * batch, ...)`, sample by sample.
    """
    shape = ops.shape(x)
    # With an axis of size 1, XLA would not access memory contiguously.
    samples = () if num_samples == 1 else (num_samples,)
    noise = keras.random.normal((*samples, *shape), dtype=x.dtype, seed=seed)
    noise = noise * stddev
    if mask is not None:
        noise = noise * align_mask(mask, x)
    return ops.reshape(x + noise, (num_samples * shape[0], *shape[1:]))


def repeat_samples(x: Tensor, num_samples: int) -> Tensor:
    """Repeats a batch and its mask, sample by sample as in `perturb`."""
    if num_samples == 1:
        return x
    repeated = ops.concatenate([x] * num_samples, axis=0)
    mask = mask_of(x)
    if mask is not None:
        mask = ops.concatenate([mask] * num_samples, axis=0)
    return with_mask(repeated, mask)


def take_examples(x: Tensor, indices: Tensor) -> Tensor:
    """Takes some examples of a batch, with their masks."""
    mask = mask_of(x)
    if mask is not None:
        mask = ops.take(mask, indices, axis=0)
    return with_mask(ops.take(x, indices, axis=0), mask)


def take(structure: Any, indices: Tensor) -> Any:
    """Takes some examples of all tensors in a structure; keeps `None`."""
    return keras.tree.map_structure(
        lambda x: None if x is None else take_examples(x, indices), structure
    )


def align_mask(mask: Tensor, x: Tensor) -> Tensor:
    """Casts a mask of shape `x.shape[:k]` so that it multiplies `x`."""
    missing_axes = (1,) * (len(x.shape) - len(mask.shape))
    return ops.reshape(
        ops.cast(mask, x.dtype), (*ops.shape(mask), *missing_axes)
    )


def _counted(x: Tensor, mask: Tensor | None, weight: Tensor | None) -> Tensor:
    """Returns 1 for each value that statistics include, else 0."""
    counted = ops.cast(ops.logical_not(ops.isnan(x)), x.dtype)
    if mask is not None:
        counted = counted * align_mask(mask, x)
    if weight is not None:
        counted = counted * align_mask(weight > 0, x)
    return counted


def _stddev_over_batch(
    x: Tensor, counted: Tensor, over_replicas: bool
) -> Tensor:
    over_batch = _stddev(x, (0,), counted, over_replicas)
    everything = tuple(range(len(x.shape)))
    over_example = _stddev(x, everything, counted, over_replicas)
    number = ops.sum(ops.cast(sum_over_features(counted) > 0, x.dtype))
    if over_replicas:
        number = sum_over_replicas(number)
    return ops.where(number > 1, over_batch, over_example)


def _stddev(
    x: Tensor,
    axis: tuple[int, ...],
    counted: Tensor,
    over_replicas: bool = False,
) -> Tensor:
    # Not `ops.std`, which takes four times as long on torch.
    deviation = x - _mean(x, axis, counted, over_replicas)
    # The square of a larger value could overflow.
    deviation = ops.clip(deviation, -LARGEST_SQUARED, LARGEST_SQUARED)
    squares = ops.square(deviation)
    return ops.sqrt(_mean(squares, axis, counted, over_replicas))


def _mean(
    x: Tensor, axis: tuple[int, ...], counted: Tensor, over_replicas: bool
) -> Tensor:
    present = ops.where(counted > 0, x, 0.0)
    total, count = _sum(present, axis), _sum(counted, axis)
    if over_replicas:
        total, count = sum_over_replicas(total), sum_over_replicas(count)
    return total / ops.maximum(count, 1.0)


def _sum(x: Tensor, axis: tuple[int, ...]) -> Tensor:
    if axis == (0,):
        return sum_over_batch(x)
    return ops.sum(x, axis=axis, keepdims=True)
