"""What to do about what a report found."""

from collections.abc import Sequence

from keras_mmreg.report.judge import status
from keras_mmreg.report.result import Finding
from keras_mmreg.report.result import Result
from keras_mmreg.report.wording import by_cost
from keras_mmreg.report.wording import listed

CALLS = {
    "shuffle": (
        "`RegularizedModel(inner, regularizers.ModalityShuffle({suspects}))`"
    ),
    "noise": '`RegularizedModel(inner, "noise")`',
    "mix": '`RegularizedModel(inner, "mix")`',
    "dropout": '`RegularizedModel(inner, "dropout")`',
}
"""How to train with each method."""

ADVICE = {
    "rests": (
        ("shuffle", "noise", "mix"),
        "If `{subject}` is a shortcut, train with {shuffle}, or with {noise}, "
        "which needs no name; if every modality should suffice by itself, with "
        "{mix}.",
    ),
    "fusion": (
        ("shuffle", "mix"),
        "If {others} may mislead, train with {shuffle}; if that is not known, "
        "with {mix}, which asks of each modality to tell the label by itself. "
        "Compare with a model of `{subject}` alone.",
    ),
    "missing": (
        ("dropout", "mix"),
        "If `{subject}` can be missing in use, train with {dropout}, or {mix}.",
    ),
}
"""For each cause, the methods that help, the best one first, and a sentence."""

IN_USE = (
    "The model was trained with {used} already: try other strengths on "
    "validation data, as `RegularizedHyperModel` does{rest}."
)


def actions(report: Result, facts: Sequence[Finding]) -> list[Finding]:
    """What to do, once for the most important cause.

    Args:
        report: A report of a model that is better than chance.
        facts: What was found in it.
    """
    cause, subject, suspects = _cause(report, facts)
    if cause is None or len(report.modalities) < 2:
        return []
    methods, sentence = ADVICE[cause]
    calls = {
        name: CALLS[name].format(suspects=_literal(suspects))
        for name in methods
    }
    used = [name for name in methods if name in report.methods]
    if used:
        unused = [calls[name] for name in methods if name not in used]
        rest = f", or {' or '.join(unused)}" if unused else ""
        text = IN_USE.format(used=listed(used), rest=rest)
    else:
        others = listed(suspects) or "one of the others"
        text = sentence.format(subject=subject, others=others, **calls)
    return [Finding("action", "note", text)]


def _cause(
    report: Result, facts: Sequence[Finding]
) -> tuple[str | None, str, list[str]]:
    """The cause, the modality that it is about, and what may mislead."""
    bad = {fact.kind for fact in facts if fact.level == "bad"}
    dearest = by_cost(report)[0]
    if bad & {"fusion", "misleading", "unimodal"}:
        rivals = report.unimodal or report.alone
        best = min(rivals, key=lambda name: rivals[name].cost)
        others = [name for name in report.modalities if name != best]
        misleading = [n for n in others if status(report, n) == "misleading"]
        suspects = others if len(others) == 1 else misleading
        return "fusion", best, suspects
    if status(report, dearest) == "relied on":
        return "rests", dearest, [dearest]
    if "missing" in bad:
        fill = next(iter(report.missing))
        results = report.missing[fill]
        return "missing", max(results, key=lambda n: results[n].cost), []
    return None, dearest, []


def _literal(names: Sequence[str]) -> str:
    """A list of names as one writes it in Python."""
    quoted = [f'"{name}"' for name in names]
    return f"[{', '.join(quoted) or '...'}]"
