"""The data sets, and a small net for each, that studies of methods share."""

from applications.common.problems import av_digits
from applications.common.problems import colored_mnist
from applications.common.problems import easy_vqa
from applications.common.problems import text_numbers
from applications.common.problems import tweets
from applications.common.problems import uci_digits
from applications.common.problems import utd_mhad
from applications.common.problems import watch
from applications.common.problems.problem import Examples
from applications.common.problems.problem import Problem
from applications.common.problems.problem import Splits

PROBLEMS: dict[str, Problem] = {
    problem.name: problem
    for module in (
        colored_mnist,
        av_digits,
        utd_mhad,
        watch,
        uci_digits,
        tweets,
        text_numbers,
        easy_vqa,
    )
    for problem in module.PROBLEMS
}
"""Every problem by its name."""


def get(name: str) -> Problem:
    """A problem by its name.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in PROBLEMS:
        raise ValueError(
            f"`name` must be one of {sorted(PROBLEMS)}. Received: {name!r}"
        )
    return PROBLEMS[name]


__all__ = ["PROBLEMS", "Examples", "Problem", "Splits", "get"]
