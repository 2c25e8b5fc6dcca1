"""The token stands where a modality is missing, and is learned."""

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.layers import MissingModality
from tests import toys
from tests.toys import array
from tests.toys import tensor


def test_values_flags_and_single_gaps():
    layer = MissingModality("ones")
    x = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, 4.0]], "float32")
    np.testing.assert_array_equal(
        array(layer(tensor(x))), [[1, 0], [1, 1], [3, 4]]
    )
    flags = tensor([[0.0], [1.0], [1.0]])
    np.testing.assert_array_equal(
        array(layer(tensor(x), present=flags)), [[1, 1], [0, 0], [3, 4]]
    )


def test_a_varying_length():
    layer = MissingModality("ones")
    layer.build((None, None, 2))
    x = np.full((2, 3, 2), np.nan, "float32")
    np.testing.assert_array_equal(array(layer(tensor(x))), np.ones((2, 3, 2)))
    with pytest.raises(ValueError, match="last axis"):
        MissingModality().build((None, 3, None))


@pytest.mark.parametrize("all_missing", [True, False])
def test_it_is_learned_without_a_nan(all_missing):
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    layer = MissingModality(name="token")
    merged = keras.layers.Concatenate()([layer(a), b])
    inner = keras.Model({"a": a, "b": b}, keras.layers.Dense(3)(merged))
    x, y = toys.data(inner, 16)
    x["a"][: 16 if all_missing else 8] = np.nan
    regularizer = mmreg.regularizers.ModalityDropout(0.3, value={"a": "nan"})
    model = mmreg.models.RegularizedModel(inner, regularizer, seed=0)
    model.compile("sgd", toys.LOGITS_LOSS)
    history = model.fit(x, y, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert all(np.isfinite(w).all() for w in inner.get_weights())
    assert array(layer.token).any()


@pytest.mark.parametrize("in_front", [True, False])
def test_an_encoder_needs_finite_inputs(in_front):
    a, present = keras.Input((3,), name="a"), keras.Input((), name="present")
    features = keras.layers.Dense(4)(MissingModality()(a) if in_front else a)
    outputs = MissingModality(name="token")(features, present=present)
    model = keras.Model({"a": a, "present": present}, outputs)
    x = {"a": np.eye(8, 3), "present": np.arange(8) % 2}
    x["a"][x["present"] == 0] = np.nan
    model.compile("sgd", "mse")
    history = model.fit(x, np.ones((8, 4)), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(array(model.get_layer("token").token)).all()
    finite = [np.isfinite(weight).all() for weight in model.get_weights()]
    assert all(finite) == in_front


def test_missing_examples_do_not_set_the_noise_scale():
    a = keras.Input((3,), name="a")
    layer = MissingModality()
    inner = keras.Model({"a": a}, keras.layers.Dense(3)(layer(a)))
    x, y = toys.data(inner, 16)
    x["a"][:4] = np.nan
    regularizer = mmreg.regularizers.ModalityNoise(gate=None)
    model = mmreg.models.RegularizedModel(inner, regularizer, seed=0)
    model.compile("sgd", toys.LOGITS_LOSS)
    assert np.isfinite(model.fit(x, y, verbose=0).history["loss"]).all()


def test_config(tmp_path):
    a = keras.Input((3,), name="a")
    model = keras.Model(a, MissingModality("ones")(a))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[-1].initializer, keras.initializers.Ones)
