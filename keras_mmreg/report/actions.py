"""Recommends actions based on the findings of a report."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from keras_mmreg.report.judge import better_without
from keras_mmreg.report.judge import known_costs
from keras_mmreg.report.judge import need_each_other
from keras_mmreg.report.judge import negligible
from keras_mmreg.report.judge import status
from keras_mmreg.report.result import Finding
from keras_mmreg.report.result import Result
from keras_mmreg.report.wording import by_cost
from keras_mmreg.report.wording import listed

CALLS = {
    "shuffle": (
        "`RegularizedModel(inner, regularizers.ModalityShuffle({suspects}))`"
    ),
    "noise": '`RegularizedModel(inner, "noise"{taps})`',
    "mix": '`RegularizedModel(inner, "mix")`',
    "dropout": '`RegularizedModel(inner, "dropout"{taps})`',
}
"""How to train with each method."""

ADVICE: dict[str, tuple[str, dict[str, str]]] = {
    "rests": (
        "If `{subject}` is a shortcut, train with ",
        {
            "shuffle": "{call}",
            "noise": ", or with {call}, which needs no name",
            "mix": "; if every modality should suffice by itself, with {call}",
        },
    ),
    "fusion": (
        "If {others} may mislead, train with ",
        {
            "shuffle": "{call}",
            "mix": "; if that is not known, with {call}, which asks each "
            "modality to predict the label by itself",
        },
    ),
    "missing": (
        "If `{subject}` can be missing in use, train with ",
        {"dropout": "{call}", "mix": ", or {call}"},
    ),
}
"""The advice for each cause: a beginning, and what each method adds to it."""

IN_USE = (
    "The model was trained with {used} already: try other strengths on "
    "validation data, as `RegularizedHyperModel` does."
)

IDLE = (
    "The gates of {idle} are shut, as no modality predicts the label by "
    "itself: no strength of {it} changes anything."
)


def actions(
    report: Result, facts: Sequence[Finding], tie: bool
) -> list[Finding]:
    """Returns recommendations for the most important cause.

    Args:
        report: A report.
        facts: The findings of the report.
        tie: Whether the two highest costs of shuffling are not told apart.
    """
    cause = _cause(report, facts, tie)
    if cause is None or len(report.modalities) < 2:
        return []
    beginning, parts = ADVICE[cause.kind]
    refused = {*report.idle, *_senseless(report)}
    taps = {"taps": ', taps="auto"', None: ", taps={...}"}.get(
        report.noise_needs, ""
    )
    calls = {
        name: CALLS[name].format(suspects=_literal(cause.suspects), taps=taps)
        for name in parts
        if name not in refused
    }
    used = [name for name in calls if name in report.methods]
    unused = [name for name in calls if name not in used]
    sentences = [IN_USE.format(used=listed(used))] if used else []
    if unused and unused[0] == next(iter(calls)):  # The others only add to it.
        others = listed(cause.suspects)
        others = others or f"a modality other than `{cause.subject}`"
        sentences.append(
            beginning.format(subject=cause.subject, others=others)
            + "".join(parts[name].format(call=calls[name]) for name in unused)
            + (" instead." if used else ".")
        )
    if cause.rival and not used:
        sentences.append(cause.rival)
    found = [Finding("action", "note", " ".join(sentences))]
    if report.idle:
        it = "it" if len(report.idle) == 1 else "them"
        text = IDLE.format(idle=listed(report.idle), it=it)
        found.append(Finding("action", "note", text))
    return found


def _senseless(report: Result) -> list[str]:
    """Returns methods that the model does not support or would be harmed by."""
    if not report.takes_gate:
        return ["noise", "mix"]
    several = report.task == "multi-label classification"
    methods = []
    if several or report.noise_needs is None:  # One gate is for all labels.
        methods.append("noise")
    # A modality may explain a part of the labels; then averages are wrong.
    if several or report.task == "regression":
        methods.append("mix")
    return methods


class Cause(NamedTuple):
    """What a recommendation is for.

    Attributes:
        kind: A key of `ADVICE`.
        subject: The modality that it is about.
        suspects: The modalities that may mislead.
        rival: A sentence on the model that this one does not beat.
    """

    kind: str
    subject: str = ""
    suspects: Sequence[str] = ()
    rival: str = ""


def _cause(report: Result, facts: Sequence[Finding], tie: bool) -> Cause | None:
    bad = {fact.kind for fact in facts if fact.level == "bad"}
    dearest = by_cost(report)[0]
    rests = Cause("rests", dearest, [dearest])
    if bad & {"fusion", "misleading", "unimodal"}:
        return _harm_of_fusion(report)
    if status(report, dearest) == "relied on":
        return rests
    if need_each_other(report):
        return None
    if not tie and _takes_most(report, dearest):
        return rests
    if "missing" in bad:
        fill = next(iter(report.missing))
        costs = known_costs(report.missing[fill])
        return Cause("missing", max(costs, key=costs.__getitem__))
    return None


def _harm_of_fusion(report: Result) -> Cause:
    """Returns the suspects that the best score without fusion leaves out."""
    rivals = report.unimodal or report.alone
    known = known_costs(rivals)
    best = min(known or rivals, key=lambda name: rivals[name].cost)
    others = [name for name in report.modalities if name != best]
    harm = ("misleading", "harmful")
    harmful = [n for n in others if status(report, n) in harm]
    suspects = others if len(others) == 1 else harmful
    rival = f"Compare with a model of `{best}` alone."
    if report.unimodal:  # Compared already.
        better = report.unimodal[best].cost_high < 0
        rival = f"Or use the model of `{best}` alone." if better else ""
    cause = Cause("fusion", best, suspects, rival)
    lowest = known.get(best, math.inf)
    for fill, results in report.missing.items():
        name = better_without(report, fill)
        if name is not None and results[name].cost < lowest:
            lowest = results[name].cost
            rival = f"Compare with a model without `{name}`."
            cause = Cause("fusion", name, [name], rival)
    return cause


def _takes_most(report: Result, name: str) -> bool:
    """Returns whether `name` costs over half of the score, and others less."""
    if report.chance is None:
        return False
    above = abs(report.intact.value - report.chance)
    costs = known_costs(report.shuffled)
    own = costs.pop(name, 0.0)
    others = max(costs.values(), default=0.0)
    return own > 0.5 * above and own - others > negligible(report)


def _literal(names: Sequence[str]) -> str:
    """Returns a list of names as a Python literal."""
    quoted = [f'"{name}"' for name in names]
    return f"[{', '.join(quoted) or '...'}]"
