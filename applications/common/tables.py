"""Markdown tables: means with deviations, and paired differences."""

import functools
import math
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping

import numpy as np

NUM_RESAMPLES = 2000


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def header(*cells: str) -> str:
    """The head of a table, numbers to the right."""
    return f"{row(*cells)}\n{row('---', *['---:'] * (len(cells) - 1))}"


def mean_and_deviation(
    values: Iterable[float], scale: float = 1.0, digits: int = 2
) -> str:
    """Mean and sample standard deviation; values that are not finite count
    as missing.
    """
    array = np.array(list(values), dtype=float)
    array = scale * array[np.isfinite(array)]
    if not len(array):
        return "none"
    if len(array) == 1:
        return f"{array[0]:.{digits}f}"
    return f"{array.mean():.{digits}f} ± {array.std(ddof=1):.{digits}f}"


def percent(values: Iterable[float], digits: int = 2) -> str:
    """The same for parts of 1, in percent."""
    return mean_and_deviation(values, 100.0, digits)


def paired_difference(
    first: Mapping[tuple, float], second: Mapping[tuple, float]
) -> tuple[float, float, float] | None:
    """Mean of first - second over the pairs that both have, and its interval.

    The 95% interval is the bootstrap's: groups are drawn, then the pairs
    within them, because the runs of a group (a fold, a subject) share more
    than chance.

    Args:
        first: The value of each run, by a tuple that starts with its group.
        second: The same of what it is compared with.

    Returns:
        The mean and the ends of the interval, or `None` without a pair.
    """
    by_group = defaultdict(list)
    for pair in sorted(first.keys() & second.keys()):
        by_group[pair[0]].append(first[pair] - second[pair])
    if not by_group:
        return None
    sizes = tuple(map(len, by_group.values()))
    differences = np.concatenate(list(by_group.values()))
    means = _resampling_weights(sizes) @ differences
    low, high = np.percentile(means, [2.5, 97.5])
    return float(differences.mean()), float(low), float(high)


@functools.cache
def _resampling_weights(sizes: tuple[int, ...]) -> np.ndarray:
    """What each of the pairs, group by group, counts in each mean."""
    random = np.random.default_rng(0)
    starts = np.cumsum((0, *sizes))
    weights = np.zeros((NUM_RESAMPLES, starts[-1]))
    for row in weights:
        for group in random.integers(len(sizes), size=len(sizes)):
            size = sizes[group]
            # Drawing one of one takes time, but no random number.
            drawn = random.integers(size, size=size) if size > 1 else 0
            np.add.at(row, starts[group] + drawn, 1.0)
        row /= row.sum()
    return weights


def points(difference: tuple[float, float, float] | None) -> str:
    """A paired difference of parts of 1, in percentage points."""
    if difference is None:
        return "none"
    mean, low, high = (100 * value for value in difference)
    if not math.isfinite(low):
        return f"{mean:+.1f}"  # Of a single number.
    return f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]"
