"""Findings on why the numbers of a report may mean little."""

from collections.abc import Mapping
from typing import Any

from keras_mmreg.report.judge import FEW
from keras_mmreg.report.result import Finding
from keras_mmreg.report.result import Result
from keras_mmreg.report.wording import FILL_WORDS
from keras_mmreg.report.wording import counted
from keras_mmreg.report.wording import value_text

RARE = 0.8
"""The accuracy of a constant answer from which on other classes are rare."""

CHANGES = {
    "missing": "with {0} in place of `{1}`",
    "alone": "with `{0}` alone",
    "shuffled": "with `{0}` shuffled",
    "noise": "with noise in `{0}`",
}
"""What was changed, by what was measured."""


def broken(shares: Mapping[Any, float]) -> list[Finding]:
    """Reports predictions that are not finite, which make scores meaningless.

    Args:
        shares: Dict from what was measured to the share of such predictions.
    """
    if ("intact",) in shares:
        text = (
            f"{100 * shares['intact',]:.3g}% of the predictions are not finite "
            "(NaN or infinite): no number below means anything. Look for NaN "
            "in the data, and in the model's weights."
        )
        return [Finding("broken", "bad", text)]
    worst: dict[str, float] = {}
    for (kind, *words), share in shares.items():
        if kind in CHANGES:
            words = [FILL_WORDS.get(str(each), each) for each in words]
            change = CHANGES[kind].format(*words)
            worst[change] = max(share, worst.get(change, 0.0))
    if not worst:
        return []
    changes = [
        f"{change} ({100 * share:.3g}%)" for change, share in worst.items()
    ]
    text = (
        f"Predictions are not finite (NaN or infinite) {', '.join(changes)}, "
        "as of a text that is nothing but padding: these scores are unknown."
    )
    if any(name[:2] == ("missing", "nan") for name in shares):
        text += " A model takes NaN behind `layers.MissingModality` only."
    return [Finding("broken", "bad", text)]


def no_number(report: Result) -> Finding:
    """Reports a score that cannot be computed on these data."""
    text = (
        f"{report.metric} of these data is {report.intact.value:g}, no number "
        "to compare others with. Look for labels that are all the same, sample "
        "weights that are all 0, and a metric that divides by zero."
    )
    return Finding("broken", "bad", text)


def doubts(report: Result) -> list[Finding]:
    """Reports a model at chance level, and too few examples."""
    found = []
    intact = report.intact
    if report.chance is not None and intact.low <= report.chance:
        constant = (
            "the mean of the labels"
            if report.task == "regression"
            else "always the most frequent class"
        )
        worse = intact.high < report.chance
        verb = "does worse" if worse else "is not shown to be better"
        text = (
            f"The model {verb} than {constant}: "
            f"{report.metric} {value_text(report, intact.value)} "
            f"({value_text(report, intact.low)} to "
            f"{value_text(report, intact.high)}) against "
            f"{value_text(report, report.chance)}. What it uses says little."
        )
        if "accuracy" in report.metric and (worse or report.chance >= RARE):
            text += (
                " Where some classes are rare, accuracy is the wrong score, "
                "above all after training with class weights: "
            )
            text += (
                "pass another, such as `metric='auc'`."
                if report.task == "binary classification"
                else "look at `include=['per_class']`."
            )
        found.append(Finding("chance", "bad", text))
    count = report.num_groups or report.num_examples
    if count < FEW:
        what = counted(count, "group" if report.num_groups else "example")
        text = (
            f"Only {what}: the intervals are themselves uncertain. "
            f"Use at least {FEW}."
        )
        found.append(Finding("few", "note", text))
    return found
