"""A loaded `RegularizedModel` goes on as if it had never been interrupted."""

import collections

import keras
import numpy as np
import pytest
from keras import ops

from keras_mmreg import regularizers
from keras_mmreg.models import RegularizedModel
from tests import toys

WITH_STATE = (
    "fisher",
    "poincare",
    "entropy",
    "variance",
    "noise",
    "mix",
    "modulation",
    "prototypes",
)
"""Moving information, the gate, coefficients, prototypes; all have seeds."""


def create():
    audio = keras.Input((4,), name="audio")
    image = keras.Input((3,), name="image")
    heard = keras.layers.Dense(2, name="ear")(audio)
    seen = keras.layers.Dense(2, name="eye")(image)
    merged = keras.layers.Concatenate()([heard, seen])
    # An inner layer that draws random numbers, too.
    merged = keras.layers.GaussianNoise(0.1)(merged)
    inner = keras.Model(
        {"audio": audio, "image": image}, keras.layers.Dense(3)(merged)
    )
    methods = [
        *map(regularizers.get, WITH_STATE),
        regularizers.ModalityGate(threshold=0.0),
    ]
    model = RegularizedModel(
        inner, methods, taps={"audio": "ear", "image": "eye"}
    )
    model.compile(keras.optimizers.Adam(0.05), toys.LOGITS_LOSS)
    return model


def fit(model, **kwargs):
    x, y = toys.data(model.inner)
    options = {"batch_size": 8, "shuffle": False, "verbose": 0, **kwargs}
    model.fit(x, y, **options)


def values(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [ops.convert_to_numpy(variable) for variable in variables]


# Orbax's own, of any model that is not spread over devices.
@pytest.mark.filterwarnings("ignore:Sharding info not provided")
@pytest.mark.filterwarnings("ignore:The gate is measured on training data")
@pytest.mark.skipif(
    keras.config.backend() != "jax", reason="the paths are Keras's"
)
def test_orbax(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    model = create()
    paths = collections.Counter(variable.path for variable in model.variables)
    assert max(paths.values()) == 1
    checkpoint = keras.callbacks.OrbaxCheckpoint(
        str(tmp_path), save_freq="epoch", save_on_background=False
    )
    fit(model, callbacks=[checkpoint])
    loaded = keras.saving.load_model(str(tmp_path))
    assert len(values(loaded)) == len(values(model)) > 60
    for old, new in zip(values(model), values(loaded), strict=True):
        np.testing.assert_array_equal(new, old)
    for each in (model, loaded):
        fit(each, initial_epoch=1, epochs=2)
    for old, new in zip(values(model), values(loaded), strict=True):
        np.testing.assert_array_equal(new, old)
