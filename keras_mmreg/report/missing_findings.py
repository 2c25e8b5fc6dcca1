"""Findings on modalities that are missing."""

from keras_mmreg.report.judge import better_without
from keras_mmreg.report.judge import is_small
from keras_mmreg.report.judge import known_costs
from keras_mmreg.report.judge import negligible
from keras_mmreg.report.result import Finding
from keras_mmreg.report.result import Result
from keras_mmreg.report.wording import FILL_WORDS
from keras_mmreg.report.wording import MAX_LISTED
from keras_mmreg.report.wording import cost_with_interval
from keras_mmreg.report.wording import more_would_tell
from keras_mmreg.report.wording import value_text


def missing(report: Result) -> list[Finding]:
    """Reports what is lost, or gained, without each modality."""
    found = []
    for fill, results in report.missing.items():
        harmful = better_without(report, fill)
        if harmful is not None:
            found.append(_better_without(report, fill, harmful))
        # If predictions are not finite, their cost is unknown.
        known = known_costs(results)
        large = [n for n in known if not is_small(report, results[n])]
        large = sorted(large, key=lambda name: -results[name].cost)
        lost = [name for name in large if results[name].cost_low > 0]
        left_open = [name for name in large if name not in lost]
        if lost:
            found.append(_lost(report, fill, lost))
        if left_open:
            found.append(_maybe_lost(report, fill, left_open))
        if len(known) == len(results) and not large and harmful is None:
            each = "any one modality"
            if report.unasked or len(results) == 1:
                each = " or ".join(f"`{name}`" for name in results)
            text = f"With {FILL_WORDS[fill]} in place of {each} little is lost."
            found.append(Finding("missing", "good", text))
    return found


def _lost(report: Result, fill: str, names: list[str]) -> Finding:
    """Reports the loss without each modality, the largest first."""
    results = report.missing[fill]
    parts = [
        f"{value_text(report, results[name].value)} without `{name}`"
        for name in names[:MAX_LISTED]
    ]
    if len(names) > MAX_LISTED:
        parts.append("less without others")
    verb = "falls" if report.higher_is_better else "rises"
    text = (
        f"With {FILL_WORDS[fill]} in place of a modality, {report.metric} "
        f"{verb} from {value_text(report, report.intact.value)} to "
        f"{', '.join(parts)}."
    )
    much = results[names[0]].cost >= 5 * negligible(report)
    return Finding("missing", "bad" if much else "note", text)


def _maybe_lost(report: Result, fill: str, names: list[str]) -> Finding:
    """Reports the possible loss without each modality."""
    parts = [
        f"{cost_with_interval(report, report.missing[fill][name])} without "
        f"`{name}`"
        for name in names[:MAX_LISTED]
    ]
    text = (
        f"It is unclear what is lost with {FILL_WORDS[fill]} in place of a "
        f"modality: {', '.join(parts)}. {more_would_tell(report)}"
    )
    return Finding("missing", "note", text)


def _better_without(report: Result, fill: str, name: str) -> Finding:
    """Reports a modality whose absence helps."""
    verb = "rises" if report.higher_is_better else "falls"
    text = (
        f"With {FILL_WORDS[fill]} in place of `{name}`, {report.metric} {verb} "
        f"from {value_text(report, report.intact.value)} to "
        f"{value_text(report, report.missing[fill][name].value)}: the model "
        "does better without it."
    )
    much = -report.missing[fill][name].cost >= 5 * negligible(report)
    return Finding("misleading", "bad" if much else "note", text)
