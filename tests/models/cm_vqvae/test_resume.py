"""Training that goes on after loading is that which was never interrupted."""

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models import CMVQVAE

pytestmark = pytest.mark.eager

Dense = keras.layers.Dense
LABELS = np.arange(16) % 2
SHAPES = {"image": (None, 3), "audio": (None, 5)}


def create_model():
    """Random numbers in an encoder, in restarts of codes and in the mask."""
    # Not dropout: without a seed it draws from torch's own state on torch.
    encoder = keras.Sequential([Dense(4), keras.layers.GaussianNoise(0.3)])
    model = CMVQVAE(
        encoders={"image": encoder, "audio": Dense(2, name="same")},
        decoders={"image": Dense(3), "audio": Dense(5, name="same")},
        head=Dense(2, activation="softmax"),
        quantizers=VectorQuantizer(6, restart_threshold=0.9),
        mask="dropout",
        name="model",
    )
    model.compile(
        keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy"
    )
    return model


def fit(model, epochs=1, callbacks=()):
    random = np.random.default_rng(0)
    x = {
        "image": random.normal(size=(16, 3)).astype("float32"),
        "audio": random.normal(size=(16, 5)).astype("float32"),
    }
    model.fit(
        x,
        LABELS,
        batch_size=8,
        epochs=epochs,
        shuffle=False,
        callbacks=list(callbacks),
        verbose=0,
    )


def values(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [ops.convert_to_numpy(variable) for variable in variables]


def assert_continues(interrupted, resumed):
    for model in (interrupted, resumed):
        fit(model)
    pairs = zip(values(interrupted), values(resumed), strict=True)
    for expected, actual in pairs:
        np.testing.assert_array_equal(actual, expected)


def test_keras_file(tmp_path):
    model = create_model()
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    paths = [variable.path for variable in model.variables]
    assert [variable.path for variable in loaded.variables] == paths
    assert len(set(paths)) == len(paths)
    assert_continues(model, loaded)


class Interruption(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_backup_and_restore(tmp_path):
    keras.utils.set_random_seed(1)
    expected = create_model()
    expected.build(SHAPES)
    fit(expected, epochs=2)
    keras.utils.set_random_seed(1)
    interrupted = create_model()
    interrupted.build(SHAPES)
    backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
    with pytest.raises(KeyboardInterrupt):
        fit(interrupted, epochs=2, callbacks=[backup, Interruption()])
    resumed = create_model()
    resumed.build(SHAPES)
    backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
    fit(resumed, epochs=2, callbacks=[backup])
    for old, new in zip(values(expected), values(resumed), strict=True):
        np.testing.assert_array_equal(new, old)


# Orbax's own, of any model that is not spread over devices.
@pytest.mark.once("jax")
@pytest.mark.filterwarnings("ignore:Sharding info not provided")
def test_orbax(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    model = create_model()
    checkpoint = keras.callbacks.OrbaxCheckpoint(
        str(tmp_path), save_freq="epoch", save_on_background=False
    )
    fit(model, callbacks=[checkpoint])
    loaded = keras.saving.load_model(str(tmp_path))
    assert_continues(model, loaded)


@pytest.mark.once
def test_weights_of_a_model_without_seeds(tmp_path):
    plain, model = create_model(), create_model()
    fit(plain)
    fit(model)
    plain.save_weights(tmp_path / "plain.weights.h5")
    with h5py.File(tmp_path / "plain.weights.h5", "r+") as file:
        for name in list(file["vars"]):
            del file["vars"][name]
    with pytest.raises(ValueError, match="states of seed generators"):
        model.load_weights(tmp_path / "plain.weights.h5")
