"""Prints the tables of the README from the results of `study.py`.

python applications/av_digits/table.py applications/av_digits/results
"""

import argparse
import itertools
import json
import pathlib
from collections import defaultdict

import numpy as np

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
REGIMES = {
    "healthy": "both modalities usable",
    "useless_image": "image nearly useless",
    "audio_shortcut": "one training speaker",
}
STARTS = {
    "scratch": "scratch",
    "transfer": "transfer",
    "reset": "transfer, mask learned anew",
}
PARTS = ("complementary", "contradictory")


def read_runs(folder: pathlib.Path, pattern: str) -> list[dict]:
    return [
        run
        for path in sorted(folder.glob(f"{pattern}.json"))
        for run in json.loads(path.read_text())
    ]


def by_method(runs: list[dict]) -> dict[str, dict[tuple, dict]]:
    """The runs of each method, by fold and seed."""
    groups = defaultdict(dict)
    for run in runs:
        groups[run["method"]][run["fold"], run["seed"]] = run
    return groups


def with_better_single(groups: dict) -> dict:
    """Adds for each pair the modality that validates better by itself."""
    pairs = groups["image"].keys() & groups["audio"].keys()
    single = {
        pair: max(
            (groups["image"][pair], groups["audio"][pair]),
            key=lambda run: run["validation_accuracy"],
        )
        for pair in pairs
    }
    return groups | {"single": single}


def finite(values) -> np.ndarray:
    values = np.array(list(values), dtype=float)
    return values[np.isfinite(values)]


def mean_and_deviation(values, scale: float = 1.0, digits: int = 1) -> str:
    values = scale * finite(values)
    if not len(values):
        return "none"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"


def percent(values) -> str:
    return mean_and_deviation(values, scale=100.0)


def paired_difference(first: dict, second: dict, field: str) -> str:
    """Mean of first - second in points, with a 95% interval over pairs.

    The interval is the bootstrap's: resampled folds, then their pairs, because
    runs of a fold share their speakers.
    """
    by_fold = defaultdict(list)
    for pair in sorted(first.keys() & second.keys()):
        difference = 100 * (first[pair][field] - second[pair][field])
        by_fold[pair[0]].append(difference)
    if not by_fold:
        return "none"
    folds = [np.array(differences) for differences in by_fold.values()]
    random = np.random.default_rng(0)
    means = [
        np.mean(
            np.concatenate(
                [
                    random.choice(folds[index], len(folds[index]))
                    for index in random.integers(len(folds), size=len(folds))
                ]
            )
        )
        for _ in range(2000)
    ]
    low, high = np.percentile(means, [2.5, 97.5])
    mean = np.mean(np.concatenate(folds))
    return f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]"


def print_row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |")


def print_header(*cells: str) -> None:
    print()
    print_row(*cells)
    print_row("---", *["---:"] * (len(cells) - 1))


def share(run: dict, modality: str) -> float:
    return run["complementary"].get(modality, np.nan)


def print_selection(folder: pathlib.Path) -> None:
    print_header("regime", "strength", "validation, last", "validation, best")
    for regime, name in REGIMES.items():
        groups = defaultdict(list)
        for run in read_runs(folder / "select", f"{regime}-*"):
            groups[run["strength"]].append(run)
        for strength, runs in sorted(groups.items()):
            print_row(
                name,
                f"{strength:g}",
                percent(run["validation_accuracy_last"] for run in runs),
                percent(run["validation_accuracy"] for run in runs),
            )


def print_worth(folder: pathlib.Path) -> None:
    print_header(
        "codebooks",
        "image noise",
        "image alone",
        "audio alone",
        "CM-VQVAE",
        "image kept",
        "audio kept",
        "zeta",
    )
    runs = read_runs(folder / "worth", "*")
    for codebooks in (8, 1):
        group = [run for run in runs if run["num_groups"] == codebooks]
        for noise in sorted({run["image_noise"] for run in group}):
            methods = by_method(
                [run for run in group if run["image_noise"] == noise]
            )
            masked = list(methods["cm_vqvae"].values())
            print_row(
                f"{codebooks}",
                f"{noise:g}",
                *(
                    percent(run["accuracy"] for run in methods[name].values())
                    for name in ("image", "audio", "cm_vqvae")
                ),
                mean_and_deviation(share(run, "image") for run in masked),
                mean_and_deviation(share(run, "audio") for run in masked),
                mean_and_deviation((run["zeta"] for run in masked), digits=2),
            )


def print_accuracy(folder: pathlib.Path) -> None:
    for regime, title in REGIMES.items():
        groups = by_method(read_runs(folder / "accuracy", f"{regime}-*"))
        if not groups:
            continue
        groups = with_better_single(groups)
        print(f"\n{title}, {len(groups['cm_vqvae'])} pairs:")
        print_header(
            "method",
            "accuracy",
            "last epoch",
            "CM-VQVAE better by",
            "last epoch",
            "image kept",
            "audio kept",
            "zeta",
        )
        for method, name in NAMES.items():
            runs = list(groups[method].values())
            multimodal = method not in ("image", "audio", "single")
            zeta = [run["zeta"] for run in runs if multimodal]
            ours = groups["cm_vqvae"]
            print_row(
                name,
                percent(run["accuracy"] for run in runs),
                percent(run["accuracy_last"] for run in runs),
                *(
                    ""
                    if method == "cm_vqvae"
                    else paired_difference(ours, groups[method], field)
                    for field in ("accuracy", "accuracy_last")
                ),
                mean_and_deviation(share(run, "image") for run in runs),
                mean_and_deviation(share(run, "audio") for run in runs),
                mean_and_deviation(zeta, digits=2),
            )


def probes_by_part(runs: dict[tuple, dict], modality: str, name: str) -> dict:
    """The accuracy of a probe on each part, by fold and seed."""
    return {
        part: {
            pair: {"accuracy": run["separability"][name][modality][part]}
            for pair, run in runs.items()
            if np.isfinite(
                [run["separability"][name][modality][each] for each in PARTS]
            ).all()
        }
        for part in PARTS
    }


def print_separability(folder: pathlib.Path) -> None:
    print_header(
        "codebooks",
        "method",
        "modality",
        "probe of",
        *PARTS,
        "difference",
        "pairs with both parts",
    )
    runs = read_runs(folder / "accuracy", "healthy-*")
    runs += read_runs(folder / "single", "*")
    runs = [run for run in runs if "separability" in run]
    for codebooks, method, modality, name in itertools.product(
        (8, 1),
        ("cm_vqvae_unregularized", "cm_vqvae"),
        ("audio", "image"),
        ("speaker", "digit"),
    ):
        groups = by_method(
            [run for run in runs if run["num_groups"] == codebooks]
        )
        first, second = probes_by_part(groups[method], modality, name).values()
        if not first:
            continue
        print_row(
            f"{codebooks}",
            NAMES[method],
            modality,
            name,
            *(
                percent(probe["accuracy"] for probe in part.values())
                for part in (first, second)
            ),
            paired_difference(first, second, "accuracy"),
            f"{len(first)}",
        )


def print_transfer(folder: pathlib.Path) -> None:
    starts = {
        start: by_method(read_runs(folder / "transfer", f"{start}-*"))
        for start in STARTS
    }
    print_header("method", "start", "accuracy", "last epoch", "zeta", "pairs")
    for method in ("cm_vqvae_unregularized", "cm_vqvae"):
        for start, name in STARTS.items():
            runs = list(starts[start][method].values())
            if not runs:
                continue
            print_row(
                NAMES[method],
                name,
                percent(run["accuracy"] for run in runs),
                percent(run["accuracy_last"] for run in runs),
                mean_and_deviation((run["zeta"] for run in runs), digits=2),
                f"{len(runs)}",
            )
    ours = {start: groups["cm_vqvae"] for start, groups in starts.items()}
    without_term = starts["transfer"]["cm_vqvae_unregularized"]
    print_header("difference", "accuracy", "last epoch")
    for name, first, second in (
        (
            "transfer: with - without the term",
            ours["transfer"],
            without_term,
        ),
        (
            "mask learned anew: with - without the term",
            ours["reset"],
            without_term,
        ),
        (
            "with the term: transfer - scratch",
            ours["transfer"],
            ours["scratch"],
        ),
    ):
        print_row(
            name,
            paired_difference(first, second, "accuracy"),
            paired_difference(first, second, "accuracy_last"),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=pathlib.Path, help="study.py's output")
    folder = parser.parse_args().results
    print_selection(folder)
    print_worth(folder)
    print_accuracy(folder)
    print_separability(folder)
    print_transfer(folder)


if __name__ == "__main__":
    main()
