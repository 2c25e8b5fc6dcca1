"""Pairing of examples of two data sets that share a label."""

import numpy as np


def draw_by_label(
    labels: np.ndarray, wanted: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Draws, for each wanted label, the index of an example with that label.

    Examples are drawn without replacement until none are left, and then from
    the beginning again.

    Args:
        labels: Int array `(n,)`, the labels of the examples.
        wanted: Int array `(m,)`.
        random: The source of randomness.

    Returns:
        Int64 array `(m,)`.

    Example:

    >>> random = np.random.default_rng(0)
    >>> draw_by_label(np.array([1, 0, 1]), np.array([0, 0]), random)
    array([1, 1])
    """
    drawn = np.empty(len(wanted), np.int64)
    for label in np.unique(wanted):
        (places,) = np.nonzero(wanted == label)
        (candidates,) = np.nonzero(labels == label)
        if not len(candidates):
            raise ValueError(
                f"no {label} among the {len(labels)} examples of a split"
            )
        rounds = -(-len(places) // len(candidates))
        order = [random.permutation(candidates) for _ in range(rounds)]
        drawn[places] = np.concatenate(order)[: len(places)]
    return drawn
