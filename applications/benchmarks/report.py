"""Turns the results of the benchmark into Markdown tables."""

from collections.abc import Callable
from dataclasses import fields

from applications.benchmarks.results import by_machine
from applications.benchmarks.variants import ENCODER
from applications.benchmarks.variants import EXTRA_MODALITY
from applications.benchmarks.variants import LEFT_OUT
from applications.benchmarks.variants import SUBCLASSED
from applications.benchmarks.variants import WHOLE
from applications.benchmarks.variants import Setting
from applications.benchmarks.variants import Variant

Results = dict[tuple[Variant, Setting], dict]


def markdown(rows: list[dict]) -> str:
    """The tables of each backend and device, variants by settings."""
    sections = []
    for where, own in by_machine(rows).items():
        sections.append(f"### {where}")
        timed = _having("seconds_per_step", own)
        if timed:
            sections += [
                "Milliseconds per step where marked, else the ratio to the "
                "plain step and its quartiles over the rounds.",
                _table(timed, _time_cell, _derived_lines(timed)),
            ]
        weighed = _having("peak_memory_mib", own)
        if weighed:
            sections += [
                "Peak memory of the process, and above that of plain `fit`.",
                _table(weighed, _memory_cell),
            ]
    return "\n\n".join(sections)


def _having(name: str, rows: list[dict]) -> Results:
    return {
        (_pick(Variant, row), _pick(Setting, row)): row
        for row in rows
        if name in row
    }


def _pick(kind: type, row: dict) -> Setting | Variant:
    # Older results have no `method`.
    names = [field.name for field in fields(kind) if field.name in row]
    return kind(**{name: row[name] for name in names})


def _table(
    results: Results,
    cell: Callable[[dict], str],
    more_lines: tuple[list[str], ...] = (),
) -> str:
    variants = dict.fromkeys(variant for variant, _ in results)
    settings = _ordered({setting for _, setting in results})
    lines = [
        ["", *(setting.label for setting in settings)],
        ["---"] + ["---:"] * len(settings),
    ]
    for variant in variants:
        cells = [cell(results.get((variant, each), {})) for each in settings]
        if any(cells):
            lines.append([variant.label, *cells])
    lines += more_lines
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ordered(settings: set[Setting]) -> list[Setting]:
    """Small nets first, whatever the order of the files."""
    return sorted(
        settings,
        key=lambda each: (
            each.model != "small",
            -each.image_size,
            each.batch_size,
            each.modalities,
        ),
    )


def _time_cell(row: dict) -> str:
    if not row:
        return ""
    if _pick(Variant, row) in (Variant(), Variant(measure="evaluate")):
        return f"{1000 * row['seconds_per_step']:.1f} ms"
    low, high = row["ratio_quartiles"]
    return f"{row['ratio']:.2f} ({low:.2f} to {high:.2f})"


def _memory_cell(row: dict) -> str:
    if not row:
        return ""
    return (
        f"{row['peak_memory_mib']:.0f} MiB "
        f"({row['peak_memory_over_plain_mib']:+.0f})"
    )


def _derived_lines(results: Results) -> tuple[list[str], ...]:
    """What follows from several rows together, if they are there."""
    settings = _ordered({setting for _, setting in results})
    needed = (WHOLE, SUBCLASSED, LEFT_OUT, ENCODER)
    if not all((v, s) in results for v in needed for s in settings):
        return ()

    def seconds(variant: Variant, setting: Setting) -> float:
        return results[variant, setting]["seconds_per_step"]

    saved = [
        1 - seconds(WHOLE, setting) / seconds(SUBCLASSED, setting)
        for setting in settings
    ]
    extra = [
        (seconds(WHOLE, setting) - seconds(LEFT_OUT, setting))
        / seconds(ENCODER, setting)
        for setting in settings
    ]
    return (
        [
            "saved by reusing clean encodings",
            *(f"{value:.0%}" for value in saved),
        ],
        [
            f"regularizing `{EXTRA_MODALITY}` too, in plain steps of its own "
            "encoder",
            *(f"{value:.2f}" for value in extra),
        ],
    )
