"""The tables of the READMEs, from the runs of a results file."""

from collections import defaultdict

from applications.common.bias.methods import METHODS
from applications.common.tables import header
from applications.common.tables import paired_difference
from applications.common.tables import percent
from applications.common.tables import points
from applications.common.tables import row


def markdown(runs: list[dict]) -> str:
    """For each data set the search and the results."""
    sections = []
    for data in dict.fromkeys(run["data"] for run in runs):
        own = [run for run in runs if run["data"] == data]
        searched = [run for run in own if run["select"]]
        tested = [run for run in own if not run["select"]]
        if searched:
            sections.append(search_table(data, searched))
        if tested:
            sections.append(results_table(data, tested))
    return "\n\n".join(sections)


def by_method(runs: list[dict]) -> dict[str, list[dict]]:
    """The runs of each row, in the order in which rows first come."""
    groups: dict[str, list[dict]] = defaultdict(list)
    for run in runs:
        groups[run["method"]].append(run)
    return groups


def results_table(data: str, runs: list[dict]) -> str:
    """Accuracy, by answer type and with a modality shuffled."""
    groups = by_method(runs)
    columns = list(runs[0]["scores"])
    shuffled = list(
        dict.fromkeys(
            name for run in runs for name in run if name.startswith("shuffled")
        )
    )
    plain = accuracies(groups.get("plain", []))
    lines = [
        f"{data}, test, {max(map(len, groups.values()))} seeds:\n",
        header(
            "method",
            "strength",
            *columns,
            "over plain",
            *(name.replace("_", " ") for name in shuffled),
            "training",
        ),
    ]
    for method, group in groups.items():
        over = paired_difference(accuracies(group), plain)
        lines.append(
            row(
                METHODS[method].title,
                strength(group[0]),
                *(
                    percent((run["scores"][name] for run in group), digits=1)
                    for name in columns
                ),
                "" if method == "plain" else points(over),
                *(
                    percent([run[name] for run in group], digits=1)
                    if name in group[0]
                    else ""
                    for name in shuffled
                ),
                percent((run["training_accuracy"] for run in group), digits=1),
            )
        )
    return "\n".join(lines)


def accuracies(group: list[dict]) -> dict[tuple, float]:
    """The test accuracy of each run by its seed."""
    return {(run["seed"],): run["scores"]["accuracy"] for run in group}


def strength(run: dict) -> str:
    """A run's strength, or nothing."""
    value = run["strength"]
    return f"{value:g}" if isinstance(value, float) else value or ""


def search_table(data: str, runs: list[dict]) -> str:
    """The criterion of every strength."""
    lines = [
        f"{data}, the criterion on validation data, seed 0:\n",
        header("method", "strength", "criterion"),
    ]
    for method, group in by_method(runs).items():
        best = max(run["criterion"] for run in group)
        for run in sorted(group, key=by_strength):
            value = f"{100 * run['criterion']:.1f}"
            lines.append(
                row(
                    METHODS[method].title,
                    strength(run),
                    f"**{value}**" if run["criterion"] == best else value,
                )
            )
    return "\n".join(lines)


def by_strength(run: dict) -> float:
    """Where a run stands among others: "auto" comes first."""
    value = run["strength"]
    return 0.0 if value == "auto" else value
