"""The tables of the README, from the runs of a results file."""

import functools
from collections.abc import Iterable
from typing import Any
from typing import NamedTuple

import numpy as np

from applications.common import problems
from applications.common.tables import header
from applications.common.tables import percent
from applications.common.tables import points
from applications.common.tables import row
from applications.comparison.intervals import Interval
from applications.comparison.intervals import paired_interval
from applications.comparison.methods import METHODS

MARKS = {True: " ▲", False: " ▼", None: ""}
"""An interval that is above 0, below 0, or neither."""

ENSEMBLE = "ume"
"""The runs that have the nets of single modalities."""


class Row(NamedTuple):
    """What a method did on a problem.

    `headline` is the gain over plain training in what the problem is about:
    the accuracy in gray where there is one, otherwise `accuracy`.
    """

    problem: str
    method: str
    value: Any
    accuracy: list[float]
    columns: dict[str, list[float]]
    against_plain: Interval | None
    against_single: Interval | None
    headline: Interval | None
    cost: float | None


def report(runs: list[dict]) -> str:
    """A table for each problem that has runs of `test`."""
    tested = [run for run in runs if run["stage"] == "test"]
    names = dict.fromkeys((run["problem"], run["epochs"]) for run in tested)
    found = {name: rows(*name, runs) for name in names}
    parts = [table(*name, of_problem) for name, of_problem in found.items()]
    return "\n\n".join([summary(found), *parts])


def summary(found: dict[tuple[str, int], list[Row]]) -> str:
    """Points over plain training, a row for each method, in Markdown.

    Args:
        found: The rows of each problem, by its name and epochs.
    """
    titles = [heading(name, epochs) for name, epochs in found]
    by_method = [
        {each.method: each for each in of_problem}
        for of_problem in found.values()
    ]
    lines = [header("points over plain", *titles)]
    for name, method in METHODS.items():
        cells = [_summary_cell(each.get(name)) for each in by_method]
        if any(cells):
            lines.append(row(method.title, *cells))
    return "\n".join(lines)


def _summary_cell(found: Row | None) -> str:
    """A gain over plain training; the accuracy of plain training itself."""
    if found is None:
        return ""
    if found.method == "plain":
        gray = found.columns.get("gray")
        shown = gray if shows_gray(found.problem) and gray else found.accuracy
        return percent(shown, digits=1)
    if found.headline is None:
        return ""
    mean, low, high = (100 * value for value in found.headline)
    above = True if low > 0 else False if high < 0 else None
    return f"{mean:+.1f}{MARKS[above]}"


def heading(name: str, epochs: int) -> str:
    """What a column is of: a problem, and its epochs where not its own."""
    problem = problems.get(name)
    own = "" if epochs == problem.epochs else f", {epochs} epochs"
    return problem.title + own + (" (gray)" if shows_gray(name) else "")


def shows_gray(problem: str) -> bool:
    """Whether a problem is about digits in gray."""
    return problem.startswith("colored_mnist")


def rows(problem: str, epochs: int, runs: list[dict]) -> list[Row]:
    """A problem's rows, in the order of `METHODS`."""
    ours = [
        run
        for run in runs
        if (run["problem"], run["epochs"]) == (problem, epochs)
    ]
    by_method = {
        name: {run["seed"]: run for run in _of(ours, "test", name)}
        for name in METHODS
    }
    plain = by_method["plain"]
    single = best_single(problem, ours)
    return [
        _row(problem, name, found, plain, by_method[ENSEMBLE], single)
        for name, found in by_method.items()
        if found
    ]


def best_single(problem: str, runs: list[dict]) -> str | None:
    """The modality whose own net is best on validation data."""
    selected = _of(runs, "select", ENSEMBLE)
    if not selected:
        return None
    names = [f"single_{name}" for name in problems.get(problem).modalities]
    means = {
        name: np.mean([run["accuracy"][name] for run in selected])
        for name in names
    }
    return max(means, key=lambda name: means[name])


def _of(runs: Iterable[dict], stage: str, method: str) -> list[dict]:
    return [
        run for run in runs if (run["stage"], run["method"]) == (stage, method)
    ]


def _row(
    problem: str,
    method: str,
    found: dict[int, dict],
    plain: dict[int, dict],
    ensemble: dict[int, dict],
    single: str | None,
) -> Row:
    runs = list(found.values())
    columns = dict.fromkeys(
        name for run in runs for name in run["accuracy"] if name != "intact"
    )
    groups = functools.partial(_by_group, found, "intact")
    headline = "gray" if shows_gray(problem) else "intact"
    return Row(
        problem,
        method,
        runs[0]["value"],
        [run["accuracy"]["intact"] for run in runs],
        {
            name: [
                run["accuracy"][name] for run in runs if name in run["accuracy"]
            ]
            for name in columns
        },
        None
        if method == "plain"
        else paired_interval(groups(), _by_group(plain, "intact")),
        paired_interval(groups(), _by_group(ensemble, single))
        if single
        else None,
        None
        if method == "plain"
        else paired_interval(
            _by_group(found, headline), _by_group(plain, headline)
        ),
        _cost(found, plain),
    )


def _by_group(runs: dict[int, dict], column: str) -> dict[int, dict]:
    return {seed: run["by_group"][column] for seed, run in runs.items()}


def _cost(found: dict[int, dict], plain: dict[int, dict]) -> float | None:
    """The median time of a step, in plain ones of the same seeds."""
    ratios = [
        found[seed]["milliseconds_per_step"]
        / plain[seed]["milliseconds_per_step"]
        for seed in found.keys() & plain.keys()
        if found[seed]["milliseconds_per_step"]
        and plain[seed]["milliseconds_per_step"]
    ]
    return float(np.median(ratios)) if ratios else None


def shown_columns(problem: str) -> dict[str, str]:
    """The columns beside accuracy, and their heads."""
    names = problems.get(problem).modalities
    suspects = problems.get(problem).suspects
    gray = {"gray": "gray"} if shows_gray(problem) else {}
    alone = {f"alone_{name}": f"{name} alone" for name in names}
    shuffled = {
        f"shuffled_{name}": f"{name} shuffled"
        for name in suspects
        if len(names) > 2  # Of two, the other one is alone.
    }
    return gray | alone | shuffled


def table(problem: str, epochs: int, found: list[Row]) -> str:
    """The rows of a problem in Markdown."""
    columns = shown_columns(problem)
    title = problems.get(problem).title
    lines = [
        f"{title}, {epochs} epochs:\n",
        header(
            "method",
            "value",
            "accuracy",
            "over plain",
            "over the best single",
            *columns.values(),
            "runs",
            "cost",
        ),
    ]
    for each in found:
        lines.append(
            row(
                METHODS[each.method].title,
                "" if each.value is None else str(each.value),
                percent(each.accuracy, digits=1),
                "" if each.method == "plain" else points(each.against_plain),
                points(each.against_single),
                *(
                    percent(each.columns.get(name, []), digits=1)
                    for name in columns
                ),
                str(len(each.accuracy)),
                "" if each.cost is None else f"{each.cost:.2f}",
            )
        )
    singles = _singles(found)
    return "\n".join(lines + singles)


def _singles(found: list[Row]) -> list[str]:
    """One line on the nets of single modalities."""
    texts = [
        f"{name.removeprefix('single_')} {percent(values, digits=1)}"
        for each in found
        for name, values in each.columns.items()
        if name.startswith("single_")
    ]
    return [f"\nTrained on one modality: {', '.join(texts)}."] if texts else []
