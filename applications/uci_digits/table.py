"""Prints the tables of the README from results files.

python applications/uci_digits/table.py results/*.json
"""

import argparse
import json
import pathlib

import numpy as np

NAMES = {
    "fourier": "`fourier` alone",
    "profile": "`profile` alone",
    "karhunen_loeve": "`karhunen_loeve` alone",
    "pixels": "`pixels` alone",
    "zernike": "`zernike` alone",
    "morphological": "`morphological` alone",
    "concat": "concatenated",
    "dropout": "dropout",
    "gated": "gated",
    "cm_vqvae_unregularized": "CM-VQVAE, strength 0",
    "cm_vqvae": "CM-VQVAE",
}
VIEWS = list(NAMES)[:6]


def mean_and_deviation(values: list[float], scale: float = 1.0) -> str:
    """Mean and sample standard deviation."""
    values = scale * np.array(values)
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


def print_row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |")


def print_results(runs: list[dict]) -> None:
    print_row("method", "accuracy", *(f"`{view}`" for view in VIEWS), "zeta")
    print_row("---", *["---:"] * 8)
    for method, name in NAMES.items():
        group = [run for run in runs if run["method"] == method]
        if not group:
            continue
        cells = [mean_and_deviation([run["accuracy"] for run in group], 100)]
        if "shares" in group[0]:
            cells += [
                mean_and_deviation([run["shares"][view] for run in group])
                for view in VIEWS
            ]
            cells.append(mean_and_deviation([run["zeta"] for run in group]))
        else:
            cells += [""] * 7
        print_row(name, *cells)


def print_selection(runs: list[dict]) -> None:
    print_row("strength", "validation accuracy", "kept channels", "zeta")
    print_row("---", *["---:"] * 3)
    for strength in sorted({run["strength"] for run in runs}):
        group = [run for run in runs if run["strength"] == strength]
        kept = [sum(run["shares"].values()) for run in group]
        print_row(
            f"{strength:g}",
            mean_and_deviation([run["accuracy"] for run in group], 100),
            mean_and_deviation(kept),
            mean_and_deviation([run["zeta"] for run in group]),
        )


def mean_pairs(runs: list[dict]) -> np.ndarray:
    """Zeta of every two views, the mean over the runs: `(views, views)`."""
    matrix = np.eye(len(VIEWS))
    for first, second in zip(*np.triu_indices(len(VIEWS), 1), strict=True):
        names = {VIEWS[first], VIEWS[second]}
        zetas = [
            zeta
            for run in runs
            for *pair, zeta in run["pairs"]
            if set(pair) == names
        ]
        matrix[first, second] = matrix[second, first] = np.mean(zetas)
    return matrix


def print_pairs(runs: list[dict]) -> None:
    print_row("zeta", *(f"`{view}`" for view in VIEWS))
    print_row("---", *["---:"] * len(VIEWS))
    for view, row in zip(VIEWS, mean_pairs(runs), strict=True):
        print_row(f"`{view}`", *(f"{value:.2f}" for value in row))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    runs = [
        run
        for path in parser.parse_args().results
        for run in json.loads(path.read_text())
    ]
    selection = [run for run in runs if run["selected_on_validation"]]
    results = [run for run in runs if not run["selected_on_validation"]]
    if selection:
        print_selection(selection)
    if results:
        print_results(results)
    regularized = [run for run in results if run["method"] == "cm_vqvae"]
    if regularized:
        print()
        print_pairs(regularized)


if __name__ == "__main__":
    main()
