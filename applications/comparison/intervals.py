"""Bootstrap intervals of paired differences between methods."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

NUM_RESAMPLES = 5000

ByRun = Mapping[int, Mapping[str, float]]
"""Accuracy by run, then by group of test examples."""


class Interval(NamedTuple):
    """A mean difference and the ends of its 95% interval."""

    mean: float
    low: float
    high: float


def paired_interval(first: ByRun, second: ByRun) -> Interval | None:
    """Of first - second over the runs and groups that both have.

    Runs are drawn with replacement. So are groups, where every run tests on
    the same ones (subjects, blocks of examples): both are drawn at once, for
    a subject who is hard in one run is hard in all. Where each run tests on
    groups of its own (a speaker a fold), drawing runs draws them, too.

    Args:
        first: The accuracies of one method.
        second: Those of the method that it is compared with.

    Returns:
        The interval, or `None` without a run in common. That of one run on
        one group has no ends.
    """
    differences = [
        {
            group: first[run][group] - second[run][group]
            for group in first[run].keys() & second[run].keys()
        }
        for run in sorted(first.keys() & second.keys())
    ]
    if not differences:
        return None
    groups = sorted(differences[0])
    if any(sorted(each) != groups for each in differences):
        table = np.array([[np.mean(list(d.values()))] for d in differences])
    else:
        table = np.array([[d[group] for group in groups] for d in differences])
    if table.size == 1:  # One number says nothing of how it varies.
        return Interval(float(table.mean()), -np.inf, np.inf)
    means = _resampled_means(table)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(table.mean()), float(low), float(high))


def _resampled_means(table: np.ndarray) -> np.ndarray:
    """The mean of the table with rows and columns drawn, again and again."""
    rng = np.random.default_rng(0)
    num_runs, num_groups = table.shape
    weights = [
        rng.multinomial(size, np.full(size, 1 / size), NUM_RESAMPLES) / size
        for size in (num_runs, num_groups)
    ]
    return np.einsum("br,rg,bg->b", weights[0], table, weights[1])
