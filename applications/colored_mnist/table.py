"""Prints the tables of the README from results files.

python applications/colored_mnist/table.py results/*.json
"""

import argparse
import json
import pathlib
from collections import defaultdict

import numpy as np

NAMES = {
    "none": "none",
    "weight_decay": "weight decay",
    "entropy": "functional entropy (Eq. 2)",
    "variance": "functional variance (Eq. 13)",
    "fisher": "Fisher information (Eq. 12)",
    "poincare": "Poincaré (Eq. 19)",
    "gray": "trained on gray images",
}


def percent(values: list[float]) -> str:
    """Mean and sample standard deviation, in percent."""
    values = 100 * np.array(values)
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


def print_row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |")


def print_results(runs: list[dict]) -> None:
    by_method = defaultdict(list)
    for run in runs:
        by_method[run["method"]].append(run)
    print_row(
        "training",
        "gray, converged",
        "gray, best epoch",
        "at gray 0",
        "at gray 0.5",
        "at gray 1",
        "in colour",
        "share of the shape",
    )
    print_row("---", *["---:"] * 7)
    for method in sorted(by_method, key=list(NAMES).index):
        group = by_method[method]
        by_value = [run["gray_accuracy_converged_by_value"] for run in group]
        shares = [
            run["information"]["shape"] / sum(run["information"].values())
            for run in group
        ]
        print_row(
            NAMES[method],
            percent([run["gray_accuracy_converged"] for run in group]),
            percent([run["gray_accuracy_max"] for run in group]),
            *(
                percent([values[name] for values in by_value])
                for name in ("gray_0", "gray_0.5", "gray_1")
            ),
            percent([run["color_accuracy"] for run in group]),
            f"{np.mean(shares):.3f}",
        )


def print_selection(runs: list[dict]) -> None:
    by_setting = defaultdict(list)
    for run in runs:
        setting = run["method"], run["strength"] or 0.0, changes(run)
        by_setting[setting].append(run)
    print_row(
        "method", "strength", "seeds", "in colour", "colours permuted", "mean"
    )
    print_row("---", *["---:"] * 5)
    order = list(NAMES)
    for setting in sorted(
        by_setting, key=lambda key: (order.index(key[0]), *key[1:])
    ):
        method, strength, changed = setting
        group = by_setting[setting]
        print_row(
            NAMES[method] + changed,
            f"{strength:g}",
            str(len(group)),
            *(
                percent([run[name] for run in group])
                for name in ("color_accuracy", "permuted_accuracy", "criterion")
            ),
        )


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    runs = [
        run
        for path in parser.parse_args().results
        for run in json.loads(path.read_text())
    ]
    selection = [run for run in runs if "criterion" in run]
    results = [run for run in runs if "criterion" not in run]
    if selection:
        print_selection(selection)
    if results:
        print_results(results)


if __name__ == "__main__":
    main()
