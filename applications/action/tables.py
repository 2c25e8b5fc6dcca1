"""The tables of the README."""

import itertools
from collections import defaultdict
from collections.abc import Iterable

from applications.action.tasks import REGIMES
from applications.action.tasks import TASKS
from applications.action.training import MASKED
from applications.action.training import QUANTIZERS
from applications.common import tables
from applications.common.tables import header
from applications.common.tables import mean_and_deviation
from applications.common.tables import row

NAMES = {
    "first": "first modality",
    "second": "second modality",
    "single": "better of the two, by validation",
    "concat": "Multi = (i)",
    "dropout": "Drop.",
    "gated": "Gated",
    "cm_vqvae_unregularized": "without the term",
    "cm_vqvae": "Ours",
    "config_ii": "(ii) no mask",
    "config_iii": "(iii) no codes, no decoders",
}
TITLES = {
    "odd": "three people train",
    "two": "two people train",
}
STARTS = {
    "new": "new",
    "transfer": "transfer",
    "reset": "transfer, mask learned anew",
}
PROBED = ("complementary", "contradictory")

Pairs = dict[tuple, dict]
"""The runs of a method by fold and seed."""


def markdown(parts: dict[str, list[dict]]) -> str:
    """All tables, of the runs of each part of the study."""
    sections = []
    for task, regime in itertools.product(TASKS, REGIMES):
        runs = of(parts["accuracy"], task, regime)
        if runs:
            sections += [
                f"{TASKS[task].title}, {people(task, regime)}:",
                accuracy_table(task, runs),
            ]
    for name, table in (
        ("accuracy", separability_table),
        ("transfer", transfer_table),
        ("quantizers", quantizer_table),
        ("search", search_table),
    ):
        if parts[name]:
            sections.append(table(parts[name]))
    return "\n\n".join(sections)


def people(task: str, regime: str) -> str:
    """Who trains, in words."""
    if TASKS[task].knows_people:
        return TITLES[regime]
    return "three quarters of the clips train"


def of(runs: list[dict], task: str, regime: str) -> list[dict]:
    return [
        run for run in runs if (run["task"], run["regime"]) == (task, regime)
    ]


def by_method(runs: list[dict]) -> dict[str, Pairs]:
    groups: dict[str, Pairs] = defaultdict(dict)
    for run in runs:
        groups[run["method"]][run["fold"], run["seed"]] = run
    return groups


def percent(values: Iterable[float]) -> str:
    return tables.percent(values, digits=1)


def difference(first: Pairs, second: Pairs, field: str = "accuracy") -> str:
    """Mean of first - second in points, with its interval over folds."""
    of_pairs = [
        {pair: run[field] for pair, run in runs.items()}
        for runs in (first, second)
    ]
    return tables.points(tables.paired_difference(*of_pairs))


def kept(runs: list[dict], modality: str) -> str:
    """The share of kept channels, in percent of all."""
    return mean_and_deviation(
        (run["complementary"].get(modality) for run in runs), digits=1
    )


def better_single(groups: dict[str, Pairs]) -> Pairs:
    """For each pair the modality that validates better by itself."""
    first, second = groups["first"], groups["second"]
    return {
        pair: max(
            (first[pair], second[pair]),
            key=lambda run: run["validation_accuracy"],
        )
        for pair in first.keys() & second.keys()
    }


def accuracy_table(task: str, runs: list[dict]) -> str:
    """Tables 2 and 4."""
    modalities = TASKS[task].modalities
    lines = [
        header(
            "method",
            "accuracy",
            "last look",
            "Ours better by",
            *(f"{name} kept" for name in modalities),
            "zeta",
            "runs",
        )
    ]
    groups = by_method(runs)
    groups["single"] = better_single(groups)
    titles = dict(NAMES, first=modalities[0], second=modalities[1])
    for method, title in titles.items():
        group = list(groups[method].values())
        if not group:
            continue
        alone = method in ("first", "second", "single")
        lines.append(
            row(
                title,
                percent(run["accuracy"] for run in group),
                percent(run["accuracy_last"] for run in group),
                ""
                if method == "cm_vqvae"
                else difference(groups["cm_vqvae"], groups[method]),
                *(kept(group, name) for name in modalities),
                ""
                if alone
                else mean_and_deviation(run["zeta"] for run in group),
                f"{len(group)}",
            )
        )
    return "\n".join(lines)


def separability_table(runs: list[dict]) -> str:
    """Table 5, where both parts have channels."""
    lines = [
        header(
            "data",
            "method",
            "modality",
            "probe of",
            *PROBED,
            "difference",
            "runs with both parts",
        )
    ]
    probed = [run for run in runs if run.get("separability")]
    for task, regime in itertools.product(TASKS, REGIMES):
        groups = by_method(of(probed, task, regime))
        known = TASKS[task].knows_people
        labels = ("subject", "action") if known else ("action",)
        for method, modality, name in itertools.product(
            MASKED, TASKS[task].modalities, labels
        ):
            first, second = (
                {
                    pair: run["separability"][name][modality][part]
                    for pair, run in groups[method].items()
                    if None not in run["separability"][name][modality].values()
                }
                for part in PROBED
            )
            if first:
                lines.append(
                    row(
                        f"{TASKS[task].title}, {people(task, regime)}",
                        NAMES[method],
                        modality,
                        name,
                        percent(first.values()),
                        percent(second.values()),
                        tables.points(tables.paired_difference(first, second)),
                        f"{len(first)}",
                    )
                )
    return "\n".join(lines)


def transfer_table(runs: list[dict]) -> str:
    """Table 6, and what the term and the start are worth."""
    lines = [header("data", "method", "start", "accuracy", "last look", "zeta")]
    for task, method, start in itertools.product(TASKS, MASKED, STARTS):
        group = [
            run
            for run in runs
            if (run["task"], run["method"], run["start"])
            == (task, method, start)
        ]
        if group:
            lines.append(
                row(
                    TASKS[task].title,
                    NAMES[method],
                    STARTS[start],
                    percent(run["accuracy"] for run in group),
                    percent(run["accuracy_last"] for run in group),
                    mean_and_deviation(run["zeta"] for run in group),
                )
            )
    return "\n".join(lines)


def quantizer_table(runs: list[dict]) -> str:
    lines = [
        header(
            "data",
            "codes",
            "accuracy",
            "better than plain by",
            "first kept",
            "second kept",
            "zeta",
        )
    ]
    for task, name in itertools.product(TASKS, QUANTIZERS):
        groups = {
            each: by_method(
                [
                    run
                    for run in runs
                    if (run["task"], run["quantizer"]) == (task, each)
                ]
            )["cm_vqvae"]
            for each in ("plain", name)
        }
        group = list(groups[name].values())
        if group:
            lines.append(
                row(
                    TASKS[task].title,
                    name,
                    percent(run["accuracy"] for run in group),
                    ""
                    if name == "plain"
                    else difference(groups[name], groups["plain"]),
                    *(kept(group, each) for each in TASKS[task].modalities),
                    mean_and_deviation(run["zeta"] for run in group),
                )
            )
    return "\n".join(lines)


def search_table(runs: list[dict]) -> str:
    lines = [
        header("data", "strength", "held out, last look", "held out, best")
    ]
    for task, regime in itertools.product(TASKS, REGIMES):
        by_strength = defaultdict(list)
        for run in of(runs, task, regime):
            by_strength[run["strength"]].append(run)
        for strength, group in sorted(by_strength.items()):
            lines.append(
                row(
                    f"{TASKS[task].title}, {people(task, regime)}",
                    f"{strength:g}",
                    percent(run["validation_accuracy_last"] for run in group),
                    percent(run["validation_accuracy"] for run in group),
                )
            )
    return "\n".join(lines)
