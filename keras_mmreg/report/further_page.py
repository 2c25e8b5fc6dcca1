"""The sections of a page that a report includes on demand."""

from collections.abc import Mapping
from html import escape

from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.charts import bar
from keras_mmreg.report.charts import curve
from keras_mmreg.report.charts import scale_of
from keras_mmreg.report.charts import signed_bar
from keras_mmreg.report.result import Result
from keras_mmreg.report.wording import cost_number
from keras_mmreg.report.wording import share_text
from keras_mmreg.report.wording import value_text

MAX_CLASSES = 50


def render_further(report: Result) -> str:
    """Returns a section for each included part, and none for the others."""
    parts = (
        _noise_curves(report),
        _subsets(report),
        _shapley(report),
        _baselines(report),
        _interaction(report),
        _information(report),
        _calibration(report),
        _per_class(report),
    )
    return "\n".join(part for part in parts if part)


def row(what: str, chart: str, number: str, cost: str = "") -> str:
    """Returns a row with a bar between its name and its number."""
    aside = f' <span class="cost">{cost}</span>' if cost else ""
    return (
        f'<div class="row"><span class="what">{escape(what)}</span>{chart}'
        f'<span class="number">{number}{aside}</span></div>'
    )


def _section(name: str, title: str, text: str, content: str) -> str:
    return (
        f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>'
        f"<p>{text}</p>{content}</section>"
    )


def _noise_curves(report: Result) -> str:
    if not report.noise_curves:
        return ""
    scale = scale_of(report)
    cards = "".join(
        f'<figure class="card"><figcaption><h3><code>{escape(name)}</code></h3>'
        f"{_ends(report, points)}</figcaption>"
        + curve(
            report,
            scale,
            [("0", report.intact), *points.items()],
            f"{report.metric} with noise on {name}",
        )
        + "</figure>"
        for name, points in report.noise_curves.items()
    )
    text = (
        "What Gaussian noise on one modality leaves, in standard deviations "
        "of its coordinates."
    )
    return _section(
        "noise", "Under noise", text, f'<div class="grid">{cards}</div>'
    )


def _ends(report: Result, points: Mapping[str, Measurement]) -> str:
    values = [report.intact, *points.values()]
    first, last = (
        value_text(report, each.value, 1) for each in (values[0], values[-1])
    )
    return f'<p class="eyebrow">{first} to {last}</p>'


def _bars(report: Result, values: Mapping[str, Measurement]) -> str:
    scale = scale_of(report)
    lines = "".join(
        row(
            name or "none",
            bar(report, scale, each, name or "none"),
            value_text(report, each.value, 1),
        )
        for name, each in values.items()
    )
    return f'<div class="card">{lines}</div>'


def _subsets(report: Result) -> str:
    if not report.subsets:
        return ""
    text = "What is left of the model with some modalities, the rest shuffled."
    return _section(
        "subsets", "Every subset", text, _bars(report, report.subsets)
    )


def _shapley(report: Result) -> str:
    if not report.shapley:
        return ""
    known = [each for each in report.shapley.values() if each.is_known]
    ends = [end for each in known for end in (each.value, each.low, each.high)]
    largest = max(map(abs, ends), default=0.0)
    lines = "".join(
        row(
            name,
            signed_bar(
                each, largest or 1.0, name, cost_number(report, each.value, 1)
            ),
            cost_number(report, each.value, 1),
        )
        for name, each in report.shapley.items()
    )
    text = (
        "What each modality adds to those already there, the mean over all "
        "orders (Shapley values). They add up to what all of them give."
    )
    return _section(
        "shapley", "Fair shares", text, f'<div class="card">{lines}</div>'
    )


def _baselines(report: Result) -> str:
    if not report.baselines:
        return ""
    text = (
        "A linear probe on one modality, on held-out folds. A probe that beats "
        "the model with that modality alone shows what the model leaves unread."
    )
    return _section(
        "baselines", "Linear probes", text, _bars(report, report.baselines)
    )


def _interaction(report: Result) -> str:
    if report.additive is None:
        return ""
    values = {"intact": report.intact, "without interaction": report.additive}
    text = (
        "The closest model in which the modalities only add up (EMAP). What it "
        "lacks needs the modalities together."
    )
    return _section("interaction", "Interaction", text, _bars(report, values))


def _information(report: Result) -> str:
    if not report.information:
        return ""
    lines = "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code></th>'
        f"<td>{share_text(share, 1)}</td></tr>"
        for name, share in report.information.items()
    )
    text = (
        "The share of the functional information: how strongly the prediction "
        "reacts to small noise. It says that a modality is used, not that it "
        "is used well."
    )
    return _section(
        "information",
        "Information",
        text,
        _table(("modality", "share"), lines),
    )


def _calibration(report: Result) -> str:
    if not report.calibration:
        return ""
    lines = "".join(
        f'<tr><th scope="row">{_shuffled(name)}</th>'
        f"<td>{share_text(error, 1, unit='')}</td></tr>"
        for name, error in report.calibration.items()
    )
    text = (
        "The expected calibration error: how far confidence is from accuracy, "
        "in points."
    )
    return _section(
        "calibration",
        "Calibration",
        text,
        _table(("with", "error, points"), lines),
    )


def _shuffled(name: str) -> str:
    if name == "intact":
        return "intact"
    return f"<code>{escape(name)}</code> shuffled"


def _per_class(report: Result) -> str:
    if not report.per_class:
        return ""
    lines = "".join(
        f'<tr><th scope="row">{each["class"]}</th><td>{each["count"]:,.0f}</td>'
        f"<td>{share_text(each['intact'], unit='')}</td>"
        + "".join(
            f"<td>{share_text(value, unit='')}</td>"
            for value in each["shuffled"].values()
        )
        + "</tr>"
        for each in report.per_class[:MAX_CLASSES]
    )
    names = [f"<code>{escape(name)}</code>" for name in report.modalities]
    text = (
        "The share predicted right, in percent: intact, and with one shuffled."
    )
    if len(report.per_class) > MAX_CLASSES:
        text += f" The first {MAX_CLASSES} of {len(report.per_class)} classes."
    header = ("class", "count", "intact", *names)
    return _section("classes", "Each class", text, _table(header, lines))


def _table(header: tuple[str, ...], lines: str) -> str:
    columns = "".join(f'<th scope="col">{name}</th>' for name in header)
    return (
        f'<div class="table"><table><thead><tr>{columns}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )
