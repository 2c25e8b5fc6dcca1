"""What a newcomer's own data and models may hold."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.models import RegularizedModel
from keras_mmreg.models.modality_information import create_meter
from keras_mmreg.network import create_network
from tests import toys
from tests.toys import array
from tests.toys import tensor

pytestmark = pytest.mark.eager

SOFTMAX = "sparse_categorical_crossentropy"


@pytest.mark.parametrize("information", ["fisher", "poincare"])
def test_a_softmax_at_the_end_changes_nothing(information):
    measured = []
    for activation in (None, "softmax"):
        keras.utils.set_random_seed(0)
        model = toys.linear(activation)
        model.set_weights([30.0 * w for w in model.get_weights()])
        model.compile(loss=SOFTMAX if activation else toys.LOGITS_LOSS)
        x, _ = toys.data(model)
        measured.append(mmreg.modality_information(model, x, information))
    for name, value in measured[0].items():
        assert measured[1][name] == pytest.approx(value, rel=1e-4)


def test_rows_of_weight_zero_change_nothing():
    model = toys.linear()
    model.compile(loss=SOFTMAX)
    x, y = toys.data(model)
    missing = {name: value.copy() for name, value in x.items()}
    missing["audio"][8:] = -999.0
    weight = np.repeat([1.0, 0.0], 8)
    few = {name: value[:8] for name, value in x.items()}
    measure = mmreg.regularizers.FisherInformation(stddev="batch")
    expected = mmreg.modality_information(model, few, measure, num_samples=64)
    actual = mmreg.modality_information(
        model, (missing, y, weight), measure, batch_size=16, num_samples=64
    )
    for name, value in expected.items():
        assert actual[name] == pytest.approx(value, rel=0.3)


def test_positions_of_the_ignored_class_do_not_count():
    audio = keras.Input((5, 2), name="audio")
    model = keras.Model(audio, keras.layers.Dense(3)(audio))
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=-1
    )
    model.compile(loss=loss)
    x = np.random.rand(8, 5, 2).astype("float32")
    y = np.random.randint(0, 3, (8, 5))
    y[:, 3:] = -1
    y[6:] = -1
    far = x.copy()
    far[:, 3:] *= 100.0
    far[6:] *= 100.0
    measure = mmreg.regularizers.FisherInformation(stddev=0.0, bound="paper")
    first, second = (
        mmreg.modality_information(model, (each, y), measure)["audio"]
        for each in (x, far)
    )
    assert second == pytest.approx(first, rel=1e-5)


@pytest.mark.once("tensorflow")
def test_float64():
    code = """
import keras
keras.config.set_floatx("float64")
import numpy as np
from keras_mmreg.models import RegularizedModel
from keras_mmreg.models.modality_information import create_meter
from tests import toys
model = RegularizedModel(toys.two_modalities(), ["fisher", "entropy"], seed=0)
model.compile("sgd", toys.LOGITS_LOSS)
x, y = toys.data(model.inner)
history = model.fit(x, y, verbose=0).history
assert np.isfinite(history["loss"]).all()
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.stdout.strip().endswith("done"), done.stderr[-2000:]


@pytest.mark.eager(False)
def test_a_second_measurement_does_not_compile_again():
    model = toys.two_modalities()
    model.compile(loss=toys.LOGITS_LOSS)
    x, _ = toys.data(model)
    first = create_meter(model)
    assert create_meter(model) is first
    assert create_meter(model, information="poincare") is not first
    model.compile(loss="mse")
    assert create_meter(model) is not first
    assert mmreg.modality_information(model, x, functional=toys.LOGITS_LOSS)


def test_the_inner_model_evaluates_after_it_was_saved(tmp_path):
    model = RegularizedModel(toys.two_modalities(), "fisher")
    model.compile("adam", toys.LOGITS_LOSS, metrics=["accuracy"])
    x, y = toys.data(model.inner)
    model.fit(x, y, verbose=0)
    model.inner.save(tmp_path / "inner.keras")
    loaded = keras.saving.load_model(tmp_path / "inner.keras")
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(
        model.evaluate(x, y, verbose=0), rel=1e-5
    )


def test_an_attribute_named_modalities_is_the_users():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.modalities = ["one", "two", "three"]
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(keras.ops.concatenate(inputs, axis=-1))

    x = [np.random.rand(8, 2), np.random.rand(8, 3)]
    model = RegularizedModel(Own(), "fisher")
    model.compile("sgd", toys.LOGITS_LOSS)
    history = model.fit(x, np.arange(8) % 3, verbose=0).history
    assert "information_input_0" in history


def test_summary_names_regularizers_and_points():
    model = RegularizedModel(toys.two_modalities(), "mix", taps="auto")
    lines = []
    model.summary(None, None, lambda line, **kwargs: lines.append(line))
    text = "\n".join(lines)
    assert "Regularizer: ModalityMix()" in text
    assert "last tensor before it meets another" in text


def shared_encoder():
    """One encoder for two modalities, each nested model called twice."""
    encoder = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, activation="tanh", name="hidden"),
            keras.layers.Dense(2, name="code"),
        ],
        name="encoder",
    )
    first, second = (keras.Input((4,), name=n) for n in ("first", "second"))
    merged = keras.layers.Concatenate()([encoder(first), encoder(second)])
    return keras.Model(
        {"first": first, "second": second}, keras.layers.Dense(3)(merged)
    )


@pytest.mark.parametrize(
    "taps",
    ["auto", {"first": "hidden", "second": "code"}, {"first": "encoder"}],
)
def test_points_inside_of_a_shared_nested_encoder(taps):
    model = shared_encoder()
    x = {k: tensor(v) for k, v in toys.data(model, 5)[0].items()}
    network = create_network(model, x, taps)
    clean = network.run(x)
    np.testing.assert_allclose(
        array(network.outputs_of(clean)), array(model(x)), rtol=1e-5
    )
    points = network.points_of(clean)
    both = {name: 2.0 * value for name, value in points.items()}
    moved = network.outputs_of(network.replace(clean, both))
    run = network.run(x, intervene=lambda points: both)
    np.testing.assert_allclose(
        array(moved), array(network.outputs_of(run)), rtol=1e-5
    )
    assert (array(moved) != array(model(x))).any()


def test_automatic_taps_of_a_subclassed_model():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    model = RegularizedModel(Own(), "fisher", taps="auto")
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="`taps='auto'` finds the points"):
        model.fit(np.ones((4, 2)), np.ones((4, 2)), verbose=0)


class Subclassed(keras.Model):
    """Reads ids and numbers."""

    def __init__(self, mask_zero=False):
        super().__init__()
        self.embedding = keras.layers.Embedding(10, 4, mask_zero=mask_zero)
        self.pool = keras.layers.GlobalAveragePooling1D()
        self.end = keras.layers.Dense(3, activation="softmax")

    def call(self, inputs):
        words = self.pool(self.embedding(inputs["text"]))
        features = [words, inputs["audio"]]
        return self.end(keras.ops.concatenate(features, axis=-1))


def ids_and_numbers():
    rng = np.random.default_rng(0)
    audio = rng.normal(size=(32, 4)).astype("float32")
    return {"text": rng.integers(1, 10, (32, 5)), "audio": audio}, (
        np.arange(32) % 3
    )


@pytest.mark.parametrize(
    ("mask_zero", "method"),
    [
        (False, mmreg.regularizers.ModalityDropout(value={"text": "nan"})),
        (True, mmreg.regularizers.ModalityDropout()),
        (True, mmreg.regularizers.UnimodalLoss()),
    ],
)
def test_ids_of_a_subclassed_model_are_no_numbers(mask_zero, method):
    model = RegularizedModel(Subclassed(mask_zero), method)
    model.compile("sgd", SOFTMAX)
    x, y = ids_and_numbers()
    with pytest.raises(ValueError, match="floats|nothing but padding"):
        model.fit(x, y, verbose=0)


def test_a_modality_that_held_out_data_of_a_subclassed_model_lack():
    model = RegularizedModel(Subclassed(), "noise", modalities=["audio"])
    model.compile("sgd", SOFTMAX)
    x, y = ids_and_numbers()
    held_out = mmreg.callbacks.HeldOut(({"audio": x["audio"]}, y))
    with pytest.raises(ValueError, match="Data must have the inputs"):
        model.fit(x, y, callbacks=[held_out], verbose=0)


def test_frozen_statistics_are_not_waited_for():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    norm = keras.layers.BatchNormalization()
    merged = norm(keras.layers.Concatenate()([a, b]))
    outputs = keras.layers.Dense(3, activation="softmax")(merged)
    model = RegularizedModel(keras.Model({"a": a, "b": b}, outputs), seed=0)
    x = dict.fromkeys("ab", ids_and_numbers()[0]["audio"])
    y = np.arange(32) % 3
    model.compile("sgd", SOFTMAX)
    waiting = "waits until the statistics of batch normalization"
    with pytest.warns(UserWarning, match=waiting):
        model.fit(x, y, verbose=0)
    norm.trainable = False
    model.compile("sgd", SOFTMAX)
    assert model.fit(x, y, verbose=0).history["fisher_penalty"][0] > 0.0
