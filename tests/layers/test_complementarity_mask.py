import keras
import numpy as np
import pytest
from keras import ops

from keras_mmreg import backend
from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.schedules import LinearRamp

WEIGHTS = {"audio": [0.2, 0.01], "image": [0.06, -0.2, 0.3, 0.05]}


def array(tensor):
    return ops.convert_to_numpy(ops.stop_gradient(tensor))


def arrays(tensors):
    return {name: array(tensor).tolist() for name, tensor in tensors.items()}


def features(batch=3):
    random = np.random.default_rng(0)
    return {
        name: ops.convert_to_tensor(
            random.normal(size=(batch, 2, len(weights))), "float32"
        )
        for name, weights in WEIGHTS.items()
    }


def masked_layer(**kwargs):
    layer = ComplementarityMask(**kwargs)
    layer.build({"image": (None, 2, 4), "audio": (None, 2, 2)})
    for name, weights in layer.channel_weights.items():
        weights.assign(WEIGHTS[name])
    return layer


@pytest.mark.parametrize(
    "mode,expected",
    [
        ("binary", {"audio": [1, 0], "image": [1, 0, 1, 0]}),
        ("ternary", {"audio": [1, 0], "image": [1, -1, 1, 0]}),
        ("attention", WEIGHTS),
        ("dropout", {"audio": [1, 1], "image": [1, 1, 1, 1]}),
        ("none", {"audio": [1, 1], "image": [1, 1, 1, 1]}),
    ],
)
def test_inference(mode, expected):
    layer = masked_layer(mode=mode)
    x = features()
    outputs = layer(x)
    assert list(outputs) == list(x)
    for name in x:
        np.testing.assert_allclose(
            array(outputs[name]), array(x[name]) * expected[name], rtol=1e-5
        )


@pytest.mark.parametrize(
    "mode,audio,image",
    [
        ("binary", 100 / 6, 200 / 6),
        ("ternary", 100 / 6, 300 / 6),
        ("attention", 200 / 6, 400 / 6),
        ("dropout", 100 / 6, 200 / 6),
        ("none", 200 / 6, 400 / 6),
    ],
)
def test_shares_and_zeta(mode, audio, image):
    layer = masked_layer(mode=mode)
    complementary = arrays(layer.complementary_shares())
    contradictory = arrays(layer.contradictory_shares())
    np.testing.assert_allclose(complementary["audio"], audio, rtol=1e-5)
    np.testing.assert_allclose(complementary["image"], image, rtol=1e-5)
    total = sum(complementary.values()) + sum(contradictory.values())
    np.testing.assert_allclose(total, 100.0, rtol=1e-5)
    zeta = float(layer.complementarity())
    np.testing.assert_allclose(zeta, audio / image, rtol=1e-5)
    pairs = layer.pairwise_complementarity()
    np.testing.assert_allclose(float(pairs["audio", "image"]), zeta, rtol=1e-6)


def test_zeta_is_zero_when_a_modality_is_masked_out():
    layer = masked_layer()
    layer.channel_weights["audio"].assign([0.0, 0.0])
    assert float(layer.complementarity()) == 0.0


def test_at_least_one_channel_is_kept():
    layer = masked_layer()
    for weights in layer.channel_weights.values():
        weights.assign(weights - 10.0)
    assert arrays(layer.kept()) == {"audio": [0, 0], "image": [0, 0, 1, 0]}


@pytest.mark.parametrize("mode", ["binary", "ternary", "attention", "dropout"])
def test_split_sums_to_the_features(mode):
    layer = masked_layer(mode=mode)
    x = features()
    complementary, contradictory = layer.split(x)
    for name in x:
        np.testing.assert_allclose(
            array(complementary[name]) + array(contradictory[name]),
            array(x[name]),
            rtol=1e-6,
        )


def test_split_of_a_binary_mask():
    layer = masked_layer()
    x = features()
    complementary, contradictory = layer.split(x)
    kept = np.array([1.0, 0.0, 1.0, 0.0])
    image = array(x["image"])
    np.testing.assert_allclose(array(complementary["image"]), image * kept)
    np.testing.assert_allclose(
        array(contradictory["image"]), image * (1 - kept)
    )


@pytest.mark.parametrize(
    "mode,expected",
    [("binary", 0.42), ("attention", 0.42), ("ternary", 0.82)],
)
def test_penalty(mode, expected):
    layer = masked_layer(mode=mode, strength=0.5)
    layer(features())
    np.testing.assert_allclose(
        float(array(layer.losses[0])), 0.5 * expected, rtol=1e-5
    )


def test_modes_without_weights_add_no_loss():
    for mode in ("dropout", "none"):
        layer = masked_layer(mode=mode)
        layer(features())
        assert layer.losses == [] and layer.trainable_weights == []


@pytest.mark.parametrize(
    "optimizer,expected",
    [
        (keras.optimizers.SGD, -1e-3 * (np.array([1.0, 2.0, 3.0]) + 0.01)),
        (keras.optimizers.Adam, -1e-3),
    ],
)
def test_one_step_of_training(optimizer, expected):
    """The loss is the sum of the outputs."""
    inputs = {
        "a": keras.Input((2,), name="a"),
        "b": keras.Input((1,), name="b"),
    }
    layer = ComplementarityMask(strength=0.01)
    masked = layer(inputs)
    outputs = keras.layers.Concatenate()([masked["a"], masked["b"]])
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer(1e-3), loss=lambda y, y_pred: ops.sum(y_pred, axis=-1)
    )
    x = {"a": np.array([[1.0, 2.0]]), "b": np.array([[3.0]])}
    model.fit(x, np.zeros((1, 3)), verbose=0)
    weights = layer.channel_weights
    values = np.concatenate([array(weights["a"]), array(weights["b"])])
    np.testing.assert_allclose(values - 0.1, expected, rtol=1e-2)


def test_gradient_of_the_features_is_the_mask():
    layer = masked_layer()

    def function(inputs):
        return ops.sum(layer(inputs)["image"], axis=(1, 2))

    _, gradients = backend.value_and_input_gradients(function, features())
    np.testing.assert_allclose(
        array(gradients["image"])[0, 0], [1, 0, 1, 0], atol=1e-7
    )


def test_clip():
    inputs = keras.Input((2,))
    layer = ComplementarityMask(clip=(0.0, 0.2))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(1.0), loss="mse")
    x = np.array([[1.0, 1.0]])
    model.fit(x, np.array([[100.0, -100.0]]), verbose=0)
    weights = array(layer.channel_weights["modality_0"])
    np.testing.assert_allclose(weights, [0.2, 0.0], rtol=1e-6)


def test_dropout_drops_whole_channels_in_training():
    layer = masked_layer(mode="dropout", rate=0.5, seed=0)
    ones = {"audio": np.ones((5, 2, 2)), "image": np.ones((5, 2, 4))}
    draws = [array(layer(ones, training=True)["image"]) for _ in range(40)]
    for draw in draws:
        assert (draw == draw[:1, :1]).all()
        assert set(np.unique(draw)) <= {0.0, 2.0}
    assert 0.6 < np.mean(draws) < 1.4


def test_schedule():
    ramp = LinearRamp(start=1, duration=1, unit="step")
    layer = masked_layer(strength=1.0, schedule=ramp)
    penalties = []
    for _ in range(4):
        layer(features(), training=True)
        penalties.append(float(array(layer.losses[0])))
    np.testing.assert_allclose(penalties, [0.0, 0.21, 0.42, 0.42], rtol=1e-5)
    layer(features())
    assert int(layer.step) == 4


def test_channels_first():
    layer = ComplementarityMask(data_format="channels_first")
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    layer.build(x.shape)
    layer.channel_weights["modality_0"].assign([0.1, 0.0, 0.1])
    expected = x * np.array([1.0, 0.0, 1.0])[:, None, None]
    np.testing.assert_allclose(array(layer(x)), expected, rtol=1e-6)


def test_list_of_modalities():
    layer = ComplementarityMask()
    outputs = layer([np.ones((2, 3)), np.ones((2, 1))])
    assert [tuple(output.shape) for output in outputs] == [(2, 3), (2, 1)]
    assert list(layer.complementary_shares()) == ["modality_0", "modality_1"]


def test_mixed_precision():
    layer = ComplementarityMask(dtype="mixed_float16")
    outputs = layer({"a": np.ones((2, 3), "float16")})
    assert keras.backend.standardize_dtype(outputs["a"].dtype) == "float16"
    weights = layer.channel_weights["a"]
    assert weights.dtype == "float32"


def test_save_and_load(tmp_path):
    inputs = {
        "image": keras.Input((2, 4), name="image"),
        "audio": keras.Input((2, 2), name="audio"),
    }
    layer = ComplementarityMask(schedule=LinearRamp(2, 3, "step"))
    masked = layer(inputs)
    model = keras.Model(inputs, masked)
    layer.channel_weights["image"].assign([0.0, 0.1, 0.0, 0.1])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = features()
    expected, outputs = model(x), loaded(x)
    for name in x:
        np.testing.assert_allclose(array(outputs[name]), array(expected[name]))


@pytest.mark.parametrize(
    "initial_value", [0.2, keras.initializers.RandomUniform(0.0, 0.2, seed=1)]
)
def test_config_round_trip(initial_value):
    layer = ComplementarityMask(
        threshold=0.01,
        initial_value=initial_value,
        strength=0.1,
        mode="ternary",
        rate=0.3,
        schedule=LinearRamp(1, 2, "step"),
        clip=(0.0, 1.0),
        data_format="channels_first",
        seed=4,
    )
    config = layer.get_config()
    assert ComplementarityMask.from_config(config).get_config() == config


def test_random_initial_values_differ_between_modalities():
    uniform = keras.initializers.RandomUniform(0.0, 0.2, seed=1)
    mask = ComplementarityMask(initial_value=uniform)
    mask({"a": ops.ones((1, 8)), "b": ops.ones((1, 8))})
    weights = [array(value) for value in mask.channel_weights.values()]
    assert not np.allclose(*weights)
    assert np.min(weights) >= 0.0 and np.max(weights) <= 0.2


def test_random_initial_value():
    layer = ComplementarityMask(
        initial_value=keras.initializers.RandomUniform(0.0, 0.2, seed=1)
    )
    layer(np.ones((1, 200)))
    share = float(layer.complementary_shares()["modality_0"])
    assert 60.0 < share < 90.0


@pytest.mark.parametrize(
    "kwargs,message",
    [
        ({"mode": "soft"}, "`mode` must be one of"),
        ({"initial_value": 0.05}, "`initial_value` must exceed `threshold`"),
        ({"strength": -1.0}, "`strength` must be a finite number of at"),
        ({"strength": float("nan")}, "`strength` must be a finite number"),
        ({"threshold": "low"}, "`threshold` must be a finite number"),
        ({"rate": 1.0}, "`rate` must be a finite number of at least 0 and"),
        ({"initial_value": float("nan")}, "`initial_value` must be a finite"),
        ({"initial_value": True}, "`initial_value` must be a finite number"),
        ({"initial_value": "zeros"}, "or an instance of"),
        ({"schedule": 3}, "`schedule` must be a `keras_mmreg.schedules"),
        ({"data_format": "nchw"}, "`data_format` must be one of"),
        (
            {"schedule": LinearRamp(1, 2)},
            "`schedule` must be a .*a layer does not know",
        ),
        ({"clip": 0.5}, "`clip` must be a pair"),
        ({"clip": (0.0, float("inf"))}, "`clip` must be a pair of finite"),
        ({"clip": ("a", "b")}, "`clip` must be a pair of finite"),
        ({"clip": (1.0, 0.0)}, "`clip` must be a lower and a higher"),
        ({"clip": (0.0, 0.04)}, "must exceed `threshold`"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        ComplementarityMask(**kwargs)


@pytest.mark.parametrize("channels", [None, 0])
def test_unknown_or_no_channels(channels):
    with pytest.raises(ValueError, match="modality 'audio' must be known"):
        ComplementarityMask().build({"audio": (None, channels)})


@pytest.mark.parametrize("mode", ["binary", "ternary"])
def test_threshold_above_every_weight(mode):
    low, high = (keras.initializers.RandomUniform(0.0, x) for x in (0.04, 0.2))
    with pytest.raises(ValueError, match="`initial_value` must exceed"):
        ComplementarityMask(initial_value=low, mode=mode)
    ComplementarityMask(initial_value=high, mode=mode)
    ComplementarityMask(initial_value=low, mode="attention")


def test_shares_before_the_modalities_are_known():
    with pytest.raises(ValueError, match="on a batch first"):
        ComplementarityMask().complementary_shares()
