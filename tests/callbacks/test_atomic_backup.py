"""Training that is killed goes on as if it had not been."""

import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_mmreg.callbacks import AtomicBackup
from keras_mmreg.callbacks import HeldOut
from keras_mmreg.models import RegularizedModel
from tests import toys

EPOCHS = 4


def create():
    keras.utils.set_random_seed(0)
    model = RegularizedModel(toys.linear(), "noise", seed=0)
    model.compile(
        keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy"
    )
    return model


def fit(model, callbacks):
    x, y = toys.data(model.inner)
    held_out = toys.data(model.inner, seed=1)
    return model.fit(
        x,
        y,
        batch_size=8,
        epochs=EPOCHS,
        shuffle=False,
        callbacks=[*callbacks, HeldOut(held_out, doubt=True, start=1)],
        verbose=0,
    ).history


def values(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [ops.convert_to_numpy(variable) for variable in variables]


def assert_uninterrupted(history, model):
    expected = create()
    assert fit(expected, []) == history
    for ours, theirs in zip(values(model), values(expected), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def kill_in_the_third_write(directory):
    """Runs in a process of its own, and ends in the middle of a file."""
    save, written = RegularizedModel.save_weights, []

    def save_weights(self, filepath, **kwargs):
        save(self, filepath, **kwargs)
        written.append(filepath)
        if len(written) == 3:
            os.truncate(filepath, os.path.getsize(filepath) // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    RegularizedModel.save_weights = save_weights
    fit(create(), [AtomicBackup(directory)])


@pytest.mark.skipif(
    keras.config.backend() != "jax", reason="the files are Keras's"
)
def test_a_kill_during_a_write_loses_that_epoch_alone(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tests.callbacks import test_atomic_backup as t; "
            f"t.kill_in_the_third_write({str(tmp_path)!r})",
        ]
    )
    assert done.returncode == -signal.SIGKILL
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["epoch-00000001", "epoch-00000002.unfinished"]
    model, begun = create(), []
    count = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begun.append(epoch)
    )
    history = fit(model, [AtomicBackup(tmp_path), count])
    assert begun == [2, 3]
    assert model.history.epoch == [0, 1, 2, 3]
    assert_uninterrupted(history, model)
    assert not list(tmp_path.iterdir())
    # Another `fit` starts at its own epoch.
    fit(model, [count])
    assert begun == [2, 3, 0, 1, 2, 3]


def test_an_interrupted_epoch_is_repeated(tmp_path):
    class Interruption(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(create(), [AtomicBackup(tmp_path), Interruption()])
    # Killed after a backup was whole, and before the last was removed.
    (tmp_path / "epoch-00000000").mkdir()
    model = create()
    assert_uninterrupted(fit(model, [AtomicBackup(tmp_path)]), model)


@pytest.mark.skipif(
    keras.config.backend() != "jax", reason="the files are Keras's"
)
def test_what_keras_does(tmp_path):
    """If this fails, Keras's own callback may be safe by now."""
    model = create()
    backup = keras.callbacks.BackupAndRestore(
        str(tmp_path), delete_checkpoint=False
    )
    backup.set_model(model)
    backup.on_epoch_end(0)
    (path,) = pathlib.Path(tmp_path).glob("*.weights.h5")
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(OSError, match="truncated"):
        backup.on_train_begin()


def test_bad_arguments():
    with pytest.raises(ValueError, match="`directory` must be"):
        AtomicBackup("")
