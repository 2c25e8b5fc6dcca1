"""Actions of known and unknown people: what is a second modality worth?

Trains classifiers of actions on some people and tests them on others, with
UTD-MHAD and Penn Action (Tejero-de-Pablos 2024, Tables 2, 4, 5 and 6).

    python -m applications.action.study --utd DIR --penn FILE --search
    python -m applications.action.study --utd DIR --penn FILE --parts accuracy

`--search` chooses the strength of the mask with KerasTuner, by the accuracy
on people held out from the training data; nobody else is looked at. The parts
use it: `accuracy` for Tables 2, 4 and 5, `quantizers` for other codes, and
`transfer` for Table 6. `pictures` draws Figs. 3 to 5.
"""

import argparse
import functools
import itertools
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from applications.action import figures
from applications.action import pictures
from applications.action import tables
from applications.action.tasks import NUM_FOLDS
from applications.action.tasks import REGIMES
from applications.action.tasks import TASKS
from applications.action.training import MASKED
from applications.action.training import METHODS
from applications.action.training import QUANTIZERS
from applications.action.training import Data
from applications.action.training import Settings
from applications.action.training import train
from applications.common import command
from applications.common import runs
from applications.common.search import search

STRENGTHS = (1e-3, 3e-3, 1e-2)
PARTS = ("accuracy", "quantizers", "transfer", "pictures")
FILES = ("search", *PARTS[:-1])


def grid(
    methods: Sequence[str],
    folds: Sequence[int],
    seeds: Sequence[int],
    **options: Any,
) -> list[Settings]:
    """All methods of a fold and a seed, one pair after the other."""
    return [
        Settings(method=method, fold=fold, seed=seed, **options)
        for seed, fold, method in itertools.product(seeds, folds, methods)
    ]


def experiments(
    part: str, shared: dict[str, Any], seeds: Sequence[int]
) -> list[Settings]:
    """The runs of a part on one task and regime."""
    folds = range(NUM_FOLDS)
    if part == "accuracy":
        return grid(METHODS, folds, seeds, probe=True, **shared)
    if part == "quantizers":
        return [
            settings
            for name in QUANTIZERS
            for settings in grid(
                ["cm_vqvae"], folds, seeds, quantizer=name, **shared
            )
        ]
    found = []
    for start in ("new", "transfer"):
        found += grid(MASKED, folds, seeds, start=start, **shared)
    return found + grid(["cm_vqvae"], folds, seeds, start="reset", **shared)


def searched(
    task: str, regime: str, shared: dict[str, Any], store: runs.RunStore
) -> list[dict]:
    """The runs of the search on a task, by these options."""
    wanted = {"task": task, "regime": regime, "select": True, **shared}
    return [
        run
        for run in store.runs
        if all(run[name] == value for name, value in wanted.items())
    ]


def search_strength(
    task: str,
    regime: str,
    shared: dict[str, Any],
    store: runs.RunStore,
    data: Data,
) -> None:
    """Tries all strengths on the held-out person of every fold."""

    def measure(strength: float) -> float:
        options = {"task": task, "regime": regime, "select": True, **shared}
        run_all(
            grid(
                ["cm_vqvae"],
                range(NUM_FOLDS),
                [0],
                strength=strength,
                **options,
            ),
            store,
            data,
        )
        found = searched(task, regime, shared, store)
        return mean_accuracy(found, strength)

    search(measure, STRENGTHS)


def mean_accuracy(found: list[dict], strength: float) -> float:
    """Of the last epoch, when the mask has settled."""
    return float(
        np.mean(
            [
                run["validation_accuracy_last"]
                for run in found
                if run["strength"] == strength
            ]
        )
    )


def chosen(found: list[dict]) -> float:
    """The strength of the best accuracy on held-out people."""
    strengths = sorted({run["strength"] for run in found})
    if not strengths:
        raise SystemExit("No strength yet: run `--search` first.")
    return max(strengths, key=lambda each: mean_accuracy(found, each))


def run_all(all_runs: list[Settings], store: runs.RunStore, data: Data) -> None:
    for settings in all_runs:
        store.run(settings.record(), lambda each=settings: train(each, data))


def read_parts(folder: pathlib.Path) -> dict[str, list[dict]]:
    """The runs of each file; none where there is no file yet."""
    paths = {name: folder / f"{name}.jsonl" for name in FILES}
    return {
        name: runs.read_runs(path) if path.exists() else []
        for name, path in paths.items()
    }


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = command.parser(__doc__.splitlines()[0], "results/action")
    default = Settings()
    parser.add_argument(
        "--search", action="store_true", help="look for the strengths"
    )
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    parser.add_argument(
        "--regimes", nargs="+", default=REGIMES, choices=REGIMES
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument(
        "--steps-per-epoch", type=int, default=default.steps_per_epoch
    )
    parser.add_argument("--utd", help="of UTD-MHAD, see `load_utd_mhad`")
    parser.add_argument("--penn", help="see `load_penn_action`")
    return parser.parse_args(arguments)


def run_study(args: argparse.Namespace, read: Any) -> None:
    """Searches, or runs the parts, for all tasks and regimes.

    Args:
        args: The options.
        read: A function of a task's name that returns its data.
    """
    shared = {
        "epochs": args.epochs,
        "steps_per_epoch": args.steps_per_epoch,
    }
    stores = {
        name: runs.RunStore(args.results / f"{name}.jsonl") for name in FILES
    }
    for task, regime in itertools.product(args.tasks, args.regimes):
        if regime not in TASKS[task].regimes:
            continue
        data = read(task)
        if args.search:
            search_strength(task, regime, shared, stores["search"], data)
            continue
        found = searched(task, regime, shared, stores["search"])
        options = {
            "task": task,
            "regime": regime,
            "strength": chosen(found),
            **shared,
        }
        for part in args.parts:
            if part == "pictures":
                pictures.save(Settings(**options), data, args.output)
            elif part == "accuracy" or transfers(task, regime):
                run_all(
                    experiments(part, options, args.seeds),
                    stores[part],
                    data,
                )


def transfers(task: str, regime: str) -> bool:
    """Whether the smaller parts are run: where people are known, and four."""
    return regime == "odd" and TASKS[task].knows_people


def smoke() -> None:
    """Two steps of every kind of run on made-up data; tables and figures."""
    task = "inertial_skeleton"
    data = TASKS[task].made_up()
    options = {
        "task": task,
        "num_embeddings": 8,
        "epochs": 1,
        "steps_per_epoch": 2,
    }
    one = functools.partial(grid, ["cm_vqvae"], [0], [0], **options)
    all_runs = {
        "search": one(select=True),
        "accuracy": one(probe=True),
        "quantizers": one(),
        "transfer": one(start="transfer"),
    }
    with command.temporary_folder() as folder:
        for name, some in all_runs.items():
            run_all(some, runs.RunStore(folder / f"{name}.jsonl"), data)
        parts = read_parts(folder)
        print(tables.markdown(parts))
        figures.save(parts, folder / "figures")
        pictures.save(Settings(**options), data, folder / "figures")


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

    @functools.cache
    def read(task: str) -> Data:
        path = args.penn if task == "box_pose" else args.utd
        if path is None:
            raise SystemExit(
                "Pass where the data are as `--utd` and as `--penn`, or leave "
                "some out of `--tasks`."
            )
        return TASKS[task].read(path)

    run_study(args, read)


if __name__ == "__main__":
    main()
