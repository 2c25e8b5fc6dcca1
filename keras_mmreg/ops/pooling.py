"""Features of any shape as a vector that is not too long."""

import math
from collections.abc import Sequence

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.ops.numerics import LARGEST_SQUARED
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.ops.numerics import weighted_mean
from keras_mmreg.ops.perturbation import align_mask
from keras_mmreg.types import Tensor

LARGEST_SIZE = 1024
FEW_CHANNELS = 16


def pooled_features(x: Tensor, shape: tuple) -> Tensor:
    """A vector for each example: the features, averaged where they are many.

    Values beyond 1e15 become that, so that their squares are finite.

    Up to 1,024 features stay as they are. Of more, all positions of each
    channel are averaged if there are at least 16 channels, or if the number of
    positions varies; otherwise as many neighbouring features as it takes.
    Padding, which `x` may have a mask of, is no part of what is averaged over
    all positions.

    Args:
        x: Tensor of shape `(batch, ..., channels)`.
        shape: The shape that is known before `x` is: `None` where it varies.

    Returns:
        Tensor of shape `(batch, pooled_size(shape))`, at least in float32.
    """
    shape = tuple(shape)
    mask = mask_of(x)
    x = ops.clip(at_least_float32(x), -LARGEST_SQUARED, LARGEST_SQUARED)
    if _averages_positions(shape):
        if mask is not None:
            mask = ops.ones_like(x) * align_mask(mask, x)
        return weighted_mean(x, mask, axis=tuple(range(1, len(shape) - 1)))
    size = math.prod(shape[1:])
    if size <= LARGEST_SIZE:
        return ops.reshape(x, (-1, size))
    length = math.ceil(size / LARGEST_SIZE)
    flat = ops.reshape(x, (-1, size))
    padding = -size % length
    flat = ops.pad(flat, ((0, 0), (0, padding)))
    bins = (size + padding) // length
    return ops.mean(ops.reshape(flat, (-1, bins, length)), axis=2)


def joined_features(
    features: Sequence[Tensor], symbols: Sequence[keras.KerasTensor]
) -> Tensor:
    """The pooled features of all tensors of a modality, side by side.

    Args:
        features: The tensors of a modality.
        symbols: Their symbols in the network, which know their shapes.

    Returns:
        Tensor of shape `(batch, size)`, at least in float32.
    """
    pooled = [
        pooled_features(x, symbol.shape)
        for x, symbol in zip(features, symbols, strict=True)
    ]
    return ops.concatenate(pooled, axis=-1)


def pooled_size(shape: tuple) -> int:
    """The number of features that `pooled_features` returns.

    Raises:
        ValueError: If the number of channels is not known.
    """
    shape = tuple(shape)
    if shape[-1] is None:
        raise ValueError(
            "The last axis of each modality's features has to be known. Give "
            "the input its shape, or pass `gate=None` to a method that has a "
            "gate. "
            f"Received: shape={shape}"
        )
    if _averages_positions(shape):
        return shape[-1]
    size = math.prod(shape[1:])
    if size <= LARGEST_SIZE:
        return size
    return math.ceil(size / math.ceil(size / LARGEST_SIZE))


def _averages_positions(shape: tuple) -> bool:
    if len(shape) < 3:
        return False
    if None in shape[1:-1]:
        return True
    many = math.prod(shape[1:]) > LARGEST_SIZE
    return many and shape[-1] >= FEW_CHANNELS
