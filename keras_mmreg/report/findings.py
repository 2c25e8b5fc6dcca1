"""Puts the numbers of a report into sentences."""

import math

from keras_mmreg.report.actions import actions
from keras_mmreg.report.doubts import doubts
from keras_mmreg.report.doubts import no_number
from keras_mmreg.report.further_findings import baselines
from keras_mmreg.report.further_findings import further
from keras_mmreg.report.judge import is_small
from keras_mmreg.report.judge import known_costs
from keras_mmreg.report.judge import need_each_other
from keras_mmreg.report.judge import negligible
from keras_mmreg.report.judge import stands_in
from keras_mmreg.report.judge import status
from keras_mmreg.report.missing_findings import missing
from keras_mmreg.report.result import Finding
from keras_mmreg.report.result import Result
from keras_mmreg.report.wording import FILL_WORDS
from keras_mmreg.report.wording import MAX_LISTED
from keras_mmreg.report.wording import against_text
from keras_mmreg.report.wording import by_cost
from keras_mmreg.report.wording import cost_number
from keras_mmreg.report.wording import cost_text
from keras_mmreg.report.wording import cost_with_interval
from keras_mmreg.report.wording import interval_text
from keras_mmreg.report.wording import listed
from keras_mmreg.report.wording import more_would_tell
from keras_mmreg.report.wording import value_text


def find(report: Result, rival: tuple[float, float] | None) -> list[Finding]:
    """Returns the findings of a report, the most important first.

    Args:
        report: A report without findings.
        rival: The interval of the difference between the two highest costs of
            shuffling a modality, or `None` if there is only one modality.

    Returns:
        List of `Finding`. If an interval leaves a question open, the finding
        says so.
    """
    if not math.isfinite(report.intact.value):
        return [no_number(report)]
    doubted = doubts(report)
    at_chance = any(doubt.level == "bad" for doubt in doubted)
    facts: list[Finding] = []
    if rival is None:
        facts += _only_one(report)
    else:
        facts += [_reliance(report, rival), *_unused(report)]
        facts += _fusion(report)
    facts += baselines(report)
    facts += missing(report)
    facts += further(report)
    harmed = any(
        fact.kind == "misleading" and fact.level == "bad" for fact in facts
    )
    if not at_chance or harmed:
        tie = rival is not None and rival[0] <= 0
        facts += actions(report, facts, tie)
    return (
        [*(doubted if at_chance else []), *facts]
        + ([] if at_chance else doubted)
        + _unasked(report)
        + _window(report)
    )


def _only_one(report: Result) -> list[Finding]:
    (name,) = report.modalities
    only = "asked for alone" if report.unasked else "the only modality"
    text = (
        f"`{name}` is {only}: the model has "
        f"{value_text(report, report.intact.value)} with it, and "
        f"{value_text(report, report.shuffled[name].value)} with it shuffled."
    )
    return [Finding("reliance", "note", text)]


def _reliance(report: Result, rival: tuple[float, float]) -> Finding:
    known = known_costs(report.shuffled)
    names = [name for name in by_cost(report) if name in known]
    if not names:
        text = "What the prediction rests on is unknown."
        return Finding("reliance", "note", text)
    first = names[0]
    costs = _costs(report, names)
    statuses = {name: status(report, name) for name in names}
    used = [name for name in names if statuses[name] in ("used", "relied on")]
    if not used:
        if any(each == "redundant" for each in statuses.values()):
            text = "no single modality is needed: the others make up for it."
            return Finding("reliance", "good", f"{costs}: {text}")
        if any(each == "misleading" for each in statuses.values()):
            text = "shuffling none of them is shown to do harm."
            return Finding("reliance", "bad", f"{costs}: {text}")
        return Finding(
            "reliance", "bad", f"{costs}: no modality is shown to be used."
        )
    if statuses[first] == "relied on" and rival[0] > 0:
        # Only a person knows whether this is a shortcut or as intended.
        among = "of these, " if report.unasked else ""
        text = f"{among}the prediction rests on `{first}`."
        return Finding("reliance", "note", f"{costs}: {text}")
    if len(used) == 1:
        text = f"the prediction uses `{first}`."
        return Finding("reliance", "note", f"{costs}: {text}")
    if rival[0] <= 0:
        text = (
            f"the prediction uses {listed(used)}; between `{first}` and "
            f"`{names[1]}` it is a tie (a difference of "
            f"{interval_text(report, *rival)})."
        )
        return Finding("reliance", "note", f"{costs}: {text}")
    text = f"the prediction uses {listed(used)}, most of all `{first}`."
    return Finding("reliance", "note", f"{costs}: {text}")


def _costs(report: Result, names: list[str]) -> str:
    """ "Shuffling `color` costs 61 points, `shape` 3"."""
    shown = names[:MAX_LISTED]
    first = cost_text(report, report.shuffled[shown[0]].cost)
    rest = [
        f"`{name}` {cost_number(report, report.shuffled[name].cost)}"
        for name in shown[1:]
    ]
    if len(names) > MAX_LISTED:
        most = report.shuffled[names[MAX_LISTED]].cost
        rest.append(f"others at most {cost_number(report, most)}")
    verb = "costs" if report.percent else f"worsens {report.metric} by"
    return ", ".join([f"Shuffling `{shown[0]}` {verb} {first}", *rest])


def _unused(report: Result) -> list[Finding]:
    return [
        finding
        for name in report.modalities
        if (finding := _unused_one(report, name)) is not None
    ]


def _unused_one(report: Result, name: str) -> Finding | None:
    shuffled = report.shuffled[name]
    cost = cost_with_interval(report, shuffled)
    alone = value_text(report, report.alone[name].value)
    kind = status(report, name)
    if kind == "ignored":
        text = f"`{name}` is ignored: shuffling it costs {cost}"
        text += f", and alone it gives {alone}."
        return Finding("ignored", "bad", text)
    if kind == "redundant":
        text = f"`{name}` is not needed (shuffling it costs {cost}), "
        fill = stands_in(report, name)
        if fill is None:
            text += f"though alone it gives {alone}: the others say the same."
        else:
            (other,) = (each for each in report.modalities if each != name)
            kept = value_text(report, report.missing[fill][other].value)
            text += (
                f"but replaces `{other}`: with {FILL_WORDS[fill]} in place of "
                f"that, {report.metric} is {kept}."
            )
        return Finding("redundant", "note", text)
    if kind == "misleading":
        gain = cost_text(report, -shuffled.cost)
        text = f"`{name}` misleads: shuffling it gains {gain}."
        return Finding("misleading", "bad", text)
    if kind == "unclear" and shuffled.cost_low > 0:
        text = f"`{name}` is used, but hardly: shuffling it costs {cost}."
        return Finding("unclear", "note", text)
    if kind == "unclear":
        text = (
            f"It is unclear whether `{name}` is used: shuffling it costs "
            f"{cost}. {more_would_tell(report)}"
        )
        return Finding("unclear", "note", text)
    return None


def _fusion(report: Result) -> list[Finding]:
    within = _fusion_within(report)
    if not report.unimodal:
        return [within]
    # One modality with the others shuffled is no fair comparison.
    return [_own_model(report), *([within] if within.level == "bad" else [])]


def _fusion_within(report: Result) -> Finding:
    known = known_costs(report.alone)
    if not known:
        text = "No score of a modality alone is known to compare fusion with."
        return Finding("fusion", "note", text)
    best = min(known, key=known.__getitem__)
    alone = report.alone[best]
    differs = alone.cost_high < 0 or alone.cost_low > 0
    against = against_text(report, alone, differs)
    matters = abs(alone.cost) >= negligible(report)
    if alone.cost_high < 0 and matters:
        text = f"Fusion does not beat `{best}` alone ({against})."
        return Finding("fusion", "bad", text)
    if alone.cost_low > 0 and not matters:
        text = f"Fusion hardly beats `{best}` alone ({against})."
        return Finding("fusion", "note", text)
    if alone.cost_low <= 0:
        interval = interval_text(report, alone.cost_low, alone.cost_high)
        text = (
            f"Fusion is not shown to beat `{best}` alone ({against}, a "
            f"difference of {interval})."
        )
        return Finding("fusion", "note", text)
    if need_each_other(report) and len(known) > 1:
        text = (
            "No modality alone does better than a constant answer "
            f"({against} at most): they have to be combined."
        )
        return Finding("fusion", "note", text)
    enough = _enough(report)
    if enough:
        text = f"{enough} Shuffled, that one contradicts it ({against})."
        return Finding("fusion", "note", text)
    text = (
        f"Fusion beats `{best}` alone ({against}) in this model. Pass "
        f"`unimodal` to compare with a model of `{best}` only"
    )
    if report.has_graph:
        text += ", which `keras_mmreg.models.single_modality_model` builds"
    return Finding("fusion", "note", f"{text}.")


def _enough(report: Result) -> str | None:
    """Says which of two modalities the model does without, if it does."""
    if len(report.modalities) != 2 or report.unasked:
        return None
    for fill, results in report.missing.items():
        spare = [n for n in results if is_small(report, results[n])]
        if spare:
            kept, lost = "Either modality", "the other"
            if len(spare) == 1:
                (kept,) = (f"`{n}`" for n in results if n not in spare)
                lost = f"`{spare[0]}`"
            return (
                f"{kept} is enough: with {FILL_WORDS[fill]} in place of {lost} "
                "little is lost."
            )
    return None


def _own_model(report: Result) -> Finding:
    known = known_costs(report.unimodal)
    if not known:
        text = "No score of a model of one modality only is known."
        return Finding("unimodal", "note", text)
    best = min(known, key=known.__getitem__)
    own = report.unimodal[best]
    differs = own.cost_high < 0 or own.cost_low > 0
    against = against_text(report, own, differs)
    if own.cost_high < 0 and -own.cost >= negligible(report):
        text = f"Fusion does not beat a model of `{best}` only ({against})."
        return Finding("unimodal", "bad", text)
    if own.cost_low <= 0:
        interval = interval_text(report, own.cost_low, own.cost_high)
        text = (
            f"Fusion and a model of `{best}` only are a tie ({against}, a "
            f"difference of {interval})."
        )
        return Finding("unimodal", "note", text)
    text = f"Fusion beats a model of `{best}` only ({against})."
    within = report.alone[best]
    sign = 1 if report.higher_is_better else -1
    if sign * (within.value - own.value) > negligible(report):
        text += (
            f" That model does worse than this one with `{best}` alone "
            f"({value_text(report, within.value)}): was it trained?"
        )
        return Finding("unimodal", "note", text)
    return Finding("unimodal", "good", text)


def _unasked(report: Result) -> list[Finding]:
    if not report.unasked:
        return []
    text = (
        f"Not asked for: {listed(report.unasked)}, shuffled where a modality "
        "is alone, and left unchanged elsewhere."
    )
    return [Finding("caveat", "note", text)]


def _window(report: Result) -> list[Finding]:
    if report.window is None or report.num_examples <= report.window:
        return []
    text = (
        f"The data are a stream: shuffled within windows of {report.window:,} "
        "examples, not as a whole. If neighbors in the stream are alike, "
        "shuffling costs less than it should."
    )
    return [Finding("window", "note", text)]
