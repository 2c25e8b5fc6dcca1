"""Masks of complementary and contradictory channels, channel shares and zeta.

References:
    - Tejero-de-Pablos, Complementary-Contradictory Feature Regularization
      against Multimodal Overfitting, WACV 2024: Eqs. 5-8.
"""

import itertools

import keras
from keras import ops

from keras_mmreg.types import Modalities
from keras_mmreg.types import Tensor


def binary_mask(weights: Modalities, threshold: float) -> dict[str, Tensor]:
    """Returns 1 where a channel's weight exceeds the threshold, else 0 (Eq. 6).

    If no weight exceeds the threshold, the channel with the largest weight (the
    first, if several are equal) is kept. This departs from the paper: the task
    cannot recover from a mask that is 0 everywhere, because no gradient passes.

    Args:
        weights: Dict from modality to a `(channels,)` tensor, Omega in the
            paper.
        threshold: Float, t in the paper.

    Returns:
        Dict from modality to a `(channels,)` tensor of zeros and ones.
    """
    largest = _is_largest(weights)
    return {
        name: ops.cast(
            ops.logical_or(weight > threshold, largest[name]), weight.dtype
        )
        for name, weight in weights.items()
    }


def ternary_mask(weights: Modalities, threshold: float) -> dict[str, Tensor]:
    """Returns 1 above the threshold, -1 below 0, and 0 between.

    The paper's text does not define this mask; the rule comes from the authors'
    code. It is not symmetric: a weight between `-threshold` and 0 already keeps
    its channel, with the sign flipped. If nothing else is kept, the channel
    with the largest weight is, as in `binary_mask`.

    Args:
        weights: Dict from modality to a `(channels,)` tensor.
        threshold: Non-negative float.

    Returns:
        Dict from modality to a `(channels,)` tensor of -1, 0 and 1.
    """
    below = {name: weight < 0.0 for name, weight in weights.items()}
    kept = {
        name: ops.logical_or(below[name], weight > threshold)
        for name, weight in weights.items()
    }
    nothing = ops.logical_not(
        ops.any(ops.concatenate([kept[name] for name in kept]))
    )
    largest = _is_largest(weights)
    return {
        name: ops.where(
            ops.logical_or(kept[name], ops.logical_and(nothing, largest[name])),
            ops.where(below[name], -1.0, 1.0),
            0.0,
        )
        for name in weights
    }


def dropout_mask(
    ones: Modalities, rate: float, seed: keras.random.SeedGenerator
) -> dict[str, Tensor]:
    """Returns a mask: 0 for random channels, `1 / (1 - rate)` for the others.

    Args:
        ones: Dict from modality to `(channels,)` ones.
        rate: Float in [0, 1), the probability of 0.
        seed: A seed generator.

    Returns:
        Dict from modality to a `(channels,)` tensor.
    """

    # Not `keras.random.dropout`: on torch it draws from torch's own state
    # if the generator was created without a seed.
    def drop(x: Tensor) -> Tensor:
        uniform = keras.random.uniform(x.shape, dtype="float32", seed=seed)
        return x * ops.cast(uniform >= rate, x.dtype) / (1.0 - rate)

    return {name: drop(ones[name]) for name in ones}


def _is_largest(weights: Modalities) -> dict[str, Tensor]:
    """Returns True for one channel of all modalities: the first largest."""
    joined = ops.concatenate([weights[name] for name in weights])
    # Not `ops.argmax`, parts of which OpenVINO does not support.
    places = ops.arange(joined.shape[0])
    first = ops.min(
        ops.where(joined == ops.max(joined), places, joined.shape[0])
    )
    largest, start = {}, 0
    for name, weight in weights.items():
        stop = start + weight.shape[0]
        largest[name] = places[start:stop] == first
        start = stop
    return largest


def mask_penalty(weights: Modalities) -> Tensor:
    """Returns the sum of all weights (Eq. 5 without its strength).

    It sums the real-valued weights, not the mask, because the l0 norm has no
    useful gradient.

    Args:
        weights: Dict from modality to a `(channels,)` tensor.

    Returns:
        A scalar.
    """
    return sum(ops.sum(weight) for weight in weights.values())


def complementary_shares(kept: Modalities) -> dict[str, Tensor]:
    """Returns each modality's kept channels, in percent of all channels.

    Eq. 6 prints `100/D`, but Eq. 8 (everything sums to 100) and Table 2
    (50 + 50 without a mask) divide by the channels of ALL modalities, as here.

    Args:
        kept: Dict from modality to a `(channels,)` tensor: 1 for a kept
            channel, 0 for a masked one, or the probability that the channel is
            kept.

    Returns:
        Dict from modality to a scalar between 0 and 100.

    Example:

    >>> import numpy as np
    >>> kept = {"image": np.array([1.0, 1.0, 0.0]), "audio": np.array([1.0])}
    >>> shares = complementary_shares(kept)
    >>> {name: float(share) for name, share in shares.items()}
    {'image': 50.0, 'audio': 25.0}
    """
    total = sum(mask.shape[0] for mask in kept.values())
    return {name: 100.0 * ops.sum(mask) / total for name, mask in kept.items()}


def contradictory_shares(kept: Modalities) -> dict[str, Tensor]:
    """Returns each modality's masked channels, in percent of all channels.

    Args:
        kept: As for `complementary_shares`.

    Returns:
        Dict from modality to a scalar. Together with the complementary shares,
        these sum to 100 (Eq. 8).
    """
    return complementary_shares({name: 1.0 - kept[name] for name in kept})


def complementarity(shares: Modalities) -> Tensor:
    """Returns zeta: how evenly modalities contribute, from 0 to 1 (Eq. 7).

    `zeta = min(shares) / max(shares)`. For more than two modalities this is
    the smallest of the pairwise values. It is 0 where the paper leaves it
    undefined: when no modality contributes, and, as in the single-modality
    rows of Table 2, when there is only one.

    Args:
        shares: Dict from modality to a scalar, e.g. its complementary share.

    Returns:
        A scalar.

    Example:

    >>> float(complementarity({"image": 5.0, "audio": 20.0}))
    0.25
    """
    stacked = _stacked(shares)
    if len(shares) < 2:
        return ops.zeros_like(stacked[0])
    return _ratio(ops.min(stacked), ops.max(stacked))


def pairwise_complementarity(shares: Modalities) -> dict[tuple, Tensor]:
    """Returns zeta of every pair of modalities (Eq. 7).

    Args:
        shares: Dict from modality to a scalar, e.g. its complementary share.

    Returns:
        Dict from `(name, other_name)`, in the order of `shares`, to a scalar.
    """
    stacked = dict(zip(shares, _stacked(shares), strict=True))
    return {
        (first, second): _ratio(
            ops.minimum(stacked[first], stacked[second]),
            ops.maximum(stacked[first], stacked[second]),
        )
        for first, second in itertools.combinations(shares, 2)
    }


def _stacked(shares: Modalities) -> Tensor:
    return ops.cast(ops.stack(list(shares.values())), "float32")


def _ratio(smaller: Tensor, larger: Tensor) -> Tensor:
    # 0 / 0, when both modalities are masked out, is defined as 0.
    return ops.divide_no_nan(smaller, larger)
