"""Builds, warms up and times the variants of a setting."""

import threading
import time
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import asdict

import keras
import numpy as np

import keras_mmreg as mmreg
from applications.benchmarks import architectures
from applications.benchmarks import devices
from applications.benchmarks.variants import EXTRA_MODALITY
from applications.benchmarks.variants import Setting
from applications.benchmarks.variants import Variant
from applications.common import settings

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class StepTimer(keras.callbacks.Callback):
    """Seconds per step after the first, until the last one's logs arrive.

    What `fit` does before and after its steps is left out. As Keras calls
    `on_*_batch_end` from a thread once the logs are there, no step waits for
    the one before it, except the second: the clock starts from rest.
    """

    async_safe = True

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__()
        self._clock = clock
        self._first_step_done = threading.Event()
        self._start = 0.0
        self._ends: list[float] = []

    def on_train_batch_begin(
        self, batch: int, logs: dict | None = None
    ) -> None:
        if batch == 1:
            self._first_step_done.wait()
            self._start = self._clock()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._ends.append(self._clock())
        self._first_step_done.set()

    on_test_batch_begin = on_train_batch_begin
    on_test_batch_end = on_train_batch_end

    @property
    def seconds_per_step(self) -> float:
        return (max(self._ends) - self._start) / (len(self._ends) - 1)


def prepare(
    setting: Setting, variant: Variant, steps: int, clock: str = "wall"
) -> Callable[[], float]:
    """A function that runs a few steps and returns the seconds per step."""
    encoders = architectures.encoders(
        setting.model, setting.modalities, setting.image_size
    )
    if variant.network == "encoder":
        encoders = {EXTRA_MODALITY: encoders[EXTRA_MODALITY]}
    model = _compiled_model(encoders, variant)
    x, y = _random_data(encoders, setting.batch_size * (steps + 1))
    method = model.fit if variant.measure == "fit" else model.evaluate

    def run() -> float:
        timer = StepTimer(CLOCKS[clock])
        method(
            x,
            y,
            batch_size=setting.batch_size,
            callbacks=[timer],
            verbose=0,
        )
        return timer.seconds_per_step

    return run


def _compiled_model(
    encoders: dict[str, architectures.Encoder], variant: Variant
) -> keras.Model:
    model = architectures.classifier(encoders)
    if variant.network == "subclassed":
        model = architectures.Subclassed(model)
    if variant.perturbation:
        model = mmreg.models.RegularizedModel(
            model,
            mmreg.regularizers.FisherInformation(
                strength=0.1,
                bound="paper",
                perturbation=variant.perturbation,
                fraction=variant.fraction,
            ),
            modalities=[name for name in encoders if name != variant.left_out],
            seed=0,
        )
    elif variant.method:
        model = mmreg.models.RegularizedModel(
            model,
            _method(variant, list(encoders)),
            taps="auto" if variant.taps else None,
            seed=0,
        )
    model.compile(
        keras.optimizers.Adam(1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def _method(
    variant: Variant, modalities: list[str]
) -> mmreg.regularizers.Regularizer:
    """A method at its defaults, without the probes of a gate."""
    options: dict = {"fraction": variant.fraction or 1.0}
    if variant.method in ("noise", "mix"):
        options["gate"] = None
    if variant.method == "gate":
        return mmreg.regularizers.ModalityGate()
    if variant.method == "shuffle":
        suspects = modalities[-1:]
        return mmreg.regularizers.ModalityShuffle(suspects, **options)
    return mmreg.regularizers.ALIASES[variant.method](**options)


def _random_data(
    encoders: dict[str, architectures.Encoder], size: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    x = {
        name: rng.normal(size=(size, *shape)).astype("float32")
        for name, (shape, _) in encoders.items()
    }
    return x, rng.integers(architectures.NUM_CLASSES, size=size)


def step_times(
    setting: Setting,
    variants: Sequence[Variant],
    rounds: int,
    steps: int,
    clock: str = "wall",
) -> list[dict]:
    """Times all variants in turn, round after round; one row for each."""
    keras.utils.clear_session()  # Frees the models of an earlier setting.
    runs = [prepare(setting, variant, steps, clock) for variant in variants]
    seconds = interleaved(runs, rounds)
    by_variant = dict(zip(variants, seconds, strict=True))
    return [
        {
            **identity(setting, variant),
            "rounds": rounds,
            "steps": steps,
            "clock": clock,
            **summary(times, by_variant[variant.reference], "seconds_per_step"),
        }
        for variant, times in by_variant.items()
    ]


def interleaved(runs: Sequence[Callable[[], float]], rounds: int) -> np.ndarray:
    """The seconds of each run in each round, all taking turns."""
    for run in runs:  # Compiles.
        run()
    return np.array([[run() for run in runs] for _ in range(rounds)]).T


def identity(setting: Setting, variant: Variant) -> dict:
    """What was measured, and where."""
    return {**environment(), **asdict(setting), **asdict(variant)}


def environment() -> dict:
    """Where the times were measured."""
    return {
        "backend": keras.config.backend(),
        "device": devices.device(),
        "versions": devices.versions(),
        "environment": settings.environment(),
    }


def summary(
    times: np.ndarray, reference: np.ndarray, name: str = "seconds"
) -> dict:
    """The median over the rounds and its ratio to that of the reference."""
    median = float(np.median(times))
    return {
        name: median,
        "seconds_min": float(times.min()),
        "seconds_quartiles": np.quantile(times, (0.25, 0.75)).tolist(),
        "ratio": median / float(np.median(reference)),
        "ratio_quartiles": np.quantile(
            times / reference, (0.25, 0.75)
        ).tolist(),
    }
