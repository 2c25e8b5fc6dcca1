"""What a cost means."""

from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.result import Result

FEW = 30
"""Below so many examples or groups, an interval is itself uncertain."""

NEGLIGIBLE = 0.02
"""A cost below this part of the score changes nothing for a user."""

MINOR = 0.25
"""A modality is beside the point if it costs this part of the dearest."""


def negligible(report: Result) -> float:
    """The cost below which nothing changes."""
    if report.percent:
        return NEGLIGIBLE
    known = report.chance if report.chance is not None else 0.0
    return NEGLIGIBLE * abs(report.intact.value - known)


def status(report: Result, name: str) -> str:
    """What the model does with a modality, in a word or two.

    Returns:
        `"relied on"`, `"used"`, `"redundant"`, `"ignored"`, `"misleading"` or
        `"unclear"`.
    """
    shuffled = report.shuffled[name]
    if shuffled.cost_high < 0:
        return "misleading"
    if shuffled.cost_low > 0 and shuffled.cost >= negligible(report):
        costs = [each.cost for each in report.shuffled.values()]
        others = sorted(costs)[:-1]
        alone = shuffled.cost == max(costs)
        rests = alone and others and others[-1] <= MINOR * shuffled.cost
        return "relied on" if rests else "used"
    if _suffices(report, name):
        return "redundant"
    # A gain that may be large is no sign of being ignored.
    small = is_small(report, shuffled)
    gains = shuffled.cost_low < -negligible(report)
    return "ignored" if small and not gains else "unclear"


def need_each_other(report: Result) -> bool:
    """Whether classes show from no modality alone: no training helps that."""
    if report.task != "classification" or report.chance is None:
        return False
    if report.higher_is_better:
        return all(e.low <= report.chance for e in report.alone.values())
    return all(e.high >= report.chance for e in report.alone.values())


def is_small(report: Result, measurement: Measurement) -> bool:
    """Whether a cost is negligible wherever in its interval it lies."""
    return measurement.cost_high <= negligible(report)


def _suffices(report: Result, name: str) -> bool:
    """Whether a modality alone does more than half of what all do."""
    if report.chance is None or len(report.modalities) < 2:
        return False
    alone = report.alone[name]
    whole = abs(report.intact.value - report.chance)
    above = alone.value - report.chance
    above = above if report.higher_is_better else -above
    return alone.low > report.chance and above > 0.5 * whole
