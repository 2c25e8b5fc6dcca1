"""Renders the report as one self-contained HTML page."""

import re
from html import escape

from keras_mmreg.report.charts import bar
from keras_mmreg.report.charts import ruler
from keras_mmreg.report.charts import scale_of
from keras_mmreg.report.further_page import render_further
from keras_mmreg.report.further_page import row
from keras_mmreg.report.judge import status
from keras_mmreg.report.result import Finding
from keras_mmreg.report.result import Result
from keras_mmreg.report.style import STYLE
from keras_mmreg.report.text import describe
from keras_mmreg.report.text import rows
from keras_mmreg.report.wording import by_cost
from keras_mmreg.report.wording import cost_number
from keras_mmreg.report.wording import range_text
from keras_mmreg.report.wording import value_text
from keras_mmreg.version import __version__

_MARKS = {
    "good": ("✓", "Good: "),
    "bad": ("!", "Problem: "),
    "note": ("i", "Note: "),
}
_LEVELS = {
    "harmful": "bad",
    "ignored": "bad",
    "misleading": "bad",
    "used": "good",
}


def render(report: Result) -> str:
    """Returns a report's HTML: sentences, charts, table, how it was made."""
    title = f"Modality report: {escape(report.model)}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<p class="eyebrow">Modality report</p>
<h1>{escape(report.model)}</h1>
{_figures(report)}
</header>
<main>
{_findings(report)}
{_modalities(report)}
{render_further(report)}
{_table(report)}
</main>
{_footer(report)}
</body>
</html>
"""


def _figures(report: Result) -> str:
    figures = [
        (
            report.metric,
            value_text(report, report.intact.value, 1),
            f"{100 * report.confidence:g}% interval "
            f"{range_text(report, report.intact)}",
        )
    ]
    if report.chance is not None:
        figures.append(
            ("A constant answer", value_text(report, report.chance, 1), "")
        )
    groups = f"in {report.num_groups:,} groups" if report.num_groups else ""
    figures.append(("Examples", f"{report.num_examples:,}", groups))
    figures.append(("Modalities", f"{len(report.modalities)}", report.task))
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{value}"
        f"<small>{escape(detail)}</small></dd></div>"
        for name, value, detail in figures
    )
    return f'<dl class="figures">{items}</dl>'


def _findings(report: Result) -> str:
    facts = [each for each in report.findings if each.kind != "action"]
    actions = [each for each in report.findings if each.kind == "action"]
    items = "".join(_finding(each) for each in facts)
    advice = "".join(
        f'<p class="action"><strong>What to try</strong>{_prose(each.text)}</p>'
        for each in actions
    )
    return (
        '<section aria-labelledby="findings">'
        '<h2 id="findings">What was found</h2>'
        f'<ul class="findings">{items}</ul>{advice}</section>'
    )


def _finding(finding: Finding) -> str:
    mark, spoken = _MARKS[finding.level]
    return (
        f'<li class="{finding.level}"><span class="mark" aria-hidden="true">'
        f'{mark}</span><span><span class="hidden">{spoken}</span>'
        f"{_prose(finding.text)}</span></li>"
    )


def _prose(text: str) -> str:
    """Returns text as HTML, with backticks as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text, quote=False))


def _modalities(report: Result) -> str:
    scale = scale_of(report)
    cards = []
    for name in by_cost(report):
        found = [each for each in rows(report) if each[1] == name]
        bars = "".join(
            row(
                kind.capitalize(),
                bar(report, scale, each, f"{name} {kind}"),
                value_text(report, each.value, 1),
                _change(cost_number(report, -each.cost, 1)),
            )
            for kind, _, each in found
        )
        state = status(report, name)
        cards.append(
            '<article class="card"><header>'
            f"<h3><code>{escape(name)}</code></h3>"
            f'<span class="chip {_LEVELS.get(state, "note")}">{state}</span>'
            f"</header>{bars}"
            f'<div class="row ruler"><span class="what"></span>'
            f'{ruler(report, scale)}<span class="number"></span></div>'
            "</article>"
        )
    return (
        '<section aria-labelledby="modalities">'
        '<h2 id="modalities">What each modality does</h2>'
        f"{_legend(report)}{''.join(cards)}</section>"
    )


def _change(number: str) -> str:
    """Returns a number with its sign: `"+6.5"`; nothing if it is unknown."""
    if number == "unknown":
        return ""
    signed = number if number.startswith("-") else f"+{number}"
    return "0.0" if signed == "+0.0" else signed.replace("-", "−")


def _legend(report: Result) -> str:
    entries = [
        (
            '<rect class="fill" y="2" width="22" height="10" rx="2"/>',
            report.metric,
        ),
        (
            '<path class="whisker" d="M1 7h20M1 3v8M21 3v8" fill="none"/>',
            f"{100 * report.confidence:g}% interval",
        ),
        (
            '<line class="intact" x1="11" x2="11" y1="0" y2="14"/>',
            f"intact, {value_text(report, report.intact.value, 1)}",
        ),
    ]
    if report.chance is not None:
        entries.append(
            (
                '<line class="chance" x1="11" x2="11" y1="0" y2="14"/>',
                f"a constant answer, {value_text(report, report.chance, 1)}",
            )
        )
    items = "".join(
        f'<li><svg aria-hidden="true">{drawing}</svg>{escape(text)}</li>'
        for drawing, text in entries
    )
    return f'<ul class="legend">{items}</ul>'


def _table(report: Result) -> str:
    lines = []
    previous = None
    for kind, name, each in rows(report):
        first = ' class="first"' if name != previous else ""
        previous = name
        label = f"<code>{escape(name)}</code> {kind}" if name else "intact"
        cost = (
            f"<td>{cost_number(report, each.cost, 1)}<small>"
            f"{cost_number(report, each.cost_low, 1)} to "
            f"{cost_number(report, each.cost_high, 1)}</small></td>"
            if name
            else "<td></td>"
        )
        lines.append(
            f'<tr{first}><th scope="row">{label}</th>'
            f"<td>{value_text(report, each.value, 1)}"
            f"<small>{range_text(report, each)}</small></td>{cost}</tr>"
        )
    unit = "cost, points" if report.percent else "cost"
    return (
        '<section aria-labelledby="numbers"><h2 id="numbers">All numbers</h2>'
        '<div class="table"><table><caption>With '
        f"{100 * report.confidence:g}% intervals. The cost says how much "
        "worse it is than intact.</caption><thead><tr>"
        f'<th scope="col">What was done</th><th scope="col">'
        f'{escape(report.metric)}</th><th scope="col">{unit}</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></section>"
    )


def _footer(report: Result) -> str:
    terms = [
        (
            "Shuffled",
            "The modality is given to other examples: each of its values is "
            "one that the model knows, but it says nothing about the label.",
        ),
        (
            "Alone",
            "All other modalities are shuffled, each in an order of its own. "
            "A model trained on this modality alone may do better.",
        ),
        ("Missing", "The modality is replaced, as when it is not there."),
        (
            "Relied on, used, redundant, ignored, harmful",
            "Shuffling it costs far more than any other; costs something; "
            "costs nothing, but it tells something where the others do not; "
            "costs nothing, and it does not; costs nothing, and the model does "
            "better without it.",
        ),
    ]
    items = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in terms)
    made = " ".join(escape(each) for each in describe(report))
    return (
        f"<footer><h2>How it was measured</h2><p>{made}</p><dl>{items}</dl>"
        f"<p>keras_mmreg {__version__}</p></footer>"
    )
