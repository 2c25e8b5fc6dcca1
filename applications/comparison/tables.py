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

ENSEMBLE = "ume"
"""The runs that have the nets of single modalities."""


class Row(NamedTuple):
    """What a method did on a problem."""

    problem: str
    method: str
    value: Any
    accuracy: list[float]
    columns: dict[str, list[float]]
    against_plain: Interval | None
    against_single: Interval | None
    cost: float | None


def report(runs: list[dict]) -> str:
    """A table for each problem that has runs of `test`."""
    tested = [run for run in runs if run["stage"] == "test"]
    names = dict.fromkeys((run["problem"], run["epochs"]) for run in tested)
    return "\n\n".join(table(*name, rows(*name, runs)) for name in names)


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
    gray = {"gray": "gray"} if problem.startswith("colored_mnist") else {}
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
    num_runs = max(len(each.accuracy) for each in found)
    lines = [
        f"{title}, {epochs} epochs, {num_runs} runs at most:\n",
        header(
            "method",
            "value",
            "accuracy",
            "over plain",
            "over the best single",
            *columns.values(),
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
