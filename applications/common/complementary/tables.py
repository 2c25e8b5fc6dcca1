"""The tables of the READMEs, from the runs of a results file."""

from applications.common.tables import header
from applications.common.tables import mean_and_deviation
from applications.common.tables import paired_difference
from applications.common.tables import percent
from applications.common.tables import points
from applications.common.tables import row

NAMES = {
    "concat": "Multi = (i)",
    "dropout": "Drop.",
    "gated": "Gated",
    "cm_vqvae_unregularized": "Ours, no regularization",
    "cm_vqvae": "Ours",
    "config_ii": "(ii) no mask",
    "config_iii": "(iii) no codes, no decoders",
}
PARTS = ("complementary", "contradictory", "chance")


def markdown(runs: list[dict], modalities: tuple[str, ...]) -> str:
    """The search, the results, and the probes where there are some."""
    searched = [run for run in runs if run["select"]]
    tested = [run for run in runs if not run["select"]]
    sections = []
    if searched:
        sections.append(search_table(searched, modalities))
    for transfer in (False, True):
        group = [run for run in tested if run["transfer"] == transfer]
        if group:
            title = "After the other data set:" if transfer else "From scratch:"
            sections.append(f"{title}\n\n{results_table(group, modalities)}")
    if any("separability" in run for run in tested):
        sections.append(probes_table(tested))
    return "\n\n".join(sections)


def by_method(
    runs: list[dict], modalities: tuple[str, ...]
) -> dict[str, list[dict]]:
    """The runs of each row that has some."""
    groups = {
        name: [run for run in runs if run["method"] == name]
        for name in (*modalities, *NAMES)
    }
    return {name: group for name, group in groups.items() if group}


def results_table(runs: list[dict], modalities: tuple[str, ...]) -> str:
    """Accuracy at the best validation epoch, shares and zeta."""
    groups = by_method(runs, modalities)
    multi = accuracies(groups.get("concat", []))
    lines = [
        header(
            "method",
            "accuracy",
            "last epoch",
            "over Multi",
            *(f"compl {name}" for name in modalities),
            "zeta",
            "seeds",
        )
    ]
    for method, group in groups.items():
        over = paired_difference(accuracies(group), multi)
        lines.append(
            row(
                NAMES.get(method, f"{method} alone"),
                percent((run["accuracy"] for run in group), digits=1),
                percent((run["accuracy_last"] for run in group), digits=1),
                "" if method == "concat" else points(over),
                *(
                    mean_and_deviation(
                        run["complementary"].get(name, 0.0) for run in group
                    )
                    for name in modalities
                ),
                mean_and_deviation(run["zeta"] for run in group),
                str(len(group)),
            )
        )
    return "\n".join(lines)


def accuracies(group: list[dict]) -> dict[tuple, float]:
    """The test accuracy of each run by its seed."""
    return {(run["seed"],): run["accuracy"] for run in group}


def search_table(runs: list[dict], modalities: tuple[str, ...]) -> str:
    """The validation accuracy of every strength."""
    lines = [header("strength", "validation accuracy", "kept channels")]
    for run in sorted(runs, key=lambda run: run["strength"]):
        kept = sum(run["complementary"].values())
        lines.append(
            row(
                f"{run['strength']:g}",
                f"{100 * run['validation_accuracy']:.1f}",
                f"{kept:.1f}",
            )
        )
    return "\n".join(lines)


def probes_table(runs: list[dict]) -> str:
    """Table 5: what a linear probe tells from each part of the features."""
    lines = [header("method", "modality", "probe of", *PARTS)]
    for method in ("cm_vqvae_unregularized", "cm_vqvae"):
        found = [
            run["separability"]
            for run in runs
            if run["method"] == method and "separability" in run
        ]
        for modality in found[0] if found else ():
            probes = [each[modality] for each in found]
            lines.append(
                row(
                    NAMES[method],
                    modality,
                    probes[0]["attribute"],
                    *(
                        percent(
                            (each[part] for each in probes if each[part]),
                            digits=1,
                        )
                        for part in PARTS
                    ),
                )
            )
    return "\n".join(lines)
