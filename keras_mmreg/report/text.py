"""Renders the report as text for a terminal."""

import textwrap

from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.judge import status
from keras_mmreg.report.result import Result
from keras_mmreg.report.wording import FILL_WORDS
from keras_mmreg.report.wording import by_cost
from keras_mmreg.report.wording import cost_number
from keras_mmreg.report.wording import counted
from keras_mmreg.report.wording import range_text
from keras_mmreg.report.wording import share_text
from keras_mmreg.report.wording import value_text

WIDTH = 79
MARKS = {"good": "+", "bad": "!", "note": "-"}


def summarize(report: Result) -> str:
    """Returns the findings, then the table of numbers behind them."""
    lines = [f'Modalities of "{report.model}"', ""]
    for finding in report.findings:
        lines += textwrap.wrap(
            f"{MARKS[finding.level]} {finding.text}",
            WIDTH,
            subsequent_indent="  ",
            break_long_words=False,
        )
    lines += ["", *_table(report), "", *_further(report)]
    return "\n".join([*lines, *textwrap.wrap(_footer(report), WIDTH)])


def rows(
    report: Result,
) -> list[tuple[str, str, Measurement]]:
    """Returns rows of intervention, modality, and measurement."""
    found = [("intact", "", report.intact)]
    for name in by_cost(report):
        found.append(("shuffled", name, report.shuffled[name]))
        if len(report.modalities) > 1:
            found.append(("alone", name, report.alone[name]))
        if name in report.unimodal:
            found.append(("a model of it only", name, report.unimodal[name]))
        for fill, results in report.missing.items():
            kind = f"missing ({FILL_WORDS[fill]})"
            found.append((kind, name, results[name]))
    return found


def _table(report: Result) -> list[str]:
    entries = []
    previous = None
    for kind, name, measurement in rows(report):
        shown = "" if name == previous else name
        previous = name
        cost = (
            "" if kind == "intact" else cost_number(report, measurement.cost, 1)
        )
        mark = status(report, name) if kind == "shuffled" else ""
        entries.append(
            (
                shown,
                kind,
                value_text(report, measurement.value, 1),
                range_text(report, measurement),
                cost,
                mark,
            )
        )
    percent = f"{100 * report.confidence:g}% interval"
    unit = "cost, points" if report.percent else "cost"
    header = ("modality", "", report.metric, percent, unit, "")
    table = [header, *entries]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = [_line(row, widths) for row in table]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    left = (True, True, False, False, False, True)
    return "  ".join(
        text.ljust(width) if is_left else text.rjust(width)
        for text, width, is_left in zip(row, widths, left, strict=True)
    ).rstrip()


def _further(report: Result) -> list[str]:
    """Returns a line for each included part."""
    lines = []
    if report.shapley:
        values = {n: each.value for n, each in report.shapley.items()}
        lines.append(_named(report, "Shapley values", values, cost_number))
    for name, curve in report.noise_curves.items():
        values = {f"{s} sd": each.value for s, each in curve.items()}
        lines.append(_named(report, f"Noise on {name}", values, value_text))
    if report.baselines:
        values = {n: each.value for n, each in report.baselines.items()}
        lines.append(_named(report, "Linear probes", values, value_text))
    if report.information:
        shares = [f"{n} {share_text(v)}" for n, v in report.information.items()]
        lines.append(f"Share of information: {', '.join(shares)}")
    if report.calibration:
        errors = [
            f"{name} {share_text(error, 1)}"
            for name, error in report.calibration.items()
        ]
        lines.append(f"Calibration error: {', '.join(errors)}")
    return [*lines, ""] if lines else []


def _named(report: Result, title: str, values: dict, text: object) -> str:
    parts = [f"{n} {text(report, v, 1)}" for n, v in values.items()]  # type: ignore[operator]
    return f"{title}: {', '.join(parts)}"


def _footer(report: Result) -> str:
    return " ".join(describe(report))


def describe(report: Result) -> list[str]:
    """Returns sentences on how the numbers were computed."""
    text = [counted(report.num_examples, "example")]
    if report.num_groups:
        text[0] += f" in {counted(report.num_groups, 'group')}"
    text[0] += f", {report.task}, {report.metric}"
    if report.chance is not None:
        text[0] += (
            f" (a constant answer has {value_text(report, report.chance)})"
        )
    text[0] += "."
    if report.methods:
        text.append(f"Trained with {', '.join(report.methods)}.")
    window = (
        "all examples"
        if report.window is None
        else f"windows of {report.window:,} examples"
    )
    drawn = "groups" if report.num_groups else "examples"
    text.append(
        f"Shuffled among {window}; alone means that the others are shuffled. "
        f"Cost: how much worse than intact. Intervals: "
        f"{100 * report.confidence:g}%, bootstrap over {drawn}. "
        f"{report.passes} passes over the data."
    )
    return text
