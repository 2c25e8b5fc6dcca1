import keras
import numpy as np
import pytest
from keras import ops

from keras_mmreg.layers import LearnedMixin

pytestmark = pytest.mark.eager


def array(tensor):
    return ops.convert_to_numpy(ops.stop_gradient(tensor)).astype("float64")


def inputs():
    random = np.random.default_rng(0)
    logits = random.normal(size=(4, 3))
    features = random.normal(size=(4, 5))
    bias = np.array([[0.0, 0.2, 0.8], [1.0, 0.0, 0.0], [0.3] * 3, [0.5] * 3])
    return [
        ops.convert_to_tensor(x, "float32") for x in (logits, features, bias)
    ]


def trust(layer, features):
    kernel, bias = (array(weight) for weight in layer.trust.weights)
    return np.log1p(np.exp(array(features) @ kernel + bias))


def test_binary_form_renormalizes_pairs_of_log_probabilities():
    """As the authors' code computes it."""
    layer = LearnedMixin(entropy_weight=0.36)
    logits, features, bias = inputs()
    outputs = array(layer(logits, features, bias, training=True))
    smoothing = 1 / (1 + np.exp(1.0))
    pair = np.stack([array(bias), 1 - array(bias)], -1)
    scaled = trust(layer, features)[..., None] * np.log(pair + smoothing)
    sigmoid = 1 / (1 + np.exp(-array(logits)))
    added = scaled + np.log(np.stack([sigmoid, 1 - sigmoid], -1))
    combined = np.exp(added) / np.exp(added).sum(-1, keepdims=True)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-outputs)), combined[..., 0], rtol=1e-4
    )
    p = np.exp(scaled) / np.exp(scaled).sum(-1, keepdims=True)
    entropy = -(p * np.log(p)).sum(-1).mean()
    np.testing.assert_allclose(
        float(array(layer.losses[0])), 0.36 * entropy, rtol=1e-4
    )


def test_softmax_form():
    layer = LearnedMixin("softmax", entropy_weight=0.5)
    logits, features, bias = inputs()
    outputs = array(layer(logits, features, bias, training=True))
    scaled = trust(layer, features) * np.log(np.clip(array(bias), 1e-7, 1.0))
    np.testing.assert_allclose(outputs, array(logits) + scaled, rtol=1e-4)
    p = np.exp(scaled) / np.exp(scaled).sum(-1, keepdims=True)
    entropy = -(p * np.log(p + 1e-30)).sum(-1).mean()
    np.testing.assert_allclose(
        float(array(layer.losses[0])), 0.5 * entropy, rtol=1e-4
    )


@pytest.mark.parametrize("mode", ["binary", "softmax"])
def test_plain_logits_at_inference(mode):
    layer = LearnedMixin(mode)
    logits, features, bias = inputs()
    outputs = layer(logits, features, bias)
    np.testing.assert_array_equal(array(outputs), array(logits))
    assert layer.losses == []


def create_model(mode="binary"):
    features = keras.Input((5,), name="features")
    bias = keras.Input((3,), name="bias")
    logits = keras.layers.Dense(3)(features)
    outputs = LearnedMixin(mode)(logits, features, bias)
    return keras.Model({"features": features, "bias": bias}, outputs)


@pytest.mark.parametrize("mode", ["binary", "softmax"])
def test_fit_save_and_load(tmp_path, mode):
    model = create_model(mode)
    loss = {
        "binary": keras.losses.BinaryCrossentropy(from_logits=True),
        "softmax": keras.losses.CategoricalCrossentropy(from_logits=True),
    }
    model.compile(keras.optimizers.Adam(0.1), loss[mode])
    _, features, bias = map(array, inputs())
    x = {"features": features, "bias": bias}
    before = model.get_weights()
    history = model.fit(x, np.eye(3)[[2, 0, 1, 1]], epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    for old, new in zip(before, model.get_weights(), strict=True):
        assert (old != new).any()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0)
    )


def test_mixed_precision():
    layer = LearnedMixin(dtype="mixed_float16")
    logits, features, bias = (ops.cast(x, "float16") for x in inputs())
    outputs = layer(logits, features, bias, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    assert np.isfinite(array(outputs)).all()


def test_config_round_trip():
    config = LearnedMixin("softmax", entropy_weight=0.1).get_config()
    assert LearnedMixin.from_config(config).get_config() == config


def test_bad_arguments():
    with pytest.raises(ValueError, match="`mode` must be one of"):
        LearnedMixin("sigmoid")
    with pytest.raises(ValueError, match="`entropy_weight` must be a finite"):
        LearnedMixin(entropy_weight=-1.0)
    logits, features, bias = inputs()
    with pytest.raises(ValueError, match="`bias` must have as many answers"):
        LearnedMixin()(logits, features, bias[:, :2])
