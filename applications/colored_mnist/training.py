"""Colored MNIST: the net, the methods, and one run of one of them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import keras_mmreg as mmreg
from applications.common.callbacks import Accuracies
from applications.common.callbacks import Stopwatch
from applications.common.runs import Outcome
from applications.common.settings import regularizer_settings

REGULARIZERS = ("entropy", "variance", "fisher", "poincare")
METHODS = ("none", "gray", "weight_decay", *REGULARIZERS)
CHOSEN = {
    "weight_decay": 1e-3,
    "entropy": 0.003,
    "variance": 0.03,
    "fisher": 0.3,
    "poincare": 1.0,
}
"""The strengths that `--select` has chosen."""
GRAY_VALUES = (0.0, 0.5, 1.0)
KEPT_CURVES = ("color", "permuted", "gray_", "information_")
"""The beginnings of the curves that are saved."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on.

    `None` leaves an option of a regularizer to the package. The bound is the
    paper's, and so are the strengths: numbers, in its units.
    """

    method: str = "fisher"
    seed: int = 0
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-2
    clipnorm: float | None = None
    amsgrad: bool = False
    strength: float | None = None
    penalty_fraction: float = 0.125
    bound: str = "paper"
    num_samples: int | None = None
    reduction: str | None = None
    stddev: str | float | None = None
    perturbation: str | None = None
    cross_entropy: str | None = None
    floor: float | None = None
    momentum: float | None = None
    penalty_epochs: int | None = None
    restart_optimizer: tuple[int, ...] = ()
    palette: str = "default"
    data: str = "shipped"
    num_examples: int | None = None
    select: bool = False

    def record(self) -> dict[str, Any]:
        """Everything, with the regularizer's defaults, for the run store."""
        settings = dataclasses.asdict(self)
        if self.method in REGULARIZERS:
            settings["regularizer"] = regularizer_settings(regularizer(self))
        return settings


def build_model(weight_decay: float = 0.0) -> keras.Model:
    """A small convolutional net; the raw color joins before the last layer."""
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


def regularizer(
    settings: Settings,
) -> mmreg.regularizers.InformationRegularizer:
    """The paper's penalty of a method."""
    names = (
        "strength",
        "bound",
        "reduction",
        "num_samples",
        "stddev",
        "perturbation",
        "cross_entropy",
        "floor",
        "momentum",
    )
    options = {name: getattr(settings, name) for name in names}
    options = {name: each for name, each in options.items() if each is not None}
    options["fraction"] = settings.penalty_fraction
    if settings.penalty_epochs is not None:
        options["schedule"] = first_epochs(settings.penalty_epochs)
    return type(mmreg.regularizers.get(settings.method))(**options)


def build_method(settings: Settings) -> keras.Model:
    """The model of a method, ready to be compiled."""
    if settings.method in ("none", "gray"):
        return build_model()
    if settings.method == "weight_decay":
        return build_model(settings.strength)
    return mmreg.models.RegularizedModel(
        build_model(),
        regularizer(settings),
        seed=settings.seed,
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


def evaluation_sets(settings: Settings, data: Any) -> dict:
    """Where the model is looked at: validation data, or the test sets."""
    if settings.select:
        x, y = data.validation
        permuted = mmreg.datasets.permute_colors(x, seed=0)
        return {"color": (x, y), "permuted": (permuted, y)}
    gray = {f"gray_{value:g}": data.test_gray[value] for value in GRAY_VALUES}
    return {"color": data.test, **gray}


def in_gray(x: dict, seed: int) -> dict:
    """Training images without color, at the gray values of the test."""
    rng = np.random.default_rng(seed)
    values = rng.choice(np.float32(GRAY_VALUES), size=(len(x["color"]), 1))
    return {**x, "color": np.repeat(values, 3, axis=1)}


def train(settings: Settings, data: Any, verbose: int = 0) -> Outcome:
    """One run: its results and its curves."""
    keras.utils.set_random_seed(settings.seed)
    model = build_method(settings)
    model.compile(
        keras.optimizers.Adam(
            settings.learning_rate,
            clipnorm=settings.clipnorm,
            amsgrad=settings.amsgrad,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x, y = data.train
    if settings.method == "gray":
        x = in_gray(x, settings.seed)
    held_out = data.validation if settings.select else data.test
    probe = {name: value[:1000] for name, value in held_out[0].items()}
    stopwatch = Stopwatch()
    history = model.fit(
        x,
        y,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        callbacks=[
            *(RestartOptimizer(each) for each in settings.restart_optimizer),
            stopwatch,
            Accuracies(evaluation_sets(settings, data)),
            mmreg.callbacks.InformationLogger(
                probe,
                information=mmreg.regularizers.FisherInformation(bound="paper"),
                batch_size=1000,
            ),
        ],
        verbose=verbose,
    ).history
    results = {
        **summary(settings, history),
        "information": {
            name: history[f"information_{name}"][-1]
            for name in ("color", "shape")
        },
        "seconds_per_epoch": stopwatch.seconds_per_epoch,
    }
    curves = {
        name: values
        for name, values in history.items()
        if name.startswith(KEPT_CURVES)
    }
    return results, curves


def summary(settings: Settings, history: dict) -> dict:
    """The accuracies of a run: last, best, and converged (last 5 epochs)."""
    if settings.select:
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
