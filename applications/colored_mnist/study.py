"""Colored MNIST: does a classifier still see the shape when color is easier?

Trains on digits whose color gives the label away, then tests on the same
digits in gray (Gat et al. 2020, section 6.1 and Table 1a).

    python -m applications.colored_mnist.study --method fisher --seeds 0 1 2

`--select` trains on nine tenths of the training set and reports the accuracy
on the rest, in color and with the colors permuted between the examples; the
test set is not touched. The hyperparameters were chosen that way.
"""

import argparse
import dataclasses

import numpy as np

import keras_mmreg as mmreg
from applications.colored_mnist import figures
from applications.colored_mnist import tables
from applications.colored_mnist.training import CHOSEN
from applications.colored_mnist.training import GRAY_VALUES
from applications.colored_mnist.training import METHODS
from applications.colored_mnist.training import Settings
from applications.colored_mnist.training import train
from applications.common import command
from applications.common import runs


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = command.parser(
        __doc__.splitlines()[0], "results/colored_mnist.jsonl"
    )
    default = Settings()
    parser.add_argument(
        "--method",
        nargs="+",
        choices=METHODS,
        default=["fisher"],
        help="the regularizer; 'gray' trains on gray images, an upper bound",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--batch-size", type=int, default=default.batch_size)
    parser.add_argument(
        "--learning-rate", type=float, default=default.learning_rate
    )
    parser.add_argument("--clipnorm", type=float, help="of each gradient")
    parser.add_argument(
        "--amsgrad",
        action="store_true",
        help="Adam never forgets the largest gradients",
    )
    parser.add_argument(
        "--strength", type=float, help="default: what --select has chosen"
    )
    parser.add_argument(
        "--penalty-fraction", type=float, default=default.penalty_fraction
    )
    add_regularizer_options(parser)
    parser.add_argument(
        "--penalty-epochs", type=int, help="end the penalty after so many"
    )
    parser.add_argument(
        "--restart-optimizer",
        type=int,
        nargs="*",
        default=[],
        metavar="EPOCH",
        help="the optimizer forgets what was before these epochs",
    )
    parser.add_argument(
        "--mnist",
        help="path of an mnist.npz, or 'download'; "
        "default: the 6,000 digits shipped with the package",
    )
    parser.add_argument(
        "--palette",
        default="default",
        choices=[*mmreg.datasets.PALETTES, "random"],
        help="the colors of the classes; 'random' draws others for each seed",
    )
    parser.add_argument(
        "--select", action="store_true", help="use validation data only"
    )
    return parser.parse_args(arguments)


def add_regularizer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--num-samples", type=int)
    parser.add_argument("--reduction", help="see InformationRegularizer")
    parser.add_argument(
        "--stddev",
        type=number_or_name,
        help="'batch', 'example' or a number",
    )
    parser.add_argument("--perturbation", choices=["coordinate", "joint"])
    parser.add_argument("--cross-entropy", choices=["paper", "reversed"])
    parser.add_argument(
        "--bound", choices=["paper", "gaussian"], default="paper"
    )
    parser.add_argument("--floor", type=float)
    parser.add_argument("--momentum", type=float)


def number_or_name(text: str) -> float | str:
    return text if text in ("batch", "example") else float(text)


def all_settings(args: argparse.Namespace) -> list[Settings]:
    """The runs of a command, seed by seed."""
    own = {field.name for field in dataclasses.fields(Settings)}
    shared = {name: each for name, each in vars(args).items() if name in own}
    shared["restart_optimizer"] = tuple(args.restart_optimizer)
    shared["data"] = "full" if args.mnist else "shipped"
    return [
        Settings(
            **{
                **shared,
                "method": method,
                "seed": seed,
                "strength": CHOSEN.get(method)
                if args.strength is None
                else args.strength,
            }
        )
        for seed in args.seeds
        for method in args.method
    ]


def load(settings: Settings, mnist: str | None) -> mmreg.datasets.ColoredMNIST:
    """The digits in color, in the colors of the palette."""
    palette = settings.palette
    if palette == "random":
        rng = np.random.default_rng(settings.seed)
        palette = rng.uniform(size=(10, 3))
    data = mmreg.datasets.load_colored_mnist(
        mnist,
        validation_split=0.1 if settings.select else 0.0,
        palette=palette,
        gray_values=GRAY_VALUES,
    )
    if settings.num_examples is None:
        return data
    x, y = data.train
    few = slice(settings.num_examples)
    return data._replace(
        train=({name: values[few] for name, values in x.items()}, y[few])
    )


def run_all(
    all_runs: list[Settings],
    store: runs.RunStore,
    mnist: str | None,
    verbose: int,
) -> None:
    """Trains what the store does not have; data are loaded when needed."""
    loaded: dict[tuple, mmreg.datasets.ColoredMNIST] = {}

    def run(settings: Settings) -> runs.Outcome:
        random = settings.seed if settings.palette == "random" else None
        key = settings.palette, random, settings.select
        if key not in loaded:
            loaded.clear()
            loaded[key] = load(settings, mnist)
        return train(settings, loaded[key], verbose)

    for settings in all_runs:
        store.run(settings.record(), lambda settings=settings: run(settings))


def smoke(args: argparse.Namespace) -> None:
    """An epoch of 256 shipped digits, with the tables and the figures."""
    args.seeds, args.epochs = [0], 1
    with command.temporary_folder() as folder:
        for args.select in (True, False):
            args.method = ["none"] if args.select else ["none", "fisher"]
            store = runs.RunStore(folder / f"{args.select}.jsonl")
            all_runs = [
                dataclasses.replace(each, num_examples=256)
                for each in all_settings(args)
            ]
            run_all(all_runs, store, None, args.verbose)
            print(tables.markdown(store.runs))
        figures.save([store.path], folder / "figures")


def main(arguments: list[str] | None = None) -> None:
    args = parse_arguments(arguments)
    if args.table:
        print(tables.markdown(runs.read_runs(*args.table)))
    elif args.figures:
        figures.save(args.figures, args.output)
    elif args.smoke:
        smoke(args)
    else:
        store = runs.RunStore(args.results)
        run_all(all_settings(args), store, args.mnist, args.verbose)


if __name__ == "__main__":
    main()
