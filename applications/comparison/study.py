"""The fair table: every method on every problem, by one protocol.

    python -m applications.comparison.study --data DIR

For each problem and method, `--stage select` trains with each of the method's
three values and looks at validation data only; `--stage test` trains with the
value that the rule of `selection.py` chooses, once for each of `--seeds`, and
looks at test data. Problems are those of `applications.common.problems`; all
methods of a problem train for the same steps, and are looked at after the last
one. Runs that the results file has are not run again.
"""

import argparse
import concurrent.futures
import functools
import multiprocessing
import os
import pathlib
import sys

from applications.common import command
from applications.common import problems
from applications.common.runs import RunStore
from applications.common.runs import read_runs
from applications.comparison import figures
from applications.comparison import tables
from applications.comparison.measure import Job
from applications.comparison.measure import run
from applications.comparison.methods import METHODS
from applications.comparison.methods import available
from applications.comparison.selection import choose

PROBLEMS = tuple(
    name
    for name in problems.PROBLEMS
    if name not in ("text_numbers", "vqa")  # Those are for first contact.
)
STAGES = ("select", "test")
RUNS_OF_A_WORKER = 40
"""After which it is replaced, because compiled programs pile up."""


def selection_jobs(problem: str, methods: list[str], epochs: int) -> list[Job]:
    """Each value of each method, once."""
    return [
        Job("select", problem, name, value, 0, epochs)
        for name in methods
        for value in METHODS[name].values
    ]


def chosen(problem: str, method: str, runs: list[dict], epochs: int):
    """The value that validation data choose, from the runs of `select`."""
    accuracies = {
        (run["method"], run["value"]): run["accuracy"]["intact"]
        for run in runs
        if (run["stage"], run["problem"], run["epochs"])
        == ("select", problem, epochs)
    }
    values = METHODS[method].values
    if len(values) == 1:
        return values[0]
    needed = {(method, value) for value in values} | {("plain", None)}
    if not needed <= accuracies.keys():
        raise SystemExit(
            f"Run `--stage select` first: no validation accuracy of {method} "
            f"on {problem}, or of plain training."
        )
    return choose(
        values,
        {value: accuracies[method, value] for value in values},
        accuracies["plain", None],
    )


def test_jobs(
    problem: str,
    methods: list[str],
    seeds: list[int],
    runs: list[dict],
    epochs: int,
) -> list[Job]:
    """The chosen value of each method, with every seed."""
    values = {name: chosen(problem, name, runs, epochs) for name in methods}
    # A problem's data of a seed are loaded once for all methods.
    return [
        Job("test", problem, name, values[name], seed, epochs)
        for seed in seeds
        for name in methods
    ]


def jobs(args: argparse.Namespace, stage: str, runs: list[dict]) -> list[Job]:
    """All runs of a stage."""
    found = []
    for name in args.problems:
        problem = problems.get(name)
        epochs = 1 if args.smoke else args.epochs or problem.epochs
        methods = [
            method
            for method in args.methods or available()
            if METHODS[method].applies(problem)
        ]
        if stage == "select":
            found += selection_jobs(name, methods, epochs)
        else:
            found += test_jobs(name, methods, args.seeds, runs, epochs)
    return found


def work(pending: list[Job], store: RunStore, args: argparse.Namespace) -> None:
    """Runs what is pending, in as many processes as there are workers."""
    folder = None if args.smoke else args.data
    if args.workers == 1:
        for job in pending:
            store.run(job.settings(), functools.partial(run, job, folder))
        return
    one_core_each()
    with concurrent.futures.ProcessPoolExecutor(
        args.workers,
        multiprocessing.get_context("spawn"),
        max_tasks_per_child=RUNS_OF_A_WORKER,
    ) as pool:
        waiting = {pool.submit(run, job, folder): job for job in pending}
        for future in concurrent.futures.as_completed(waiting):
            store.run(waiting[future].settings(), future.result)


def one_core_each() -> None:
    """Keeps XLA in the processes to come from starting a thread per core."""
    os.environ["XLA_FLAGS"] = (
        os.environ.get("XLA_FLAGS", "")
        + " --xla_cpu_multi_thread_eigen=false"
        + " intra_op_parallelism_threads=1"
    )
    os.environ["OMP_NUM_THREADS"] = "1"


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = command.parser(__doc__.splitlines()[0], "results/comparison.jsonl")
    parser.add_argument(
        "--data", type=pathlib.Path, help="the folder of the data files"
    )
    parser.add_argument(
        "--stage", nargs="+", choices=STAGES, default=list(STAGES)
    )
    parser.add_argument(
        "--problems", nargs="+", choices=problems.PROBLEMS, default=PROBLEMS
    )
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, help="default: all there are"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--epochs", type=int, help="instead of the problem's own"
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="processes, one for a core"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    args = parse_arguments(arguments)
    if args.table:
        print(tables.report(read_runs(*args.table)))
        return
    if args.figures:
        figures.draw(read_runs(*args.figures), args.output)
        return
    if args.data is None and not args.smoke:
        raise SystemExit("Pass the folder of the data files as `--data`.")
    store = RunStore(None if args.smoke else args.results)
    for stage in args.stage:
        found = jobs(args, stage, store.runs)
        work([j for j in found if j.settings() not in store], store, args)
    print(tables.report(store.runs))


if __name__ == "__main__":
    sys.exit(main())
