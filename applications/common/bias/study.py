"""The command of a study: its search, its runs, its tables and figures."""

import argparse
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from applications.common import command
from applications.common import runs
from applications.common.bias import figures
from applications.common.bias import tables
from applications.common.bias.methods import METHODS
from applications.common.bias.methods import Strength
from applications.common.bias.methods import Task
from applications.common.bias.training import Settings
from applications.common.bias.training import train
from applications.common.search import search

Tasks = Mapping[str, Callable[[argparse.Namespace], Task]]
"""A function of the options for each data set of a study."""


def parse_arguments(
    arguments: list[str] | None,
    name: str,
    description: str,
    tasks: Tasks,
    methods: Sequence[str],
    add_options: Callable[[argparse.ArgumentParser], Any],
) -> argparse.Namespace:
    parser = command.parser(description, f"results/{name}.jsonl")
    parser.add_argument(
        "--search",
        action="store_true",
        help="search the strengths on validation data, with seed 0",
    )
    parser.add_argument("--data", nargs="+", choices=tasks, default=[*tasks])
    parser.add_argument(
        "--method", nargs="+", choices=METHODS, default=[*methods]
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, help="instead of the study's")
    parser.add_argument(
        "--information",
        action="store_true",
        help="measure the modalities' information every epoch (Fig. 2)",
    )
    add_options(parser)
    return parser.parse_args(arguments)


def settings(args: argparse.Namespace, task: Task, **options: Any) -> Settings:
    """A run of the task with its own epochs, or with those asked for."""
    return Settings(
        epochs=args.epochs or task.epochs,
        batch_size=task.batch_size,
        learning_rate=task.learning_rate,
        **options,
    )


def search_all(
    args: argparse.Namespace, data: str, task: Task, store: runs.RunStore
) -> None:
    """Every value of each method that has a strength, on validation data."""
    for name in args.method:

        def measure(value: Strength, name: str = name) -> float:
            tried = settings(
                args,
                task,
                data=data,
                method=name,
                seed=0,
                strength=value,
                select=True,
            )
            store.run(tried.record(), lambda: train(tried, task))
            return criterion(store.runs, tried)

        if METHODS[name].values:
            search(measure, METHODS[name].values)


def criterion(found: list[dict], tried: Settings) -> float:
    """That of the run with these settings."""
    record = tried.record()
    return next(
        run["criterion"]
        for run in found
        if all(run[name] == value for name, value in record.items())
    )


def chosen(found: list[dict], data: str, method: str) -> Strength:
    """The strength with the best criterion; of equals the first."""
    values = METHODS[method].values
    if not values:
        return None
    tried = {
        run["strength"]: run["criterion"]
        for run in found
        if run["select"] and (run["data"], run["method"]) == (data, method)
    }
    if set(values) - set(tried):
        raise SystemExit(
            f"No strength of {method} on {data} yet: run `--search` first."
        )
    return max(values, key=lambda value: tried[value])


def run_all(
    args: argparse.Namespace, data: str, task: Task, store: runs.RunStore
) -> None:
    """The rows of the table with every seed."""
    strengths = {name: chosen(store.runs, data, name) for name in args.method}
    for seed in args.seeds:
        for name, strength in strengths.items():
            each = settings(
                args,
                task,
                data=data,
                method=name,
                seed=seed,
                strength=strength,
            )
            measured = args.information and name in figures.SHOWN
            store.run(
                each.record(),
                lambda each=each, measured=measured: train(
                    each, task, measured
                ),
            )


def main(
    arguments: list[str] | None,
    name: str,
    description: str,
    tasks: Tasks,
    methods: Sequence[str],
    smoke: Callable[[], Task],
    add_options: Callable[[argparse.ArgumentParser], Any],
) -> None:
    """Runs a study.

    Args:
        arguments: Of the command line, or `None` for the process's own.
        name: Of the study.
        description: What it asks.
        tasks: How to load each of its data sets.
        methods: The rows of its table.
        smoke: A function that makes a tiny task up.
        add_options: A function that adds options to a parser.
    """
    args = parse_arguments(
        arguments, name, description, tasks, methods, add_options
    )
    if args.table:
        print(tables.markdown(runs.read_runs(*args.table)))
    elif args.figures:
        figures.save(runs.read_runs(*args.figures), args.output)
    elif args.smoke:
        smoke_all(args, smoke())
    else:
        store = runs.RunStore(args.results)
        for data in args.data:
            task = tasks[data](args)
            if args.search:
                search_all(args, data, task, store)
            else:
                run_all(args, data, task, store)


def data_option(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    """An option for where data are."""
    parser.add_argument(name, type=pathlib.Path, help=text)


def smoke_all(args: argparse.Namespace, task: Task) -> None:
    """An epoch of three rows; the search of one."""
    args.epochs, args.information = 1, True
    store = runs.RunStore()
    for args.method in (["lmh_noise"], ["plain"]):
        search_all(args, "smoke", task, store)
        run_all(args, "smoke", task, store)
    print(tables.markdown(store.runs))
    with command.temporary_folder() as folder:
        figures.save(store.runs, folder)
