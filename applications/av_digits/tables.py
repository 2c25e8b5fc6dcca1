"""The tables of the README."""

import itertools
from collections import defaultdict

from applications.av_digits.regimes import TITLES
from applications.av_digits.regimes import Pairs
from applications.av_digits.regimes import by_method
from applications.av_digits.regimes import of_regime
from applications.av_digits.regimes import start_of
from applications.common import tables
from applications.common.tables import header
from applications.common.tables import mean_and_deviation
from applications.common.tables import row

NAMES = {
    "image": "image",
    "audio": "audio",
    "single": "better single modality, by validation",
    "concat": "concat = (i)",
    "dropout": "dropout",
    "gated": "gated",
    "cm_vqvae_unregularized": "without the term",
    "cm_vqvae": "CM-VQVAE",
    "config_ii": "(ii) no mask",
    "config_iii": "(iii) no codes, no decoders",
}
STARTS = {
    "scratch": "scratch",
    "transfer": "transfer",
    "reset": "transfer, mask learned anew",
}
PARTS = ("complementary", "contradictory")


def markdown(parts: dict[str, list[dict]]) -> str:
    """All tables, of the runs of each part of the study."""
    sections = [
        selection_table(parts["select"]),
        worth_table(parts["worth"]),
        *accuracy_tables(parts["accuracy"]),
        separability_table(
            of_regime(parts["accuracy"], "healthy") + parts["single"]
        ),
        transfer_table(parts["transfer"]),
        differences_table(parts["transfer"]),
    ]
    return "\n\n".join(sections)


def percent(values) -> str:
    return tables.percent(values, digits=1)


def share(values) -> str:
    return mean_and_deviation(values, digits=1)


def zeta(runs: list[dict]) -> str:
    return mean_and_deviation(run["zeta"] for run in runs)


def kept(runs: list[dict], modality: str) -> str:
    """The share of kept channels, in percent of all."""
    return share(run["complementary"].get(modality) for run in runs)


def with_better_single(groups: dict[str, Pairs]) -> dict[str, Pairs]:
    """Adds for each pair the modality that validates better by itself."""
    pairs = groups["image"].keys() & groups["audio"].keys()
    single = {
        pair: max(
            (groups["image"][pair], groups["audio"][pair]),
            key=lambda run: run["validation_accuracy"],
        )
        for pair in pairs
    }
    return defaultdict(dict, groups | {"single": single})


def paired_difference(first: Pairs, second: Pairs, field: str) -> str:
    """Mean of first - second in points, with its interval over folds."""
    of = [
        {pair: run[field] for pair, run in runs.items()}
        for runs in (first, second)
    ]
    return tables.points(tables.paired_difference(*of))


def selection_table(runs: list[dict]) -> str:
    lines = [
        header("regime", "strength", "validation, last", "validation, best")
    ]
    for regime, name in TITLES.items():
        groups = defaultdict(list)
        for run in of_regime(runs, regime):
            groups[run["strength"]].append(run)
        for strength, group in sorted(groups.items()):
            last = (run["validation_accuracy_last"] for run in group)
            best = (run["validation_accuracy"] for run in group)
            lines.append(
                row(name, f"{strength:g}", percent(last), percent(best))
            )
    return "\n".join(lines)


def worth_table(runs: list[dict]) -> str:
    lines = [
        header(
            "codebooks",
            "image noise",
            "image alone",
            "audio alone",
            "CM-VQVAE",
            "image kept",
            "audio kept",
            "zeta",
        )
    ]
    for codebooks in (8, 1):
        group = [run for run in runs if run["num_groups"] == codebooks]
        for noise in sorted({run["image_noise"] for run in group}):
            methods = by_method(
                [run for run in group if run["image_noise"] == noise]
            )
            masked = list(methods["cm_vqvae"].values())
            lines.append(
                row(
                    f"{codebooks}",
                    f"{noise:g}",
                    *(
                        percent(
                            run["accuracy"] for run in methods[name].values()
                        )
                        for name in ("image", "audio", "cm_vqvae")
                    ),
                    kept(masked, "image"),
                    kept(masked, "audio"),
                    zeta(masked),
                )
            )
    return "\n".join(lines)


def accuracy_tables(runs: list[dict]) -> list[str]:
    sections = []
    for regime, title in TITLES.items():
        groups = by_method(of_regime(runs, regime))
        if groups:
            groups = with_better_single(groups)
            sections.append(f"{title}, {len(groups['cm_vqvae'])} pairs:")
            sections.append(accuracy_table(groups))
    return sections


def accuracy_table(groups: dict[str, Pairs]) -> str:
    lines = [
        header(
            "method",
            "accuracy",
            "last epoch",
            "CM-VQVAE better by",
            "last epoch",
            "image kept",
            "audio kept",
            "zeta",
        )
    ]
    fields = ("accuracy", "accuracy_last")
    for method, name in NAMES.items():
        runs = list(groups[method].values())
        multimodal = method not in ("image", "audio", "single")
        differences = [
            paired_difference(groups["cm_vqvae"], groups[method], field)
            for field in fields
        ]
        lines.append(
            row(
                name,
                *(percent(run[field] for run in runs) for field in fields),
                *(["", ""] if method == "cm_vqvae" else differences),
                kept(runs, "image"),
                kept(runs, "audio"),
                zeta(runs if multimodal else []),
            )
        )
    return "\n".join(lines)


def probes_by_part(
    runs: Pairs, modality: str, name: str
) -> dict[str, dict[tuple, float]]:
    """The accuracy of a probe on each part, by fold and seed."""
    probes = {
        pair: run["separability"][name][modality] for pair, run in runs.items()
    }
    return {
        part: {
            pair: each[part]
            for pair, each in probes.items()
            if None not in [each[other] for other in PARTS]
        }
        for part in PARTS
    }


def separability_table(runs: list[dict]) -> str:
    lines = [
        header(
            "codebooks",
            "method",
            "modality",
            "probe of",
            *PARTS,
            "difference",
            "pairs with both parts",
        )
    ]
    probed = [run for run in runs if "separability" in run]
    for codebooks, method, modality, name in itertools.product(
        (8, 1),
        ("cm_vqvae_unregularized", "cm_vqvae"),
        ("audio", "image"),
        ("speaker", "digit"),
    ):
        groups = by_method(
            [run for run in probed if run["num_groups"] == codebooks]
        )
        first, second = probes_by_part(groups[method], modality, name).values()
        if first:
            lines.append(
                row(
                    f"{codebooks}",
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


def by_start(runs: list[dict]) -> dict[str, dict[str, Pairs]]:
    return {
        start: by_method([run for run in runs if start_of(run) == start])
        for start in STARTS
    }


def transfer_table(runs: list[dict]) -> str:
    starts = by_start(runs)
    lines = [
        header("method", "start", "accuracy", "last epoch", "zeta", "pairs")
    ]
    for method in ("cm_vqvae_unregularized", "cm_vqvae"):
        for start, name in STARTS.items():
            group = list(starts[start][method].values())
            if group:
                lines.append(
                    row(
                        NAMES[method],
                        name,
                        percent(run["accuracy"] for run in group),
                        percent(run["accuracy_last"] for run in group),
                        zeta(group),
                        f"{len(group)}",
                    )
                )
    return "\n".join(lines)


def differences_table(runs: list[dict]) -> str:
    starts = by_start(runs)
    ours = {start: groups["cm_vqvae"] for start, groups in starts.items()}
    without = starts["transfer"]["cm_vqvae_unregularized"]
    compared = {
        "transfer: with - without the term": (ours["transfer"], without),
        "mask learned anew: with - without the term": (ours["reset"], without),
        "with the term: transfer - scratch": (
            ours["transfer"],
            ours["scratch"],
        ),
    }
    lines = [header("difference", "accuracy", "last epoch")]
    for name, pair in compared.items():
        lines.append(
            row(
                name,
                paired_difference(*pair, "accuracy"),
                paired_difference(*pair, "accuracy_last"),
            )
        )
    return "\n".join(lines)
