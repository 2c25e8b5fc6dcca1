"""A search that is killed and resumed, and one by a chief and two workers.

In a process of its own, which forks before anything has run.
"""

import functools
import json
import os
import pathlib
import signal
import sys
import time
from unittest import mock

import keras_tuner

from keras_mmreg.hypermodels import RegularizedHyperModel
from tests import toys

COMPILE = {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"}
COMPILE["metrics"] = ["accuracy"]
WORKERS = ("tuner0", "tuner1")


class Kill(keras_tuner.RandomSearch):
    """Kills its process in the middle of the second trial."""

    def on_epoch_end(self, trial, model, epoch, logs=None):
        super().on_epoch_end(trial, model, epoch, logs)
        if trial.trial_id.endswith("1"):
            os.kill(os.getpid(), signal.SIGKILL)


def create(directory: str, tuner=keras_tuner.RandomSearch):
    return tuner(
        RegularizedHyperModel(
            lambda hp: toys.linear(), COMPILE, suspects=["audio"]
        ),
        objective=keras_tuner.Objective("val_balanced_accuracy", "max"),
        max_trials=3,
        seed=0,
        directory=directory,
        overwrite=False,
    )


def search(tuner) -> None:
    x, y = toys.data(toys.linear())
    tuner.search(x, y, validation_data=(x, y), verbose=0)


def in_process(function, **environment: str) -> int:
    """Forks a process that runs `function`."""
    process = os.fork()
    if process == 0:
        os.environ.update(environment)
        # KerasTuner's chief would sleep for 20 seconds before it leaves.
        sleep = time.sleep
        with mock.patch("time.sleep", lambda _: sleep(0.1)):
            function()
        os._exit(0)
    return process


def finished(directory: str) -> dict[str, float]:
    """The scores of the trials that are finished."""
    trials = create(directory).oracle.trials
    return {
        name: trial.score
        for name, trial in sorted(trials.items())
        if trial.status == "COMPLETED"
    }


def lead(directory: str) -> None:
    """Searches as the chief, which stays until both workers have left.

    KerasTuner's would leave if one of them has finished all trials before the
    other one asks for its first.
    """
    has_left = [pathlib.Path(f"{directory}/{name}.left") for name in WORKERS]
    with mock.patch(
        "keras_tuner.src.distribute.oracle_chief.exit_chief",
        lambda oracle: all(path.exists() for path in has_left),
    ):
        search(create(f"{directory}/shared"))


def work(directory: str, name: str) -> None:
    """Searches as a worker."""
    try:
        search(create(f"{directory}/shared"))
    finally:
        pathlib.Path(f"{directory}/{name}.left").touch()


def main(directory: str, port: str) -> None:
    killed, shared = f"{directory}/killed", f"{directory}/shared"
    oracle = {"KERASTUNER_ORACLE_IP": "127.0.0.1"}
    oracle["KERASTUNER_ORACLE_PORT"] = port
    roles = {"chief": functools.partial(lead, directory)}
    for name in WORKERS:
        roles[name] = functools.partial(work, directory, name)
    processes = [
        in_process(role, KERASTUNER_TUNER_ID=name, **oracle)
        for name, role in roles.items()
    ]
    processes.append(in_process(lambda: search(create(killed, Kill))))
    results = {"exits": [os.waitpid(each, 0)[1] for each in processes]}
    results["shared"] = finished(shared)
    results["before"] = finished(killed)
    search(create(killed))
    results["after"] = finished(killed)
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
