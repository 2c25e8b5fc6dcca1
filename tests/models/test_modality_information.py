"""Information against NumPy, in closed form and on every kind of data."""

import keras
import numpy as np
import pytest
from scipy.special import softmax

import keras_mmreg as mmreg
from keras_mmreg import modality_information
from keras_mmreg.models import RegularizedModel
from keras_mmreg.ops import perturbation
from tests import toys
from tests.toys import tensor

pytestmark = pytest.mark.eager


def oracle(model, x, z):
    """f and its gradient for a linear softmax model, in float64."""
    kernel, bias = (w.astype("float64") for w in model.get_weights())
    p = softmax(x @ kernel + bias, -1)
    q = softmax(z @ kernel + bias, -1)
    surprise = -np.log(p)
    f = np.sum(q * surprise, -1)
    # df/dlogits = q * (surprise - f); the chain rule gives df/dz.
    gradient = (q * (surprise - f[:, None])) @ kernel.T
    return f, gradient


def merged(x):
    return np.concatenate([x["audio"], x["image"]], -1).astype("float64")


@pytest.mark.parametrize("activation", ["softmax", None])
@pytest.mark.parametrize("perturbation", ["coordinate", "joint"])
def test_closed_form_without_noise(activation, perturbation):
    model = toys.linear(activation)
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=activation is None
    )
    model.compile(loss=loss)
    x, _ = toys.data(model, 16)
    f, gradient = oracle(model, merged(x), merged(x))
    squared = {
        "audio": np.sum(gradient[:, :4] ** 2, -1),
        "image": np.sum(gradient[:, 4:] ** 2, -1),
    }
    for name, divisor in (("fisher", f), ("poincare", 1.0)):
        cls = type(mmreg.regularizers.get(name))
        measure = cls(stddev=0.0, perturbation=perturbation, bound="paper")
        actual = modality_information(model, x, measure, num_samples=1)
        for modality, value in squared.items():
            assert actual[modality] == pytest.approx(
                np.mean(value / divisor), rel=1e-4
            )


@pytest.fixture
def known_noise(monkeypatch):
    """Replaces the noise by an array that NumPy can repeat."""
    noise = {}

    def normal(shape, dtype=None, seed=None):
        rng = np.random.default_rng(len(noise))
        noise[len(noise)] = rng.normal(size=[int(n) for n in shape])
        return tensor(noise[len(noise) - 1])

    monkeypatch.setattr(perturbation.keras.random, "normal", normal)
    return noise


@pytest.mark.parametrize("name", ["fisher", "poincare", "entropy", "variance"])
def test_closed_form_with_noise(known_noise, name):
    model = toys.linear(None)
    model.compile(loss=toys.LOGITS_LOSS)
    x, _ = toys.data(model, 8)
    measure = type(mmreg.regularizers.get(name))(bound="paper")
    actual = modality_information(
        model, x, measure, num_samples=3, batch_size=8
    )
    for modality, noise, part in (
        ("audio", known_noise[0], slice(0, 4)),
        ("image", known_noise[1], slice(4, 7)),
    ):
        f, squared = [], []
        for sample in noise:
            z = merged(x)
            z[:, part] += sample * x[modality].std(0)
            values, gradient = oracle(model, merged(x), z)
            f.append(values)
            squared.append(np.sum(gradient[:, part] ** 2, -1))
        f, squared = np.array(f), np.array(squared)
        mean = f.mean(0)
        expected = {
            "fisher": (squared / f).mean(),
            "poincare": squared.mean(),
            # Of three samples, without their bias.
            "entropy": 1.5
            * ((f * np.log(f)).mean(0) - mean * np.log(mean)).mean(),
            "variance": f.var(0, ddof=1).mean(),
        }[name]
        assert actual[modality] == pytest.approx(expected, rel=2e-3)


@pytest.mark.once
def test_the_gaussian_bound_holds():
    model = toys.linear(None)
    model.compile(loss=toys.LOGITS_LOSS)
    x, _ = toys.data(model, 64)
    options = {"stddev": 0.3, "num_samples": 128, "batch_size": 64}
    entropy = modality_information(model, x, "entropy", **options)
    variance = modality_information(model, x, "variance", **options)
    fisher = mmreg.regularizers.FisherInformation(bound="gaussian")
    poincare = mmreg.regularizers.PoincareInformation(bound="gaussian")
    above_entropy = modality_information(model, x, fisher, **options)
    above_variance = modality_information(model, x, poincare, **options)
    for name in ("audio", "image"):
        # Tight where f is nearly linear, so the estimates' noise shows.
        assert 0 < entropy[name] < 1.05 * above_entropy[name]
        assert 0 < variance[name] < 1.05 * above_variance[name]


@pytest.mark.once
def test_an_ignored_modality_has_no_information():
    model = toys.linear(None)
    kernel, bias = model.get_weights()
    kernel[4:] = 0.0
    model.set_weights([kernel, bias])
    model.compile(loss=toys.LOGITS_LOSS)
    x, _ = toys.data(model)
    for name in ("fisher", "poincare", "entropy", "variance"):
        information = modality_information(model, x, name)
        assert 0 <= information["image"] < 1e-5 * information["audio"]


def test_reproducible_by_seed_and_without_side_effects():
    model = toys.two_modalities("softmax")
    x, y = toys.data(model)
    before = model.get_weights()
    first = modality_information(model, x, seed=1)
    assert modality_information(model, x, seed=1) == first
    assert modality_information(model, x, seed=2) != first
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_wrapped_models_bring_their_settings():
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    model = RegularizedModel(inner, "poincare", modalities=["image"])
    model.compile("sgd", toys.LOGITS_LOSS)
    information = modality_information(model, x)
    assert list(information) == ["image"]
    inner.compile("sgd", toys.LOGITS_LOSS)
    expected = modality_information(inner, x, "poincare", modalities=["image"])
    assert information == pytest.approx(expected)


def test_every_kind_of_data():
    model = toys.linear()
    x, y = toys.data(model, 16)
    options = {"batch_size": 8, "seed": 0}
    expected = modality_information(model, x, **options)
    weight = np.ones(16)
    for data in ((x, y), (x, y, weight)):
        actual = modality_information(model, data, **options)
        assert actual == pytest.approx(expected, rel=1e-5)

    def batches(labels):
        for start in (0, 8):
            batch = {n: v[start : start + 8] for n, v in x.items()}
            yield (batch, y[start : start + 8]) if labels else (batch,)

    for labels in (True, False):
        actual = modality_information(model, batches(labels), steps=2)
        assert actual == pytest.approx(expected, rel=1e-5)


def test_weights_leave_examples_out():
    model = toys.linear()
    x, y = toys.data(model, 16)
    weight = np.repeat([1.0, 0.0], 8)
    fisher = mmreg.regularizers.FisherInformation(stddev=0.0)
    options = {"batch_size": 8, "num_samples": 1}
    weighted = modality_information(model, (x, y, weight), fisher, **options)
    half = {name: value[:8] for name, value in x.items()}
    assert weighted == pytest.approx(
        modality_information(model, half, fisher, **options), rel=1e-5
    )


def test_a_list_of_inputs_is_not_a_pair_of_inputs_and_labels():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    merged = keras.layers.Concatenate()([a, b])
    model = keras.Model(
        [a, b], keras.layers.Dense(3, activation="softmax")(merged)
    )
    x, _ = toys.data(model)
    assert set(modality_information(model, list(x.values()))) == {"a", "b"}


def test_softmax_shows_in_the_last_layer():
    a = keras.Input((4,), name="a")
    logits = keras.layers.Dense(3)(a)
    model = keras.Model(a, keras.layers.Softmax()(logits))
    x = np.random.rand(8, 4)
    assert modality_information(model, x)["a"] > 0
    with pytest.raises(ValueError, match="Pass `functional`"):
        modality_information(keras.Model(a, logits), x)


@pytest.mark.parametrize("perturbation", ["coordinate", "joint"])
def test_modalities_keep_their_names_in_any_order(perturbation):
    b, a = keras.Input((4,), name="b"), keras.Input((3,), name="a")
    merged = keras.layers.Concatenate()([0.0 * b, a])
    outputs = keras.layers.Dense(3, activation="softmax")(merged)
    model = keras.Model([b, a], outputs)
    x, _ = toys.data(model)
    fisher = mmreg.regularizers.FisherInformation(perturbation=perturbation)
    information = modality_information(model, list(x.values()), fisher)
    assert information["b"] == 0.0
    assert information["a"] > 0.0


def test_a_tuple_of_inputs_is_told_apart_from_inputs_and_labels():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    merged = keras.layers.Concatenate()([a, b])
    model = keras.Model(
        [a, b], keras.layers.Dense(3, activation="softmax")(merged)
    )
    x, _ = toys.data(model)
    with pytest.raises(ValueError, match="inputs belong in a dict or a list"):
        modality_information(model, tuple(x.values()))


@pytest.mark.parametrize(
    "data, options, message",
    [
        (None, {}, "`data` must be what `fit` accepts"),
        ({}, {"seed": None}, "`seed` must be an integer"),
    ],
)
def test_bad_arguments(data, options, message):
    with pytest.raises(ValueError, match=message):
        modality_information(toys.linear(), data, **options)


def test_weights_of_positions_leave_positions_out():
    audio = keras.Input((None, 2), name="audio")
    outputs = keras.layers.Dense(3, activation="softmax")(audio)
    model = keras.Model(audio, outputs)
    x = np.random.rand(8, 5, 2).astype("float32")
    weight = np.zeros((8, 5), "float32")
    weight[:, :2] = 3.0
    fisher = mmreg.regularizers.FisherInformation(stddev=0.0)
    options = {"information": fisher, "num_samples": 2}
    data = (x, np.zeros((8, 5)), weight)
    weighted = modality_information(model, data, **options)
    first = modality_information(model, x[:, :2], **options)
    assert weighted == pytest.approx(first, rel=1e-5)


class Pair(keras.Model):
    def __init__(self):
        super().__init__()
        self.a = keras.layers.Dense(3)
        self.b = keras.layers.Dense(3)

    def call(self, inputs):
        a, b = keras.tree.flatten(inputs)
        return self.a(a) + self.b(b)


def test_a_tuple_of_the_inputs_of_a_subclassed_model():
    names = ["input_0", "input_1"]
    model = RegularizedModel(Pair(), "dropout", modalities=names)
    model.compile("sgd", toys.LOGITS_LOSS)
    x, y = (np.eye(8, 4), np.eye(8, 5)), np.arange(8) % 3
    model.fit(x, y, verbose=0)
    for measured in (model, model.inner):
        with pytest.raises(ValueError, match="`data` is a tuple"):
            modality_information(measured, x)
    assert list(modality_information(model, (x, y))) == names


def test_data_that_a_model_does_not_take_leave_no_names():
    model, x = Pair(), [np.eye(8, 4), np.eye(8, 5)]
    options = {"functional": toys.LOGITS_LOSS}
    with pytest.raises(ValueError, match="unpack"):
        modality_information(model, x[0], **options)
    information = modality_information(model, x, **options)
    assert list(information) == ["input_0", "input_1"]


class Sum(keras.layers.Layer):
    def call(self, inputs):
        return sum(x for x in inputs if x is not None)


def test_an_optional_input_that_is_left_out_has_no_information():
    a = keras.Input((3,), name="a")
    b = keras.Input((3,), name="b", optional=True)
    model = keras.Model({"a": a, "b": b}, Sum()([a, b]))
    x = {"a": np.random.rand(16, 3), "b": None}
    functional = keras.losses.CategoricalCrossentropy(from_logits=True)
    information = modality_information(model, x, functional=functional)
    assert information["a"] > 0
    assert information["b"] == 0


@pytest.mark.once
def test_measures_of_one_name_are_told_apart():
    model = toys.linear("softmax")
    x, _ = toys.data(model, 8)
    for cls in (
        mmreg.regularizers.FisherInformation,
        mmreg.regularizers.PoincareInformation,
    ):
        named = modality_information(model, x, cls(name="i"))
        assert named == modality_information(model, x, cls())
        assert named["audio"] > 0


@pytest.mark.once
def test_what_could_not_be_measured_can_be_tried_again():
    class Reader(keras.Model):
        def __init__(self):
            super().__init__()
            self.words = keras.layers.Embedding(20, 8)
            self.head = keras.layers.Dense(3)

        def call(self, x):
            read = keras.ops.mean(self.words(x["text"]), axis=1)
            return self.head(keras.ops.concatenate([read, x["sound"]], -1))

    model = Reader()
    x = {"text": np.ones((8, 4), "int32"), "sound": np.ones((8, 3), "float32")}
    model(x)
    for _ in range(2):
        with pytest.raises(ValueError, match="has dtype int32"):
            mmreg.modality_information(model, x)


def compiled(model):
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_a_model_that_is_compiled_anew_is_measured_anew():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    ignoring = keras.layers.Dense(4, activation="tanh")
    reading = keras.layers.Dense(4, activation="tanh")
    merged = keras.layers.Concatenate()([ignoring(a), reading(b)])
    outputs = keras.layers.Dense(3, activation="softmax")(merged)
    model = keras.Model({"a": a, "b": b}, outputs)
    ignoring.set_weights([np.zeros((4, 4)), np.zeros(4)])
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(64, 4)).astype("float32") for name in "ab"}
    ignoring.trainable = False
    first = modality_information(compiled(model), x)
    assert first["a"] == 0.0 < first["b"]
    # On JAX, weights come in the order of those that are trained.
    ignoring.trainable, reading.trainable = True, False
    assert modality_information(model, x) == pytest.approx(first)
    assert modality_information(compiled(model), x) == pytest.approx(first)
    reading.activation = lambda x: 0.0 * x
    assert modality_information(compiled(model), x) == {"a": 0.0, "b": 0.0}
