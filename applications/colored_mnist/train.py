"""Colored MNIST: does a classifier still see the shape when colour is easier?

Trains on digits whose colour gives the label away, then tests on the same
digits in gray (Gat et al. 2020, section 6.1 and Table 1a).

    python applications/colored_mnist/train.py --method fisher --seeds 0 1 2

`--select` trains on nine tenths of the training set and reports the accuracy
on the rest, in colour and with the colours permuted between the examples; the
test set is not touched. The hyperparameters were chosen that way.
"""

import argparse
import json
import pathlib
import time
from collections.abc import Callable

import keras
import numpy as np

import keras_mmreg as mmreg

CHOSEN = {
    "weight_decay": {"strength": 1e-3},
    "entropy": {"strength": 0.003},
    "variance": {"strength": 0.03},
    "fisher": {"strength": 0.3},
    "poincare": {"strength": 1.0},
}
"""What `--select` has chosen."""
GRAY_VALUES = (0.0, 0.5, 1.0)


def build_model(weight_decay: float = 0.0) -> keras.Model:
    """A small convolutional net; the raw colour joins before the last layer."""
    l2 = keras.regularizers.L2(weight_decay) if weight_decay else None
    shape = keras.Input((28, 28, 1), name="shape")
    color = keras.Input((3,), name="color")
    x = shape
    for filters in (16, 32):
        x = keras.layers.Conv2D(
            filters, 3, strides=2, activation="relu", kernel_regularizer=l2
        )(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu", kernel_regularizer=l2)(x)
    x = keras.layers.Concatenate()([x, color])
    logits = keras.layers.Dense(10, kernel_regularizer=l2)(x)
    return keras.Model({"color": color, "shape": shape}, logits)


def wrap(args: argparse.Namespace, seed: int) -> keras.Model:
    """The model of a method, ready to be compiled."""
    if args.method in ("none", "gray"):
        return build_model()
    if args.method == "weight_decay":
        return build_model(args.strength)
    options = {
        name: getattr(args, name)
        for name in (
            "strength",
            "reduction",
            "num_samples",
            "stddev",
            "perturbation",
            "cross_entropy",
            "floor",
            "momentum",
        )
        if getattr(args, name) is not None
    }
    if args.penalty_epochs is not None:
        options["schedule"] = first_epochs(args.penalty_epochs)
    regularizer = type(mmreg.regularizers.get(args.method))(**options)
    return mmreg.models.RegularizedModel(
        build_model(),
        regularizer,
        penalty_fraction=args.penalty_fraction,
        seed=seed,
    )


def first_epochs(count: int) -> Callable:
    """A schedule that ends the penalty."""
    return lambda step, epoch: keras.ops.cast(epoch < count, "float32")


class RestartOptimizer(keras.callbacks.Callback):
    """Makes the optimizer forget the gradients of the epochs before."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == self.epoch:
            for variable in self.model.optimizer.variables:
                if variable.name != "learning_rate":
                    variable.assign(np.zeros(variable.shape))


class Accuracies(keras.callbacks.Callback):
    """Logs the accuracy on several data sets after every epoch."""

    def __init__(self, datasets: dict) -> None:
        super().__init__()
        self.datasets = datasets

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        for name, (x, y) in self.datasets.items():
            logits = self.model.predict(x, batch_size=1000, verbose=0)
            logs[name] = float(np.mean(np.argmax(logits, axis=-1) == y))


class Stopwatch(keras.callbacks.Callback):
    """Seconds in the training steps of each epoch after the first.

    The first epoch compiles.
    """

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.end = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if epoch > 0:
            self.seconds.append(self.end - self.start)


def evaluation_sets(args: argparse.Namespace, data) -> dict:
    """Where the model is looked at: validation data, or the test sets."""
    if args.select:
        x, y = data.validation
        permuted = mmreg.datasets.permute_colors(x, seed=0)
        return {"color": (x, y), "permuted": (permuted, y)}
    gray = {f"gray_{value:g}": data.test_gray[value] for value in GRAY_VALUES}
    return {"color": data.test, **gray}


def in_gray(x: dict, seed: int) -> dict:
    """Training images without colour, at the gray values of the test."""
    rng = np.random.default_rng(seed)
    values = rng.choice(np.float32(GRAY_VALUES), size=(len(x["color"]), 1))
    return {**x, "color": np.repeat(values, 3, axis=1)}


def train(args: argparse.Namespace, data, seed: int) -> dict:
    """One run, as an object of the results file."""
    keras.utils.set_random_seed(seed)
    model = wrap(args, seed)
    model.compile(
        keras.optimizers.Adam(
            args.learning_rate, clipnorm=args.clipnorm, amsgrad=args.amsgrad
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x, y = data.train
    if args.method == "gray":
        x = in_gray(x, seed)
    held_out = data.validation if args.select else data.test
    probe = {name: value[:1000] for name, value in held_out[0].items()}
    stopwatch = Stopwatch()
    restarts = [RestartOptimizer(epoch) for epoch in args.restart_optimizer]
    history = model.fit(
        x,
        y,
        batch_size=args.batch_size,
        epochs=args.epochs,
        callbacks=[
            *restarts,
            stopwatch,
            Accuracies(evaluation_sets(args, data)),
            mmreg.callbacks.InformationLogger(
                probe, information="fisher", stddev="batch", batch_size=1000
            ),
        ],
        verbose=args.verbose,
    ).history
    run = {
        "method": args.method,
        "seed": seed,
        "epochs": args.epochs,
        **summary(args, history),
        "information": {
            name: history[f"information_{name}"][-1]
            for name in ("color", "shape")
        },
        "seconds_per_epoch": float(np.mean(stopwatch.seconds or [np.nan])),
        "strength": args.strength,
        "num_samples": args.num_samples,
        "floor": args.floor,
        "momentum": args.momentum,
        "clipnorm": args.clipnorm,
        "amsgrad": args.amsgrad,
        "penalty_fraction": args.penalty_fraction,
        "penalty_epochs": args.penalty_epochs,
        "restart_optimizer": args.restart_optimizer,
        "palette": args.palette,
        "backend": keras.config.backend(),
        "history": {
            name: [round(float(value), 5) for value in values]
            for name, values in history.items()
        },
    }
    print({k: v for k, v in run.items() if k != "history"}, flush=True)
    return run


def summary(args: argparse.Namespace, history: dict) -> dict:
    """The accuracies of a run: last, best, and converged (last 5 epochs)."""
    if args.select:
        color, permuted = converged(history, ["color", "permuted"])
        return {
            "color_accuracy": color,
            "permuted_accuracy": permuted,
            "criterion": (color + permuted) / 2,
        }
    names = [f"gray_{value:g}" for value in GRAY_VALUES]
    gray = np.mean([history[name] for name in names], axis=0)
    by_value = converged(history, names)
    return {
        "color_accuracy": history["color"][-1],
        "gray_accuracy": float(gray[-1]),
        "gray_accuracy_max": float(gray.max()),
        "gray_accuracy_converged": float(np.mean(by_value)),
        "gray_accuracy_converged_by_value": dict(
            zip(names, by_value, strict=True)
        ),
    }


def converged(history: dict, names: list[str]) -> list[float]:
    """Means over the last five epochs."""
    return [float(np.mean(history[name][-5:])) for name in names]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--method",
        choices=["none", "gray", *CHOSEN],
        default="fisher",
        help="the regularizer; 'gray' trains on gray images, an upper bound",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
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
        "--penalty-fraction", type=float, help="default: likewise, or 0.125"
    )
    parser.add_argument("--num-samples", type=int, help="default: likewise")
    parser.add_argument("--reduction", help="see InformationRegularizer")
    parser.add_argument("--stddev", help="'batch', 'example' or a number")
    parser.add_argument("--perturbation", choices=["coordinate", "joint"])
    parser.add_argument("--cross-entropy", choices=["paper", "reversed"])
    parser.add_argument("--floor", type=float)
    parser.add_argument("--momentum", type=float)
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
        help="the colours of the classes; 'random' draws others for each seed",
    )
    parser.add_argument(
        "--select", action="store_true", help="use validation data only"
    )
    parser.add_argument("--verbose", type=int, default=1, choices=[0, 1, 2])
    parser.add_argument("--results", type=pathlib.Path, help="a JSON file")
    args = parser.parse_args()
    defaults = {"penalty_fraction": 0.125, **CHOSEN.get(args.method, {})}
    for name, value in defaults.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    if args.stddev not in (None, "batch", "example"):
        args.stddev = float(args.stddev)
    return args


def load(args: argparse.Namespace, seed: int) -> mmreg.datasets.ColoredMNIST:
    """The digits in colour, in the colours of the palette."""
    palette = args.palette
    if palette == "random":
        palette = np.random.default_rng(seed).uniform(size=(10, 3))
    return mmreg.datasets.load_colored_mnist(
        args.mnist,
        validation_split=0.1 if args.select else 0.0,
        palette=palette,
        gray_values=GRAY_VALUES,
    )


def main() -> None:
    args = parse_arguments()
    runs = []
    data = None
    for seed in args.seeds:
        if data is None or args.palette == "random":
            data = load(args, seed)
        runs.append(train(args, data, seed))
        if args.results:  # After every run, so that nothing is lost.
            args.results.parent.mkdir(parents=True, exist_ok=True)
            args.results.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
