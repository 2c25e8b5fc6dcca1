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
from keras_mmreg.models import CMVQVAE
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


@pytest.mark.once
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


@pytest.mark.once
def test_an_interrupted_epoch_is_repeated(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(create(), [AtomicBackup(tmp_path), Interruption(2)])
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


class Interruption(keras.callbacks.Callback):
    """Before the epoch, or, for an epoch of `None`, before the first."""

    def __init__(self, epoch=None):
        super().__init__()
        self.epoch = epoch

    def on_train_begin(self, logs=None):
        if self.epoch is None:
            raise KeyboardInterrupt

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def interrupted(directory, model, x, y, epoch):
    callbacks = [AtomicBackup(directory), Interruption(epoch)]
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=EPOCHS, callbacks=callbacks, verbose=0)


class Averaged(keras.Model):
    """Built by the first batch."""

    def __init__(self):
        super().__init__()
        self.heads = {"a": keras.layers.Dense(3), "b": keras.layers.Dense(3)}

    def call(self, inputs):
        return sum(self.heads[name](inputs[name]) for name in self.heads) / 2


def cm_vqvae():
    dense = keras.layers.Dense
    return CMVQVAE({"a": dense(4), "b": dense(4)}, head=dense(3))


X = {"a": np.eye(8, 3), "b": np.eye(8, 2)}
Y = np.arange(8) % 3


@pytest.mark.parametrize("create", [Averaged, cm_vqvae])
def test_a_model_that_is_not_built(tmp_path, create):
    model, backup = create(), AtomicBackup(tmp_path / "backup")
    backup.set_model(model)
    with pytest.raises(ValueError, match="must be built before `fit`"):
        backup.on_train_begin()
    assert not backup.backup_dir.exists()
    model(X)
    backup.on_train_begin()


@pytest.mark.parametrize(
    "create", [lambda: RegularizedModel(Averaged(), "dropout"), cm_vqvae]
)
def test_subclassed_models_go_on(tmp_path, create):
    models = [create(), create()]
    for model in models:
        model.compile("adam", toys.LOGITS_LOSS)
        if isinstance(model, CMVQVAE):
            model(X)
    interrupted(tmp_path, models[0], X, Y, epoch=2)
    history = models[1].fit(
        X, Y, epochs=EPOCHS, callbacks=[AtomicBackup(tmp_path)], verbose=0
    )
    assert history.epoch == [0, 1, 2, 3]


@pytest.mark.once
def test_metrics_of_several_numbers(tmp_path):
    model = toys.linear()
    x, y = toys.data(model)
    labels = np.eye(3, dtype="float32")[y]
    model.compile("sgd", "mse", metrics=[keras.metrics.F1Score()])
    interrupted(tmp_path, model, x, labels, epoch=2)
    history = model.fit(
        x, labels, epochs=EPOCHS, callbacks=[AtomicBackup(tmp_path)], verbose=0
    ).history
    assert [each.shape for each in history["f1_score"]] == [(3,)] * EPOCHS
    assert [type(each) for each in history["loss"]] == [float] * EPOCHS


@pytest.mark.once
@pytest.mark.parametrize("epoch", [None, 2])
def test_an_interrupted_fit_leaves_nothing_to_the_next(tmp_path, epoch):
    model = toys.linear()
    x, y = toys.data(model)
    model.compile("sgd", "sparse_categorical_crossentropy")
    interrupted(tmp_path / "a", model, x, y, epoch=1)
    interrupted(tmp_path / "a", model, x, y, epoch)
    # Nothing but another backup has a say before the first epoch.
    callbacks = [] if epoch else [AtomicBackup(tmp_path / "b")]
    history = model.fit(x, y, epochs=2, callbacks=callbacks, verbose=0)
    assert history.epoch == [0, 1]


@pytest.mark.once
def test_other_files_are_left_alone(tmp_path):
    for name in ("epoch-notes.txt", "epoch-00000009", "notes.unfinished"):
        (tmp_path / name).write_text("")
    (tmp_path / "epoch-best").mkdir()
    before = sorted(tmp_path.iterdir())
    model = create()
    fit(model, [AtomicBackup(tmp_path)])
    assert model.history.epoch == [0, 1, 2, 3]
    assert sorted(tmp_path.iterdir()) == before


def test_bad_arguments():
    with pytest.raises(ValueError, match="`backup_dir` must be"):
        AtomicBackup("")
