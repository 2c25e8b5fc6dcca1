"""Charts of a report's page, as SVG.

Positions are in percent of the width, so that a chart adapts to the width of
the page while its lines and letters keep their size.
"""

from collections.abc import Sequence
from html import escape

from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.result import Result
from keras_mmreg.report.wording import value_text

HEIGHT = 22


class Scale:
    """Converts a score to percent of the width."""

    def __init__(self, report: Result, values: Sequence[float]) -> None:
        known = [value for value in values if value == value]
        if report.percent:
            self.low, self.high = 0.0, 1.0
        else:
            # The scores of a very bad model would squeeze all others together.
            floor = -1.0 if report.higher_is_better else 0.0
            self.low = max(min([0.0, *known]), floor)
            self.high = max([*known, self.low + 1e-9])
        if not report.percent and report.higher_is_better:
            self.high = max(self.high, 1.0)

    def __call__(self, value: float) -> float:
        """Returns the position in percent of the width, clipped to it."""
        part = (value - self.low) / (self.high - self.low)
        return 100.0 * min(max(part, 0.0), 1.0)


def scale_of(report: Result) -> Scale:
    """Returns the scale that all charts of a report share."""
    measurements = [
        report.intact,
        *report.shuffled.values(),
        *report.alone.values(),
        *(each for fill in report.missing.values() for each in fill.values()),
    ]
    return Scale(report, [each.value for each in measurements])


def bar(
    report: Result, scale: Scale, measurement: Measurement, label: str
) -> str:
    """Draws a score with its interval; lines mark intact and chance scores."""
    parts = ['<rect class="track" width="100%" height="100%" rx="3"/>']
    if measurement.is_known:
        parts.append(_fill(scale(0.0), scale(measurement.value)))
        parts += _whisker(scale, measurement)
    parts += _marks(report, scale)
    text = f"{label}: {value_text(report, measurement.value, 1)}"
    return _svg("".join(parts), text, HEIGHT)


def signed_bar(
    measurement: Measurement, largest: float, label: str, text: str
) -> str:
    """Draws a difference, right of a middle line if it is positive."""

    def place(value: float) -> float:
        return 50.0 + 50.0 * max(min(value / largest, 1.0), -1.0)

    parts = ['<rect class="track" width="100%" height="100%" rx="3"/>']
    if measurement.is_known:
        parts.append(_fill(50.0, place(measurement.value)))
        parts += _interval(place(measurement.low), place(measurement.high))
    parts.append('<line class="axis" x1="50%" x2="50%" y1="0" y2="100%"/>')
    return _svg("".join(parts), f"{label}: {text}", HEIGHT)


def _fill(start: float, stop: float) -> str:
    left, right = sorted([start, stop])
    return (
        f'<rect class="fill" x="{left:.2f}%" y="4" '
        f'width="{max(right - left, 0.3):.2f}%" height="{HEIGHT - 8}" rx="2"/>'
    )


def curve(
    report: Result,
    scale: Scale,
    points: Sequence[tuple[str, Measurement]],
    label: str,
) -> str:
    """Draws scores by the scale of the noise, with their intervals."""
    count = len(points)
    xs = [5.0 + 90.0 * place / max(count - 1, 1) for place in range(count)]
    known = [
        (x, each)
        for x, (_, each) in zip(xs, points, strict=True)
        if each.is_known
    ]
    places = [x for x, _ in known]
    measurements = [each for _, each in known]
    ys = [100.0 - scale(each.value) for each in measurements]
    upper = [100.0 - scale(each.high) for each in measurements]
    lower = [100.0 - scale(each.low) for each in measurements]
    band = [
        *zip(places, upper, strict=True),
        *reversed([*zip(places, lower, strict=True)]),
    ]
    chance = ""
    if report.chance is not None:
        y = 100.0 - scale(report.chance)
        chance = (
            f'<line class="chance" x1="0" x2="100" y1="{y:.2f}" y2="{y:.2f}"/>'
        )
    plot = (
        '<svg x="0" y="8" width="100%" height="120" viewBox="0 0 100 100" '
        'preserveAspectRatio="none" overflow="visible">'
        '<rect class="track" width="100" height="100"/>'
        f"{chance}"
        f'<polygon class="band" points="{_points(band)}"/>'
        '<polyline class="line" '
        f'points="{_points(zip(places, ys, strict=True))}"/>'
        "</svg>"
    )
    dots = "".join(
        f'<circle class="dot" cx="{x:.2f}%" cy="{8 + 1.2 * y:.1f}" r="3.5"/>'
        for x, y in zip(places, ys, strict=True)
    )
    ticks = "".join(
        f'<text class="tick" x="{x:.2f}%" y="146" text-anchor="middle">'
        f"{escape(name)}</text>"
        for x, (name, _) in zip(xs, points, strict=True)
    )
    values = ", ".join(
        f"{name}: {value_text(report, each.value)}" for name, each in points
    )
    return _svg(plot + dots + ticks, f"{label}. {values}", 152)


def ruler(report: Result, scale: Scale) -> str:
    """Draws the numbers of the scale."""
    steps = 5
    width = (scale.high - scale.low) / (steps - 1)
    texts = []
    for step in range(steps):
        value = scale.low + step * width
        anchor = {0: "start", steps - 1: "end"}.get(step, "middle")
        texts.append(
            f'<text class="tick" x="{scale(value):.2f}%" y="12" '
            f'text-anchor="{anchor}">{value_text(report, value)}</text>'
        )
    return (
        f'<svg class="chart" height="16" aria-hidden="true">'
        f"{''.join(texts)}</svg>"
    )


def _marks(report: Result, scale: Scale) -> list[str]:
    places = {"intact": report.intact.value}
    if report.chance is not None:
        places = {"chance": report.chance, **places}
    return [
        f'<line class="{style}" x1="{scale(value):.2f}%" '
        f'x2="{scale(value):.2f}%" y1="0" y2="100%"/>'
        for name, value in places.items()
        for style in ("halo", name)
    ]


def _whisker(scale: Scale, measurement: Measurement) -> list[str]:
    if measurement.low != measurement.low:
        return []
    return _interval(scale(measurement.low), scale(measurement.high))


def _interval(left: float, right: float) -> list[str]:
    middle = HEIGHT / 2
    lines = [(left, right, middle, middle)]
    lines += [(x, x, middle - 4, middle + 4) for x in (left, right)]
    return [
        f'<line class="whisker" x1="{a:.2f}%" x2="{b:.2f}%" '
        f'y1="{c:.1f}" y2="{d:.1f}"/>'
        for a, b, c, d in lines
    ]


def _points(pairs: object) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in pairs)  # type: ignore[attr-defined]


def _svg(content: str, label: str, height: int) -> str:
    return (
        f'<svg class="chart" height="{height}" role="img" '
        f'aria-label="{escape(label, quote=True)}">{content}</svg>'
    )
