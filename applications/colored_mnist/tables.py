"""The tables of the README."""

from collections import defaultdict

import numpy as np

from applications.common.tables import header
from applications.common.tables import percent
from applications.common.tables import row

NAMES = {
    "none": "none",
    "weight_decay": "weight decay",
    "entropy": "functional entropy (Eq. 2)",
    "variance": "functional variance (Eq. 13)",
    "fisher": "Fisher information (Eq. 12)",
    "poincare": "Poincaré (Eq. 19)",
    "gray": "trained on gray images",
}


def markdown(runs: list[dict]) -> str:
    """One table of the runs on validation data, one of those on test data."""
    selection = [run for run in runs if "criterion" in run]
    results = [run for run in runs if "criterion" not in run]
    sections = []
    if selection:
        sections.append(selection_table(selection))
    if results:
        sections.append(results_table(results))
    return "\n\n".join(sections)


def results_table(runs: list[dict]) -> str:
    by_method = defaultdict(list)
    for run in runs:
        by_method[run["method"]].append(run)
    lines = [
        header(
            "training",
            "gray, converged",
            "gray, best epoch",
            "at gray 0",
            "at gray 0.5",
            "at gray 1",
            "in color",
            "share of the shape",
        )
    ]
    for method in sorted(by_method, key=list(NAMES).index):
        group = by_method[method]
        by_value = [run["gray_accuracy_converged_by_value"] for run in group]
        shares = [
            run["information"]["shape"] / sum(run["information"].values())
            for run in group
        ]
        lines.append(
            row(
                NAMES[method],
                percent(run["gray_accuracy_converged"] for run in group),
                percent(run["gray_accuracy_max"] for run in group),
                *(
                    percent(values[name] for values in by_value)
                    for name in ("gray_0", "gray_0.5", "gray_1")
                ),
                percent(run["color_accuracy"] for run in group),
                f"{np.mean(shares):.3f}",
            )
        )
    return "\n".join(lines)


def selection_table(runs: list[dict]) -> str:
    by_setting = defaultdict(list)
    for run in runs:
        setting = run["method"], run["strength"] or 0.0, changes(run)
        by_setting[setting].append(run)
    lines = [
        header(
            "method",
            "strength",
            "seeds",
            "in color",
            "colors permuted",
            "mean",
        )
    ]
    order = list(NAMES)
    for setting in sorted(
        by_setting, key=lambda key: (order.index(key[0]), *key[1:])
    ):
        method, strength, changed = setting
        group = by_setting[setting]
        lines.append(
            row(
                NAMES[method] + changed,
                f"{strength:g}",
                str(len(group)),
                *(
                    percent(run[name] for run in group)
                    for name in (
                        "color_accuracy",
                        "permuted_accuracy",
                        "criterion",
                    )
                ),
            )
        )
    return "\n".join(lines)


def changes(run: dict) -> str:
    """What a run did to the penalty or the optimizer on the way."""
    words = ""
    if run.get("penalty_epochs") is not None:
        words += f", ends after {run['penalty_epochs']} epochs"
    for epoch in run.get("restart_optimizer", []):
        words += f", Adam restarts after {epoch} epochs"
    if run.get("amsgrad"):
        words += ", AMSGrad"
    if run["epochs"] > 30:
        words += f", {run['epochs']} epochs"
    return words
