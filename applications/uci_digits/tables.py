"""The tables of the README."""

import numpy as np

from applications.common.tables import header
from applications.common.tables import mean_and_deviation
from applications.common.tables import percent
from applications.common.tables import row

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


def markdown(runs: list[dict]) -> str:
    """The strengths, the results, and zeta of every two views."""
    selection = [run for run in runs if run["select"]]
    results = [run for run in runs if not run["select"]]
    regularized = [run for run in results if run["method"] == "cm_vqvae"]
    sections = []
    if selection:
        sections.append(selection_table(selection))
    if results:
        sections.append(results_table(results))
    if regularized:
        sections.append(pairs_table(regularized))
    return "\n\n".join(sections)


def results_table(runs: list[dict]) -> str:
    lines = [
        header("method", "accuracy", *(f"`{view}`" for view in VIEWS), "zeta")
    ]
    for method, name in NAMES.items():
        group = [run for run in runs if run["method"] == method]
        if not group:
            continue
        cells = [""] * 7
        if "shares" in group[0]:
            cells = [
                mean_and_deviation(run["shares"][view] for run in group)
                for view in VIEWS
            ]
            cells.append(mean_and_deviation(run["zeta"] for run in group))
        accuracy = percent(run["accuracy"] for run in group)
        lines.append(row(name, accuracy, *cells))
    return "\n".join(lines)


def selection_table(runs: list[dict]) -> str:
    lines = [header("strength", "validation accuracy", "kept channels", "zeta")]
    for strength in sorted({run["strength"] for run in runs}):
        group = [run for run in runs if run["strength"] == strength]
        lines.append(
            row(
                f"{strength:g}",
                percent(run["accuracy"] for run in group),
                mean_and_deviation(
                    sum(run["shares"].values()) for run in group
                ),
                mean_and_deviation(run["zeta"] for run in group),
            )
        )
    return "\n".join(lines)


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


def pairs_table(runs: list[dict]) -> str:
    lines = [header("zeta", *(f"`{view}`" for view in VIEWS))]
    for view, zetas in zip(VIEWS, mean_pairs(runs), strict=True):
        lines.append(row(f"`{view}`", *(f"{value:.2f}" for value in zetas)))
    return "\n".join(lines)
