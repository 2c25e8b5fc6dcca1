"""The tables of the README."""

from applications.common.tables import header
from applications.common.tables import mean_and_deviation
from applications.common.tables import percent
from applications.common.tables import row

NAMES = {
    "rgb": "Color",
    "depth": "Depth",
    "concat": "Multi",
    "dropout": "Drop.",
    "gated": "Gated",
    "cm_vqvae_unregularized": "without the term",
    "cm_vqvae": "Ours",
}
PUBLISHED = {
    "rgb": ("21.16", "19.53", "0.0", "0.0"),
    "depth": ("33.1", "0.0", "16.4", "0.0"),
    "concat": ("34.32", "50.0", "50.0", "1.0"),
    "dropout": ("37.28", "25.0", "25.0", "1.0"),
    "gated": ("34.41", "", "", ""),
    "cm_vqvae_unregularized": ("36.78", "31.25", "45.31", "0.68"),
    "cm_vqvae": ("38.66", "8.59", "10.94", "0.78"),
}
"""The paper's Table 2: mIoU, what is kept of color and depth, zeta."""


def markdown(parts: dict[str, list[dict]]) -> str:
    """The results, and the strengths that were tried."""
    sections = []
    if parts["test"]:
        sections.append(results_table(parts["test"]))
    if parts["search"]:
        sections.append(search_table(parts["search"]))
    return "\n\n".join(sections)


def kept(runs: list[dict], modality: str) -> str:
    """The share of kept channels, in percent of all."""
    return mean_and_deviation(
        (run["complementary"].get(modality) for run in runs), digits=1
    )


def results_table(runs: list[dict]) -> str:
    """Ours beside the paper's."""
    lines = [
        header(
            "method",
            "mIoU",
            "pixels",
            "color kept",
            "depth kept",
            "zeta",
            "paper: mIoU",
            "color kept",
            "depth kept",
            "zeta",
        )
    ]
    for method, name in NAMES.items():
        group = [run for run in runs if run["method"] == method]
        if group:
            lines.append(
                row(
                    name,
                    percent(run["miou"] for run in group),
                    percent(run["pixel_accuracy"] for run in group),
                    kept(group, "rgb"),
                    kept(group, "depth"),
                    mean_and_deviation(run["zeta"] for run in group),
                    *PUBLISHED[method],
                )
            )
    return "\n".join(lines)


def search_table(runs: list[dict]) -> str:
    lines = [
        header(
            "strength",
            "mIoU, held out",
            "pixels, held out",
            "color kept",
            "depth kept",
        )
    ]
    for strength in sorted({run["strength"] for run in runs}):
        group = [run for run in runs if run["strength"] == strength]
        lines.append(
            row(
                f"{strength:g}",
                percent(run["miou"] for run in group),
                percent(run["pixel_accuracy"] for run in group),
                kept(group, "rgb"),
                kept(group, "depth"),
            )
        )
    return "\n".join(lines)
