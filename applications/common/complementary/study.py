"""The command of a study: its search, its runs, its tables and figures."""

import argparse
from collections.abc import Callable
from typing import Any

from applications.common import command
from applications.common import runs
from applications.common.complementary import figures
from applications.common.complementary import tables
from applications.common.complementary.training import JOINT_METHODS
from applications.common.complementary.training import STRENGTHS
from applications.common.complementary.training import Settings
from applications.common.complementary.training import Task
from applications.common.complementary.training import train
from applications.common.search import search


def parse_arguments(
    arguments: list[str] | None,
    name: str,
    description: str,
    modalities: tuple[str, ...],
    add_options: Callable[[argparse.ArgumentParser], Any],
) -> argparse.Namespace:
    parser = command.parser(description, f"results/{name}.jsonl")
    parser.add_argument(
        "--search",
        action="store_true",
        help="search the mask's strength on validation data, with seed 0",
    )
    methods = (*modalities, *JOINT_METHODS)
    parser.add_argument(
        "--method", nargs="+", choices=methods, default=[*methods]
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, help="instead of the study's")
    parser.add_argument(
        "--strength", type=float, help="instead of what `--search` found"
    )
    parser.add_argument(
        "--compat", choices=["paper", "authors"], default="authors"
    )
    parser.add_argument(
        "--transfer",
        action="store_true",
        help="train on the other data set first",
    )
    add_options(parser)
    return parser.parse_args(arguments)


def settings(args: argparse.Namespace, task: Task, **options: Any) -> Settings:
    """A run of the task with its own epochs, or with those asked for."""
    return Settings(
        epochs=args.epochs or task.epochs,
        batch_size=task.batch_size,
        num_embeddings=task.num_embeddings,
        compat=args.compat,
        transfer=args.transfer,
        **options,
    )


def search_strength(
    args: argparse.Namespace, task: Task, store: runs.RunStore
) -> None:
    """The mask's strength, on validation data."""

    def measure(value: float) -> float:
        tried = settings(
            args, task, method="cm_vqvae", seed=0, strength=value, select=True
        )
        store.run(tried.record(), lambda: train(tried, task, args.verbose))
        return chosen_from(store.runs)[value]

    search(measure, STRENGTHS)


def chosen_from(found: list[dict]) -> dict[float, float]:
    """The validation accuracy of every strength that was searched."""
    return {
        run["strength"]: run["validation_accuracy"]
        for run in found
        if run["select"]
    }


def run_all(args: argparse.Namespace, task: Task, store: runs.RunStore) -> None:
    """The rows of the tables with every seed."""
    searched = chosen_from(store.runs)
    strength = args.strength
    if strength is None:
        if not searched:
            raise SystemExit(
                "No strength yet: run `--search` first, or pass `--strength`."
            )
        strength = max(searched, key=lambda value: searched[value])
    for seed in args.seeds:
        for method in args.method:
            each = settings(
                args, task, method=method, seed=seed, strength=strength
            )
            store.run(
                each.record(),
                lambda each=each: train(each, task, args.verbose),
            )


def main(
    arguments: list[str] | None,
    name: str,
    description: str,
    modalities: tuple[str, ...],
    load: Callable[[argparse.Namespace], Task],
    tiny_task: Callable[[], Task],
    add_options: Callable[[argparse.ArgumentParser], Any],
) -> None:
    """Runs a study.

    Args:
        arguments: Of the command line, or `None` for the process's own.
        name: Of the study.
        description: What it asks.
        modalities: Their names.
        load: A function of the options that loads the task.
        tiny_task: A function that makes a tiny task up.
        add_options: A function that adds options to a parser.
    """
    args = parse_arguments(
        arguments, name, description, modalities, add_options
    )
    if args.table:
        print(tables.markdown(runs.read_runs(*args.table), modalities))
    elif args.figures:
        figures.save(runs.read_runs(*args.figures), modalities, args.output)
    elif args.smoke:
        smoke(args, tiny_task(), modalities)
    else:
        task, store = load(args), runs.RunStore(args.results)
        (search_strength if args.search else run_all)(args, task, store)


def smoke(
    args: argparse.Namespace, task: Task, modalities: tuple[str, ...]
) -> None:
    """An epoch of one modality and of CM-VQVAE, on made-up examples."""
    args.epochs, args.strength = 1, STRENGTHS[0]
    args.method = [modalities[0], "cm_vqvae"]
    args.transfer = task.source is not None
    store = runs.RunStore()
    run_all(args, task, store)
    print(tables.markdown(store.runs, modalities))
    with command.temporary_folder() as folder:
        figures.save(store.runs, modalities, folder)
