"""Does every method, at its defaults, leave a net able to learn?

Trains the nets of `applications.common.problems` plainly and with each
regularizer as its name gives it, and compares their accuracies on the training
data. A method passes where its mean over the seeds is at most three points
below that of plain training.

    python -m applications.benchmarks.first_contact --data DIR \
        --results first_contact.jsonl

`--table` prints the table of results that exist.
"""

import argparse
import functools
import pathlib
import sys
import time
from collections import defaultdict

import numpy as np

from applications.common import command
from applications.common import problems
from applications.common import tables
from applications.common.accuracies import hits
from applications.common.problems import Examples
from applications.common.problems import Problem
from applications.common.runs import RunStore
from applications.common.runs import read_runs
from applications.common.training import Recipe
from applications.common.training import train
from keras_mmreg import regularizers
from keras_mmreg.callbacks import HeldOut

PLAIN = "plain"
PROBLEMS = (
    "utd_depth_skeleton",
    "watch",
    "av_digits_usable",
    "colored_mnist_raw",
    "colored_mnist_encoder",
    "text_numbers",
    "vqa",
)
NEED_ENCODERS = ("disentangled", "modulation", "prototypes")
"""Methods that refuse a modality without an encoder, such as a raw color."""
TOLERANCE = 0.03
MAX_EXAMPLES = 2000
"""Of the training data, on which the accuracy is taken."""


def methods() -> list[str]:
    """Plain training, and every regularizer that has a name."""
    return [PLAIN, *regularizers.ALIASES]


def recipe(method: str) -> Recipe:
    """A method at its defaults."""
    if method == PLAIN:
        return Recipe()
    gated = regularizers.get(method).uses_gate
    return Recipe(
        regularizer=method,
        taps="auto" if method in NEED_ENCODERS else None,
        callbacks=held_out if gated else None,
    )


def held_out(examples: Examples) -> list:
    """Measures the gate on examples that are not trained on."""
    return [HeldOut((examples.x, examples.y))]


def measure(
    problem: Problem, method: str, seed: int, folder: pathlib.Path, smoke: bool
) -> tuple[dict, dict]:
    """The accuracies after training; there is no history."""
    splits = problem.dummy() if smoke else problem.load(folder, 0)
    start = time.perf_counter()
    model = train(
        problem,
        recipe(method),
        splits.train,
        seed,
        held_out=splits.validation,
        epochs=1 if smoke else None,
    )
    seconds = time.perf_counter() - start
    accuracies = {
        "training_accuracy": hits(
            model,
            splits.train.take(np.arange(len(splits.train.y))[:MAX_EXAMPLES]),
        ).mean(),
        "validation_accuracy": hits(model, splits.validation).mean(),
    }
    return {**accuracies, "seconds": seconds}, {}


def table(runs: list[dict]) -> tuple[str, bool]:
    """Markdown, and whether every method passes everywhere."""
    accuracies: dict = defaultdict(dict)
    for run in runs:
        by_seed = accuracies[run["problem"], run["method"]]
        by_seed[run["seed"]] = run["training_accuracy"]
    names = list(dict.fromkeys(run["method"] for run in runs))
    names.sort(key=lambda name: name != PLAIN)
    lines = [tables.header("training accuracy", *names)]
    passed = True
    for problem in dict.fromkeys(run["problem"] for run in runs):
        plain = accuracies[problem, PLAIN]
        cells = []
        for name in names:
            values = accuracies[problem, name]
            # Of the same seeds, so that a part of the runs compares fairly.
            seeds = values.keys() & plain.keys()
            if not seeds:
                cells.append("none")
                continue
            loss = np.mean([plain[seed] - values[seed] for seed in seeds])
            failed = bool(loss > TOLERANCE)
            passed = passed and not failed
            cell = tables.percent(values.values(), digits=1)
            cells.append(f"**{cell}**" if failed else cell)
        title = problems.get(problem).title
        lines.append(tables.row(title, *cells))
    return "\n".join(lines), passed


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = command.parser(
        __doc__.splitlines()[0], "results/first_contact.jsonl"
    )
    parser.add_argument(
        "--data", type=pathlib.Path, help="the folder of the data files"
    )
    parser.add_argument(
        "--problems", nargs="+", default=PROBLEMS, choices=problems.PROBLEMS
    )
    parser.add_argument("--methods", nargs="+", default=None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    return parser.parse_args(arguments)


def report(runs: list[dict]) -> bool:
    """Prints the table and the verdict, and returns it."""
    text, passed = table(runs)
    print(text)
    verdict = "PASS" if passed else "FAIL"
    points = round(100 * TOLERANCE)
    print(f"\n{verdict}: within {points} points of plain training")
    return passed


def main(arguments: list[str] | None = None) -> int:
    args = parse_arguments(arguments)
    if args.table:
        return 0 if report(read_runs(*args.table)) else 1
    if args.data is None and not args.smoke:
        raise SystemExit("Pass the folder of the data files as `--data`.")
    store = RunStore(None if args.smoke else args.results)
    for name in args.problems:
        problem = problems.get(name)
        for method in args.methods or methods():
            if method in NEED_ENCODERS and not problem.has_encoders:
                continue
            for seed in args.seeds[:1] if args.smoke else args.seeds:
                settings = {
                    "problem": name,
                    "method": method,
                    "seed": seed,
                    "epochs": problem.epochs,
                    "batch_size": problem.batch_size,
                    "learning_rate": problem.learning_rate,
                }
                store.run(
                    settings,
                    functools.partial(
                        measure, problem, method, seed, args.data, args.smoke
                    ),
                )
    passed = report(store.runs)
    return 0 if passed or args.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
