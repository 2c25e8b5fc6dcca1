"""Interprets the costs in a report."""

import math
from collections.abc import Mapping

from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.result import Result

FEW = 30
"""With fewer examples or groups, an interval is itself uncertain."""

NEGLIGIBLE = 0.02
"""A cost below this part of the score makes no difference to a user."""

MINOR = 0.25
"""A modality is minor if its cost is at most this part of the largest."""


def known_costs(results: Mapping[str, Measurement]) -> dict[str, float]:
    """Returns the costs that are numbers; the others are inconclusive."""
    costs = {name: each.cost for name, each in results.items()}
    return {name: cost for name, cost in costs.items() if math.isfinite(cost)}


def negligible(report: Result) -> float:
    """Returns the cost below which a cost is negligible."""
    if report.percent:
        return NEGLIGIBLE
    if report.chance is not None:
        return NEGLIGIBLE * abs(report.intact.value - report.chance)
    # Of an error of nearly 0, no part says what matters.
    parts = (report.shuffled, report.alone, *report.missing.values())
    costs = [abs(c) for part in parts for c in known_costs(part).values()]
    return NEGLIGIBLE * max([abs(report.intact.value), *costs])


def status(report: Result, name: str) -> str:
    """Says how the model uses a modality, in a word or two.

    Returns:
        `"relied on"`, `"used"`, `"redundant"`, `"ignored"`, `"misleading"`,
        `"harmful"` (left out, it helps), `"unclear"`, or `"unknown"` if there
        is no number to judge by.
    """
    shuffled = report.shuffled[name]
    if math.isnan(shuffled.cost):
        return "unknown"
    if shuffled.cost_high < 0 and -shuffled.cost >= negligible(report):
        return "misleading"
    if shuffled.cost_low > 0 and shuffled.cost >= negligible(report):
        costs = known_costs(report.shuffled).values()
        others = sorted(costs)[:-1]
        alone = shuffled.cost == max(costs)
        rests = alone and others and others[-1] <= MINOR * shuffled.cost
        return "relied on" if rests else "used"
    if _suffices(report, name) or stands_in(report, name):
        return "redundant"
    if any(better_without(report, fill) == name for fill in report.missing):
        return "harmful"
    # A possibly large gain is no sign that the modality is ignored.
    small = is_small(report, shuffled)
    gains = shuffled.cost_low < -negligible(report)
    return "ignored" if small and not gains else "unclear"


def need_each_other(report: Result) -> bool:
    """Returns whether no modality alone beats chance; training cannot help."""
    kinds = ("classification", "binary classification")
    if report.task not in kinds or report.chance is None:
        return False
    if report.higher_is_better:
        return all(e.low <= report.chance for e in report.alone.values())
    return all(e.high >= report.chance for e in report.alone.values())


def better_without(report: Result, fill: str) -> str | None:
    """Returns the modality whose absence helps most, if one clearly does."""
    results = report.missing[fill]
    known = known_costs(results)
    if not known:
        return None
    name = min(known, key=known.__getitem__)
    gains = results[name].cost_high < 0
    return name if gains and -known[name] >= negligible(report) else None


def is_small(report: Result, measurement: Measurement) -> bool:
    """Returns whether a cost is negligible throughout its interval."""
    return measurement.cost_high <= negligible(report)


def stands_in(report: Result, name: str) -> str | None:
    """Returns how the other of two modalities is missing if `name` suffices.

    Shuffled, the other modality contradicts this one; left out, it does not.

    Returns:
        The replacement with which the model keeps over half of what it loses
        when the other modality is shuffled, or `None`.
    """
    if len(report.modalities) != 2 or report.unasked:
        return None
    (other,) = (each for each in report.modalities if each != name)
    shuffled = report.shuffled[other]
    if shuffled.cost_low <= 0 or shuffled.cost < negligible(report):
        return None
    costs = {fill: known_costs(r) for fill, r in report.missing.items()}
    kept = [
        fill
        for fill, known in costs.items()
        if known.get(other, math.inf) < 0.5 * shuffled.cost
    ]
    return kept[0] if kept else None


def _suffices(report: Result, name: str) -> bool:
    """Returns whether a modality alone achieves a good part of the score.

    It achieves less than it says, because the others contradict it.
    """
    if report.chance is None or len(report.modalities) < 2:
        return False
    alone = report.alone[name]
    whole = abs(report.intact.value - report.chance)
    above = alone.value - report.chance
    above = above if report.higher_is_better else -above
    return alone.low > report.chance and above > MINOR * whole
