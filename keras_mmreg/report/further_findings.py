"""Findings from the parts of a report that are included on demand."""

import numpy as np

from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.judge import FEW
from keras_mmreg.report.judge import NEGLIGIBLE
from keras_mmreg.report.judge import known_costs
from keras_mmreg.report.judge import negligible
from keras_mmreg.report.judge import status
from keras_mmreg.report.result import Finding
from keras_mmreg.report.result import Result
from keras_mmreg.report.wording import against_text
from keras_mmreg.report.wording import interval_text
from keras_mmreg.report.wording import value_text


def baselines(report: Result) -> list[Finding]:
    """Reports probes that beat the model, a clear sign of a lost modality."""
    if not report.baselines:
        return []
    pick = max if report.higher_is_better else min
    best = pick(report.baselines, key=lambda n: report.baselines[n].value)
    if report.baselines[best].cost_high >= 0:
        return []  # Probes that a constant answer equals tell nothing.
    gap = report.baseline_gaps[best]
    scores = (gap.value, report.baselines[best].value)
    against = " against ".join(value_text(report, each) for each in scores)
    if gap.value != report.intact.value:
        against += " on the examples probed"
    found = [_unread(report, name) for name in report.baselines]
    if gap.cost_low > 0:
        text = f"The model does not reach a linear probe on `{best}`"
        level = "bad"
    elif gap.cost_high < 0:
        text = f"The model beats every linear probe; the best is on `{best}`"
        level = "good"
    else:
        text = f"The model is not shown to beat a linear probe on `{best}`"
        interval = interval_text(report, -gap.cost_high, -gap.cost_low)
        against += f", a difference of {interval}"
        level = "note"
    first = Finding("baseline", level, f"{text} ({against}).")
    return [first, *(each for each in found if each is not None)]


def _unread(report: Result, name: str) -> Finding | None:
    """Reports a modality that informs a probe, but not the model."""
    probe, alone = report.baselines[name], report.alone[name]
    best = alone.high if report.higher_is_better else alone.low
    more = _is_above(report, probe, best)
    informs = probe.cost_high < 0  # More than a constant answer.
    if not (more and informs and _reads_little(report, name)):
        return None
    text = (
        f"`{name}` could tell more than the model reads in it: a linear probe "
        f"has {value_text(report, probe.value)}, the model with it alone "
        f"{value_text(report, alone.value)}."
    )
    return Finding("unread", "bad", text)


def _reads_little(report: Result, name: str) -> bool:
    """Returns whether the model is not shown to read much in a modality.

    Of several that it uses, each has a low score alone, because the others
    contradict it when they are shuffled; but not as low as a constant answer.
    """
    if status(report, name) in ("ignored", "misleading", "unclear"):
        return True
    if report.chance is None or report.task == "regression":
        return False  # In a regression, the others' errors are added to it.
    return not _is_above(report, report.alone[name], report.chance)


def _is_above(report: Result, measurement: Measurement, value: float) -> bool:
    """Returns whether an interval lies entirely on the better side."""
    if report.higher_is_better:
        return measurement.low > value
    return measurement.high < value


def further(report: Result) -> list[Finding]:
    """Reports interaction, calibration, and the class that is hurt most."""
    found = []
    if report.additive is not None and report.additive.is_known:
        gap = report.additive
        against = against_text(report, gap)
        level = "note"
        if gap.cost_low > 0 and gap.cost >= negligible(report):
            text = (
                "The modalities are used together: without interaction, "
                f"{against}."
            )
        elif gap.cost_high < 0 and -gap.cost >= negligible(report):
            text = (
                "What the model makes of the modalities together misleads: "
                f"without interaction, {against}."
            )
            level = "bad"
        elif max(gap.cost_high, -gap.cost_low) <= 2 * negligible(report):
            text = (
                "The modalities' contributions need only add up: without "
                f"interaction, {against}."
            )
        else:
            text = f"It is unclear whether interaction is used ({against})."
        found.append(Finding("interaction", level, text))
    if report.calibration:
        intact = report.calibration["intact"]
        # Where shuffling does not lower the score, it is doubt that grows.
        costs = known_costs(report.shuffled)
        errors = {
            name: np.nan_to_num(report.calibration[name])
            for name, cost in costs.items()
            if cost > 0
        }
        worst = max(errors, key=errors.__getitem__, default="")
        error = errors.get(worst, 0.0)
        if error > intact + 0.05 and report.num_examples >= FEW:
            text = (
                f"With `{worst}` shuffled the model stays sure: its "
                f"calibration error grows from {100 * intact:.0f} to "
                f"{100 * error:.0f} points."
            )
            found.append(Finding("calibration", "bad", text))
    return found + _worst_class(report)


def _worst_class(report: Result) -> list[Finding]:
    losses = [
        (each["intact"] - value, name, each, value)
        for each in report.per_class
        for name, value in each["shuffled"].items()
        if each["count"] >= FEW and not np.isnan(value)
    ]
    if not losses:
        return []
    loss, name, each, value = max(losses, key=lambda entry: entry[0])
    if loss < 5 * NEGLIGIBLE:
        return []
    text = (
        f"Class {each['class']} needs `{name}` most: "
        f"{100 * each['intact']:.0f}% become {100 * value:.0f}%."
    )
    return [Finding("per_class", "note", text)]
