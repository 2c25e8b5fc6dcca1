"""Formats numbers for sentences."""

from collections.abc import Sequence

from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.judge import negligible
from keras_mmreg.report.result import Result

MAX_LISTED = 5
"""The most modalities that a sentence lists."""

FILL_WORDS = {
    "zero": "zeros",
    "mean": "its mean",
    "noise": "noise",
    "nan": "NaN",
}


def by_cost(report: Result) -> list[str]:
    """Returns the modalities by the cost of shuffling, the highest first.

    Those whose cost is unknown (NaN) come last.
    """
    costs = {name: each.cost for name, each in report.shuffled.items()}
    return sorted(
        costs, key=lambda name: (costs[name] != costs[name], -costs[name])
    )


def value_text(report: Result, value: float, digits: int = 0) -> str:
    """Formats a score: `"46%"`, or `"0.813"`."""
    if report.percent or value != value:
        return share_text(value + 0.0, digits)
    return f"{value:.3g}"


def share_text(share: float, digits: int = 0, unit: str = "%") -> str:
    """Formats a share: `"46%"`."""
    return "unknown" if share != share else f"{100 * share:.{digits}f}{unit}"


def cost_number(report: Result, cost: float, digits: int = 0) -> str:
    """Formats a difference of scores without unit: `"61"`, or `"0.61"`."""
    if cost != cost:
        return "unknown"
    if abs(cost) < 1e-4 * negligible(report):
        return "0"  # What rounding leaves.
    number = f"{100 * cost:.{digits}f}" if report.percent else f"{cost:.2g}"
    return number.removeprefix("-") if float(number) == 0 else number


def cost_text(report: Result, cost: float) -> str:
    """Formats a difference of scores: `"61 points"`, or `"0.61"`."""
    number = cost_number(report, cost)
    if not report.percent:
        return number
    return f"{number} point{'' if number in ('1', '-1') else 's'}"


def interval_text(
    report: Result, low: float, high: float, digits: int = 0
) -> str:
    """Formats an interval of costs: `"-1 to 3 points"`."""
    ends = [cost_number(report, end, digits) for end in (low, high)]
    if ends[0] == ends[1]:
        return cost_text(report, high)
    return " to ".join(ends) + (" points" if report.percent else "")


def cost_with_interval(report: Result, measurement: Measurement) -> str:
    """Formats a cost and its interval: `"3 points (1 to 5)"`."""
    ends = [
        cost_number(report, end)
        for end in (measurement.cost_low, measurement.cost_high)
    ]
    number = cost_text(report, measurement.cost)
    if set(ends) == {cost_number(report, measurement.cost)}:
        return number
    return f"{number} ({' to '.join(ends)})"


def range_text(report: Result, measurement: Measurement) -> str:
    """Formats the interval of a score: `"44.0 to 48.1"`."""
    if measurement.low != measurement.low:
        return ""
    low, high = (
        value_text(report, end, 1).removesuffix("%")
        for end in (measurement.low, measurement.high)
    )
    return f"{low} to {high}"


def listed(names: Sequence[str]) -> str:
    """Lists modalities in a sentence: "`a`, `b` and `c`"."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def against_text(
    report: Result, other: Measurement, differs: bool = False
) -> str:
    """Formats the intact score and another one: `"46% against 68%"`.

    With `differs`, scores that only rounding makes equal get one more digit.
    """
    values = (report.intact.value, other.value)
    for digits in (0, 1) if differs else (0,):
        first, second = (value_text(report, each, digits) for each in values)
        if first != second:
            break
    return f"{first} against {second}"


def counted(number: int, what: str) -> str:
    """Formats a count: `"1 group"`, or `"1,200 groups"`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def more_would_tell(report: Result) -> str:
    """Says what makes an interval narrower."""
    what = "groups" if report.num_groups else "examples"
    return f"More {what} would tell."
