"""Biased Dogs & Cats: does a net see the animal when its color is easier?

Trains on bright dogs and dark cats (TB1) and tests on dark dogs and bright
cats (TB2), and the other way round (Gat et al. 2020, section 6.4, Table 1c).

    python -m applications.dogs_cats.study --path DIR --search
    python -m applications.dogs_cats.study --path DIR --seeds 0 1 2

`--search` tries the strengths of each method with KerasTuner and looks at the
held-out tenth of the set that it trains on; the other set is not touched. Of
each method, the strongest value is taken whose accuracy there is at most two
points below the best of all of them and of plain training.
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from applications.common import command
from applications.common import runs
from applications.common.problems import Examples
from applications.common.search import search
from applications.common.settings import plain
from applications.comparison.selection import choose
from applications.dogs_cats import figures
from applications.dogs_cats import tables
from applications.dogs_cats.training import METHODS
from applications.dogs_cats.training import OTHER
from applications.dogs_cats.training import SIZE
from applications.dogs_cats.training import STRENGTHS
from applications.dogs_cats.training import Settings
from applications.dogs_cats.training import load
from applications.dogs_cats.training import train

PARTS = ("search", "test")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = command.parser(__doc__.splitlines()[0], "results/dogs_cats")
    default = Settings()
    parser.add_argument(
        "--path", help="of the images, see `load_biased_dogs_cats`"
    )
    parser.add_argument(
        "--search",
        action="store_true",
        help="look for the strengths, on the biased set alone",
    )
    parser.add_argument("--method", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument(
        "--train-on", nargs="+", choices=OTHER, default=list(OTHER)
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--batch-size", type=int, default=default.batch_size)
    parser.add_argument(
        "--learning-rate", type=float, default=default.learning_rate
    )
    parser.add_argument(
        "--num-examples", type=int, help="to train on; default: all"
    )
    return parser.parse_args(arguments)


def shared_settings(args: argparse.Namespace) -> Settings:
    """What all runs of a command have in common."""
    return Settings(
        epochs=args.epochs,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        num_examples=args.num_examples,
    )


def run(
    settings: Settings,
    store: runs.RunStore,
    sets: dict[str, Examples],
    verbose: int,
) -> None:
    store.run(settings.record(), lambda: train(settings, sets, verbose))


def search_all(
    args: argparse.Namespace,
    store: runs.RunStore,
    sets: dict[str, Examples],
    strengths: Mapping[str, tuple[float, ...]] = STRENGTHS,
) -> None:
    """Tries every strength, and plain training, with the first seed."""
    for train_on in args.train_on:
        for method in args.method:
            one = dataclasses.replace(
                shared_settings(args),
                method=method,
                train_on=train_on,
                seed=args.seeds[0],
                select=True,
            )

            def measure(strength: float | None, one: Settings = one) -> float:
                settings = dataclasses.replace(one, strength=strength)
                run(settings, store, sets, args.verbose)
                return accuracy_of(settings, store)

            if method in strengths:
                search(measure, strengths[method])
            elif method == "plain":
                measure(None)


def accuracy_of(settings: Settings, store: runs.RunStore) -> float:
    """The held-out accuracy of a finished run."""
    (found,) = (
        record["results"]["own_accuracy"]
        for record in store.records
        if plain(record["settings"]) == plain(settings.record())
    )
    return found


def chosen(
    method: str,
    train_on: str,
    searched: list[dict],
    strengths: Mapping[str, tuple[float, ...]] = STRENGTHS,
) -> float | None:
    """The strength of a method by the rule that the search is for."""
    if method not in strengths:
        return None
    accuracies = {
        (run["method"], run["strength"]): run["own_accuracy"]
        for run in searched
        if run["train_on"] == train_on
    }
    values = strengths[method]
    needed = {(method, value) for value in values} | {("plain", None)}
    if not needed <= accuracies.keys():
        raise SystemExit(
            f"No strength of {method} for {train_on} yet: run `--search`."
        )
    return choose(
        values,
        {value: accuracies[method, value] for value in values},
        accuracies["plain", None],
    )


def test_all(
    args: argparse.Namespace,
    store: runs.RunStore,
    searched: list[dict],
    sets: dict[str, Examples],
    strengths: Mapping[str, tuple[float, ...]] = STRENGTHS,
) -> None:
    """The chosen strength of every method, with every seed."""
    for train_on in args.train_on:
        for seed in args.seeds:
            for method in args.method:
                settings = dataclasses.replace(
                    shared_settings(args),
                    method=method,
                    train_on=train_on,
                    seed=seed,
                    strength=chosen(method, train_on, searched, strengths),
                )
                run(settings, store, sets, args.verbose)


def read_parts(folder: pathlib.Path) -> dict[str, list[dict]]:
    """The runs of the search and of the test; none where there is no file."""
    paths = {part: folder / f"{part}.jsonl" for part in PARTS}
    return {
        part: runs.read_runs(path) if path.exists() else []
        for part, path in paths.items()
    }


def made_up(size: int = 20) -> dict[str, Examples]:
    """Noise around a brightness that tells the class, otherwise in each set."""
    rng = np.random.default_rng(0)
    sets = {}
    for sign, name in zip((1.0, -1.0), OTHER, strict=True):
        y = (np.arange(size) % 2).astype("int32")
        image = rng.uniform(0.0, 0.4, (size, SIZE, SIZE, 3))
        bright = 0.3 + 0.3 * sign * (2 * y - 1)
        image = (image + bright[:, None, None, None]).astype("float32")
        sets[name] = Examples({"image": image}, y, np.arange(size))
    return sets


def smoke(args: argparse.Namespace) -> None:
    """An epoch of a search and of a test; tables and figures."""
    args.epochs, args.train_on, args.seeds = 1, ["tb1"], [0]
    args.method = ["plain", "noise"]
    sets, few = made_up(), {"noise": (1.0,)}
    with command.temporary_folder() as folder:
        stores = {p: runs.RunStore(folder / f"{p}.jsonl") for p in PARTS}
        search_all(args, stores["search"], sets, few)
        args.method = ["noise"]
        test_all(args, stores["test"], stores["search"].runs, sets, few)
        parts = read_parts(folder)
        print(tables.markdown(parts))
        figures.save(parts, folder / "figures")


def main(arguments: list[str] | None = None) -> None:
    args = parse_arguments(arguments)
    if args.smoke:
        smoke(args)
        return
    for folder in args.table or ():
        print(tables.markdown(read_parts(folder)))
    for folder in args.figures or ():
        figures.save(read_parts(folder), args.output)
    if args.table or args.figures:
        return
    if args.path is None:
        raise SystemExit("Pass where the images are as `--path`.")
    sets = load(args.path)
    stores = {p: runs.RunStore(args.results / f"{p}.jsonl") for p in PARTS}
    if args.search:
        search_all(args, stores["search"], sets)
    else:
        test_all(args, stores["test"], stores["search"].runs, sets)


if __name__ == "__main__":
    main()
