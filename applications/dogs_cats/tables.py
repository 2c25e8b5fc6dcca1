"""The tables of the README."""

from applications.common.tables import header
from applications.common.tables import paired_difference
from applications.common.tables import percent
from applications.common.tables import points
from applications.common.tables import row

NAMES = {
    "plain": "plain",
    "weight_decay": "weight decay",
    "entropy": "functional entropy (Eq. 2)",
    "variance": "functional variance (Eq. 13)",
    "fisher": "Fisher information (Eq. 12)",
    "poincare": "Poincaré (Eq. 19)",
    "amsgrad": "AMSGrad",
    "noise": "noise (Eq. 6)",
}
PUBLISHED = {
    "tb1": {
        "plain": "79.22 ± 0.45",
        "weight_decay": "81.24 ± 0.23",
        "entropy": "92.92 ± 0.46",
        "variance": "93.38 ± 0.27",
        "fisher": "94.71 ± 0.37",
        "poincare": "94.43 ± 0.24",
    },
    "tb2": {
        "plain": "65.51 ± 1.54",
        "weight_decay": "68.47 ± 0.29",
        "entropy": "85.32 ± 0.41",
        "variance": "85.14 ± 0.29",
        "fisher": "88.11 ± 0.17",
        "poincare": "87.81 ± 0.31",
    },
}
"""The paper's Table 1c, after convergence."""
TITLES = {
    "tb1": "Trained on TB1 (bright dogs, dark cats), tested on TB2:",
    "tb2": "Trained on TB2 (dark dogs, bright cats), tested on TB1:",
}


def markdown(parts: dict[str, list[dict]]) -> str:
    """A table of each direction, and one of the strengths that were tried."""
    sections = []
    for train_on, title in TITLES.items():
        group = [run for run in parts["test"] if run["train_on"] == train_on]
        if group:
            sections += [title, results_table(group, PUBLISHED[train_on])]
    if parts["search"]:
        sections.append(search_table(parts["search"]))
    return "\n\n".join(sections)


def by_method(runs: list[dict]) -> dict[str, list[dict]]:
    """The runs of each method, in the order of the table."""
    groups = {
        method: [run for run in runs if run["method"] == method]
        for method in NAMES
    }
    return {method: group for method, group in groups.items() if group}


def results_table(runs: list[dict], published: dict[str, str]) -> str:
    lines = [
        header(
            "method",
            "paper, ResNet-18",
            "strength",
            "other set",
            "better than plain by",
            "best epoch",
            "own set",
            "own set, colors exchanged",
        )
    ]
    groups = by_method(runs)
    plain = by_seed(groups.get("plain", []))
    for method, group in groups.items():
        strength = group[0]["strength"]
        difference = paired_difference(by_seed(group), plain)
        lines.append(
            row(
                NAMES[method],
                published.get(method, ""),
                "" if strength is None else f"{strength:g}",
                percent(run["other_accuracy"] for run in group),
                "" if method == "plain" else points(difference),
                percent(run["other_accuracy_max"] for run in group),
                percent(run["own_accuracy"] for run in group),
                percent(run["exchanged_accuracy"] for run in group),
            )
        )
    return "\n".join(lines)


def by_seed(runs: list[dict]) -> dict[tuple, float]:
    return {(run["seed"],): run["other_accuracy"] for run in runs}


def search_table(runs: list[dict]) -> str:
    lines = [
        header(
            "trained on",
            "method",
            "strength",
            "own set",
            "own set, colors exchanged",
        )
    ]
    for train_on in TITLES:
        groups = by_method([r for r in runs if r["train_on"] == train_on])
        for method, group in groups.items():
            for run in sorted(group, key=lambda each: each["strength"] or 0.0):
                strength = run["strength"]
                lines.append(
                    row(
                        train_on.upper(),
                        NAMES[method],
                        "" if strength is None else f"{strength:g}",
                        percent([run["own_accuracy"]]),
                        percent([run["exchanged_accuracy"]]),
                    )
                )
    return "\n".join(lines)
