"""Noise at the points: the product measure of Gat et al. 2020, Eq. 6."""

from collections.abc import Mapping

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.ops.perturbation import noise_stddev
from keras_mmreg.ops.perturbation import perturb
from keras_mmreg.types import Tensor


def add_noise(
    points: Mapping[str, Tensor],
    scales: Mapping[str, Tensor | float],
    seed: keras.random.SeedGenerator,
    weight: Tensor | None = None,
) -> dict[str, Tensor]:
    """Draws `z ~ N(x, (scale * stddev)^2)` at each point.

    `stddev` is the standard deviation of each coordinate over the batch, even
    if several devices share the batch; each device draws its own noise.
    Padding, examples of weight 0 and missing values (NaN) are left out of
    `stddev`. Integers are not changed.

    Args:
        points: Dict of tensors of shape `(batch, ...)`.
        scales: Dict of a scalar for each tensor.
        seed: The seed generator of the noise.
        weight: Optional tensor of shape `(batch,)`, the examples' weights.

    Returns:
        Dict of tensors like `points`.
    """
    noisy = {}
    for name, x in points.items():
        dtype = keras.backend.standardize_dtype(x.dtype)
        if not keras.backend.is_float_dtype(dtype):
            noisy[name] = x
            continue
        mask = mask_of(x)
        clean = at_least_float32(x)
        stddev = noise_stddev(clean, "batch", mask, weight, True)
        stddev = stddev * ops.cast(scales[name], stddev.dtype)
        z = perturb(clean, stddev, 1, seed, mask)
        noisy[name] = with_mask(ops.cast(z, dtype), mask)
    return noisy
