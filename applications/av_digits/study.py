"""Audio-visual digits: what is each modality worth, and does a mask tell?

Trains classifiers of written and spoken digits on some speakers and tests them
on another one (Tejero-de-Pablos 2024, Tables 2, 4, 5 and 6).

    python -m applications.av_digits.study --mnist mnist.npz --fsdd fsdd.npz \
        --parts select

The parts: `select` chooses the strengths, on validation speakers only; `worth`
is question A of the README, `accuracy` B and, with codebooks by group, C;
`single` is C with a single codebook, and `transfer` D. Each has a file in the
folder `--results`; runs that it has are skipped, so that the study can be
interrupted.
"""

import argparse
import dataclasses
import itertools
import pathlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

import keras_mmreg as mmreg
from applications.av_digits import figures
from applications.av_digits import tables
from applications.av_digits.regimes import REGIMES
from applications.av_digits.regimes import regime_of
from applications.av_digits.training import METHODS
from applications.av_digits.training import Settings
from applications.av_digits.training import Sources
from applications.av_digits.training import train
from applications.common import command
from applications.common import runs

SINGLE_CODEBOOK = {"num_groups": 1, "num_embeddings": 256}
NOISES = (0.0, 0.5, 1.0, 1.5, 2.0)
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2)
FOLDS = tuple(range(6))
WITH_AND_WITHOUT = ("cm_vqvae_unregularized", "cm_vqvae")
PARTS = ("select", "worth", "accuracy", "single", "transfer")


def grid(
    methods: Sequence[str],
    folds: Sequence[int] = FOLDS,
    seeds: Sequence[int] = (0,),
    **options: Any,
) -> list[Settings]:
    """All methods of a fold and a seed, one pair after the other."""
    return [
        Settings(method=method, fold=fold, seed=seed, **options)
        for fold, seed, method in itertools.product(folds, seeds, methods)
    ]


def selection() -> list[Settings]:
    """The candidate strengths of each regime, on validation data."""
    return [
        settings
        for options in REGIMES.values()
        for strength in STRENGTHS
        for settings in grid(
            ["cm_vqvae"], select=True, **{**options, "strength": strength}
        )
    ]


def selected(all_runs: list[dict]) -> dict[str, float]:
    """For each regime the strength of the best mean validation accuracy.

    That of the last epoch, when the mask has settled.
    """
    accuracies: dict[str, dict] = {
        regime: defaultdict(list) for regime in REGIMES
    }
    for run in all_runs:
        by_strength = accuracies[regime_of(run)]
        by_strength[run["strength"]].append(run["validation_accuracy_last"])
    if not all(accuracies.values()):
        raise SystemExit("No strengths yet: run `--parts select` first.")
    return {
        regime: max(
            by_strength, key=lambda each: float(np.mean(by_strength[each]))
        )
        for regime, by_strength in accuracies.items()
    }


def worth(healthy: dict[str, Any]) -> list[Settings]:
    """Question A: seed 0 of each fold, at several noises."""
    return [
        settings
        for methods, quantizer in (
            (("image", "audio", "cm_vqvae"), {}),
            (("cm_vqvae",), SINGLE_CODEBOOK),
        )
        for noise in NOISES
        for settings in grid(
            methods, **{**healthy, **quantizer, "image_noise": noise}
        )
    ]


def experiments(
    part: str, seeds: Sequence[int], strengths: dict[str, float]
) -> list[Settings]:
    """The runs of a part, fold by fold."""
    regimes = {
        name: {**options, "strength": strengths[name]}
        for name, options in REGIMES.items()
    }
    healthy = regimes["healthy"]
    if part == "worth":
        return worth(healthy)
    found = []
    for fold in FOLDS:
        if part == "accuracy":
            for name, options in regimes.items():
                probe = name == "healthy"
                found += grid(METHODS, [fold], seeds, probe=probe, **options)
        elif part == "single":
            options = {**healthy, **SINGLE_CODEBOOK}
            found += grid(
                WITH_AND_WITHOUT, [fold], seeds, probe=True, **options
            )
        else:
            few = {**healthy, "train_speakers": 2, "train_pairs": 200}
            kept = {**few, "pretrain_speakers": 2}
            found += grid(WITH_AND_WITHOUT, [fold], seeds, **few)
            found += grid(WITH_AND_WITHOUT, [fold], seeds, **kept)
            found += grid(["cm_vqvae"], [fold], seeds, reset_mask=True, **kept)
    return found


def run_all(
    all_runs: list[Settings], store: runs.RunStore, sources: Sources
) -> None:
    for settings in all_runs:
        store.run(settings.record(), lambda each=settings: train(each, sources))


def read_parts(folder: pathlib.Path) -> dict[str, list[dict]]:
    """The runs of each part; none where there is no file yet."""
    paths = {part: folder / f"{part}.jsonl" for part in PARTS}
    return {
        part: runs.read_runs(path) if path.exists() else []
        for part, path in paths.items()
    }


def smoke() -> None:
    """A run of two steps for each table, on digits and made-up sounds."""
    methods = ("image", "audio", *WITH_AND_WITHOUT)
    tiny = {
        "epochs": 1,
        "steps_per_epoch": 2,
        "batch_size": 20,
        "num_embeddings": 8,
        "train_pairs": 120,
        "pretrain_pairs": 40,
        "held_out_pairs": 10,
    }
    parts = {
        "select": [Settings(select=True)],
        "worth": grid(methods, [0]),
        "accuracy": grid(methods, [0], probe=True),
        "transfer": [
            Settings(pretrain_speakers=2, train_speakers=2, reset_mask=reset)
            for reset in (False, True)
        ],
    }
    with command.temporary_folder() as folder:
        sources = Sources(None, str(save_sounds(folder / "fsdd.npz")))
        for part, all_runs in parts.items():
            run_all(
                [dataclasses.replace(each, **tiny) for each in all_runs],
                runs.RunStore(folder / f"{part}.jsonl"),
                sources,
            )
        found = read_parts(folder)
        print(tables.markdown(found))
        figures.save(found, folder / "figures")


def save_sounds(path: pathlib.Path) -> pathlib.Path:
    """Recordings of noise, in the layout of a local copy of FSDD."""
    rng = np.random.default_rng(0)
    names = list(
        itertools.product(range(10), mmreg.datasets.SPEAKERS, range(2))
    )
    np.savez(
        path,
        samples=rng.integers(-1000, 1000, size=400 * len(names), dtype="int16"),
        length=[400] * len(names),
        digit=np.array([digit for digit, _, _ in names], "uint8"),
        speaker=[speaker for _, speaker, _ in names],
        take=np.array([take for _, _, take in names], "uint8"),
    )
    return path


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = command.parser(__doc__.splitlines()[0], "results/av_digits")
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))
    parser.add_argument(
        "--mnist",
        help="path of an mnist.npz, or 'download'; "
        "default: the 6,000 digits shipped with the package",
    )
    parser.add_argument(
        "--fsdd", default="download", help="path of a copy, see read_fsdd"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    args = parse_arguments(arguments)
    if args.smoke:
        smoke()
        return
    for folder in args.table or ():
        print(tables.markdown(read_parts(folder)))
    for folder in args.figures or ():
        figures.save(read_parts(folder), args.output)
    if args.table or args.figures:
        return
    sources = Sources(args.mnist, args.fsdd)
    for part in args.parts:
        if part == "select":
            all_runs = selection()
        else:
            strengths = selected(read_parts(args.results)["select"])
            all_runs = experiments(part, args.seeds, strengths)
        store = runs.RunStore(args.results / f"{part}.jsonl")
        run_all(all_runs, store, sources)


if __name__ == "__main__":
    main()
