"""One run: train a net of a problem with a method, and look at it."""

import functools
import pathlib
import time
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from applications.common import problems
from applications.common.accuracies import all_hits
from applications.common.accuracies import hits
from applications.common.problems import Examples
from applications.common.problems import Splits
from applications.common.training import Ensemble
from applications.common.training import train
from applications.comparison.methods import METHODS

NUM_BLOCKS = 20
"""Of independent test examples, which intervals are drawn from."""


@dataclass(frozen=True)
class Job:
    """A run that a worker can be sent.

    Attributes:
        stage: `"select"` looks at validation data, `"test"` at test data.
        problem: Its name.
        method: Its name.
        value: Of the method's hyperparameter.
        seed: Which run of the problem, and of the weights.
        epochs: Of the problem, unless said otherwise.
    """

    stage: str
    problem: str
    method: str
    value: Any
    seed: int
    epochs: int

    def settings(self) -> dict[str, Any]:
        """What the results file knows the run by."""
        problem = problems.get(self.problem)
        return {
            **vars(self),
            "option": METHODS[self.method].option,
            "batch_size": problem.batch_size,
            "learning_rate": problem.learning_rate,
        }


class Steps(keras.callbacks.Callback):
    """Counts training steps, and their seconds without the first epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.timed, self.seconds = 0, 0, 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.start, self.first = time.perf_counter(), self.count

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.count += 1
        self.end = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if epoch:
            self.timed += self.count - self.first
            self.seconds += self.end - self.start

    @property
    def milliseconds(self) -> float | None:
        """Of a step, or `None` after a single epoch."""
        return 1000 * self.seconds / self.timed if self.timed else None


@functools.lru_cache(maxsize=2)
def load(name: str, folder: pathlib.Path, seed: int) -> Splits:
    """The data of a run, kept for the next method."""
    return problems.get(name).load(folder, seed)


def run(job: Job, folder: pathlib.Path | None) -> tuple[dict, dict]:
    """The results of a job and no history; without a folder, a smoke run."""
    problem = problems.get(job.problem)
    splits = load(job.problem, folder, job.seed) if folder else problem.dummy()
    keras.utils.clear_session()
    examples, looked_at, extra = splits.train, splits.validation, {}
    if job.stage == "test":
        looked_at, extra = splits.test, splits.extra
        if problem.refits:
            examples = examples.join(splits.validation)
    recipe, held_out = METHODS[job.method].recipe(problem, job.value), None
    if recipe.holds_out:
        examples, held_out = examples.hold_out(
            problem.grouped and recipe.holds_out_groups, job.seed
        )
    steps, start = Steps(), time.perf_counter()
    model = train(
        problem,
        recipe,
        examples,
        job.seed,
        held_out=held_out,
        epochs=job.epochs,
        callbacks=[steps],
    )
    seconds = time.perf_counter() - start
    found = all_hits(model, looked_at, problem.modalities, extra)
    if isinstance(model, Ensemble):
        for name, member in model.members.items():
            found[f"single_{name}"] = hits(member, looked_at)
    results = {
        "accuracy": {name: values.mean() for name, values in found.items()},
        "training_accuracy": hits(model, examples).mean(),
        "seconds": seconds,
        "milliseconds_per_step": steps.milliseconds,
    }
    if job.stage == "test":
        kept = {"intact", *extra} | {n for n in found if n.startswith("single")}
        results["by_group"] = {
            name: by_group(values, extra.get(name, looked_at), problem.grouped)
            for name, values in found.items()
            if name in kept
        }
    return results, {}


def by_group(
    values: np.ndarray, examples: Examples, grouped: bool
) -> dict[str, float]:
    """Mean by subject or speaker, or else by block of examples."""
    groups = examples.groups if grouped else np.arange(len(values)) % NUM_BLOCKS
    return {
        str(group): float(values[groups == group].mean())
        for group in np.unique(groups)
    }
