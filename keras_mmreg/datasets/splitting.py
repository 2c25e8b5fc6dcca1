"""Splits that keep groups, such as speakers or videos, together."""

import numpy as np


def hold_out_groups(
    groups: np.ndarray, share: float, seed: int = 0
) -> np.ndarray:
    """Marks approximately a share of the examples, in whole groups.

    Groups are drawn at random, until another one would move the result away
    from `share`. At least one group is taken unless `share` is 0, and at least
    one is left. The draw depends on the set of groups, not on the order of the
    examples.

    Args:
        groups: Array `(n,)`, the group of each example.
        share: Float in [0, 1).
        seed: Integer. Defaults to `0`.

    Returns:
        Boolean array `(n,)`.

    Example:

    >>> held_out = hold_out_groups(np.array([7, 7, 8, 8, 9, 9]), share=0.3)
    >>> int(held_out.sum())
    2
    """
    if not 0.0 <= share < 1.0:
        raise ValueError(
            "`validation_split` must be a share of the training set, at least "
            f"0 and less than 1. Received: validation_split={share}"
        )
    names, counts = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    reached = np.concatenate([[0], np.cumsum(counts[order])])
    number = int(np.abs(reached - share * len(groups)).argmin())
    number = min(max(number, int(share > 0.0)), len(names) - 1)
    return np.isin(groups, names[order[:number]])
