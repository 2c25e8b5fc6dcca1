"""Pools features of any shape to a vector of moderate size."""

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
    """Returns a feature vector for each example, averaged if it were too long.

    Magnitudes above 1e15 are clipped to 1e15, so that their squares are finite.

    Up to 1,024 features are not averaged. If there are more, each channel is
    averaged over all positions if there are at least 16 channels, or if the
    number of positions varies. Otherwise as many neighboring features as
    necessary are averaged. Padding, if `x` has a mask, is left out of averages
    over all positions.

    Args:
        x: Tensor of shape `(batch, ..., channels)`.
        shape: The static shape of `x`, with `None` for sizes that vary.

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
    """Concatenates the pooled features of all tensors of a modality.

    Args:
        features: The tensors of a modality.
        symbols: The corresponding symbolic tensors, whose static shapes are
            used.

    Returns:
        Tensor of shape `(batch, size)`, at least in float32.
    """
    pooled = [
        pooled_features(x, symbol.shape)
        for x, symbol in zip(features, symbols, strict=True)
    ]
    return ops.concatenate(pooled, axis=-1)


def joined_size(symbols: Sequence[keras.KerasTensor]) -> int:
    """Returns the number of features that `joined_features` returns."""
    return sum(pooled_size(symbol.shape) for symbol in symbols)


def pooled_size(shape: tuple) -> int:
    """Returns the number of features that `pooled_features` returns.

    Raises:
        ValueError: If the number of channels is unknown.
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
