"""Sequences: of a length that varies, padded, or as outputs."""

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.models import RegularizedModel
from keras_mmreg.regularizers import ModalityGate
from tests import toys
from tests.toys import array

pytestmark = pytest.mark.filterwarnings("ignore:The gate is measured")
regularizers = mmreg.regularizers


def attends(mask_zero=False):
    """A classifier of tokens and a vector that asks them."""
    a, b = keras.Input((None,), name="a"), keras.Input((4,), name="b")
    e = keras.layers.Embedding(10, 16, mask_zero=mask_zero)(a)
    asked = keras.layers.Dense(16)(b)
    query = keras.layers.Reshape((1, 16))(asked)
    met = keras.layers.MultiHeadAttention(2, 8)(query, e)
    met = keras.layers.Flatten()(met)
    merged = keras.layers.Concatenate()([asked, met])
    inner = keras.Model({"a": a, "b": b}, keras.layers.Dense(3)(merged))
    rng = np.random.default_rng(0)
    x = {"a": rng.integers(1, 10, (16, 7)), "b": rng.normal(size=(16, 4))}
    return inner, x, rng.integers(0, 3, 16)


@pytest.mark.once("tensorflow")
@pytest.mark.parametrize(
    "name, mask_zero",
    [
        ("noise", False),
        *((name, True) for name in ("mix", "blending", "prototypes")),
    ],
)
def test_sequences_of_any_length(name, mask_zero):
    inner, x, y = attends(mask_zero)
    model = RegularizedModel(inner, name, taps="auto", seed=0)
    model.compile(keras.optimizers.SGD(0.1), toys.LOGITS_LOSS)
    for length in (7, 5):
        part = {**x, "a": x["a"][:, :length]}
        validation = (part, y) if model.gate is not None else None
        history = model.fit(
            part, y, batch_size=8, verbose=0, validation_data=validation
        ).history
        assert all(np.isfinite(v).all() for v in history.values())


def test_padding_is_no_part_of_pooled_features():
    means = []
    for padding in (0, 5):
        keras.utils.set_random_seed(0)
        a, b = keras.Input((None,), name="a"), keras.Input((4,), name="b")
        e = keras.layers.Embedding(10, 16, mask_zero=True)(a)
        met = keras.layers.Add()(
            [e, keras.layers.Reshape((1, 16))(keras.layers.Dense(16)(b))]
        )
        pooled = keras.layers.GlobalAveragePooling1D()(met)
        inner = keras.Model({"a": a, "b": b}, keras.layers.Dense(3)(pooled))
        _, x, y = attends()
        x["a"] = np.pad(x["a"], ((0, 0), (0, padding)))
        methods = [ModalityGate(), regularizers.PrototypicalRebalance()]
        model = RegularizedModel(inner, methods, taps="auto", seed=0)
        model.compile(keras.optimizers.SGD(0.0), toys.LOGITS_LOSS)
        model.fit(x, y, batch_size=16, verbose=0)
        means.append(
            [
                array(model.gate.probes["a"].mean),
                array(methods[1].prototypes["a"]),
            ]
        )
    for plain, padded in zip(*means, strict=True):
        np.testing.assert_allclose(plain, padded, rtol=1e-4, atol=1e-6)


class Shifted(keras.layers.Layer):
    """Adds a vector at each position, and passes the mask on."""

    def __init__(self):
        super().__init__()
        self.supports_masking = True

    def call(self, inputs, by=None):
        return inputs + by[:, None]


def labeling(positions, mask_zero=False):
    """Labels each position of a sequence, told by itself and by a vector."""
    a = keras.Input((positions,), name="a")
    b = keras.Input((4,), name="b")
    e = keras.layers.Embedding(10, 6, mask_zero=mask_zero)(a)
    told = keras.layers.Dense(6)(b)
    met = Shifted()(e, by=told)
    return keras.Model({"a": a, "b": b}, keras.layers.Dense(3)(met))


def dependence_of(model, x, y, sample_weight=None, loss=toys.LOGITS_LOSS):
    method = regularizers.ModalityDependence(0.1, fraction=1.0)
    model = RegularizedModel(model, method, taps="auto", seed=0)
    model.compile(keras.optimizers.SGD(0.0), loss)
    history = model.fit(
        x, y, sample_weight=sample_weight, batch_size=16, verbose=0
    ).history
    # The loss is what is trained on.
    return [history["dependence_penalty"][0], history["loss"][0]]


def test_dependence_is_a_mean_over_positions():
    rng = np.random.default_rng(0)
    a, b = rng.integers(1, 10, (16, 1)), rng.normal(size=(16, 4))
    y = rng.integers(0, 3, (16, 1))
    penalties = []
    for positions in (1, 5):
        keras.utils.set_random_seed(0)
        model = labeling(positions)
        x = {"a": np.repeat(a, positions, axis=1), "b": b}
        penalties.append(
            dependence_of(model, x, np.repeat(y, positions, axis=1))
        )
    assert -0.2 * np.log(2) < penalties[0][0] < 0
    assert penalties[1] == pytest.approx(penalties[0], rel=1e-4)


def test_dependence_of_classes_on_another_axis():
    rng = np.random.default_rng(0)
    x = {"a": rng.integers(1, 10, (16, 5)), "b": rng.normal(size=(16, 4))}
    y = np.eye(3)[rng.integers(0, 3, (16, 5))]
    found = []
    for axis in (-1, 1):
        keras.utils.set_random_seed(0)
        model = labeling(5)
        if axis == 1:
            moved = keras.layers.Permute((2, 1))(model.output)
            model = keras.Model(model.input, moved)
            y = np.moveaxis(y, -1, 1)
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, axis=axis)
        found.append(dependence_of(model, x, y, loss=loss))
    assert found[1] == pytest.approx(found[0], rel=1e-4)


class Recorder(regularizers.Regularizer):
    """Remembers the masks of the points."""

    def perturb(self, points, training_pass):
        self.masked = {n for n, x in points.items() if mask_of(x) is not None}
        return dict(points)


def test_the_next_method_sees_the_mask():
    inner, x, y = attends(mask_zero=True)
    recorder = Recorder()
    methods = [regularizers.GradientModulation(), recorder]
    model = RegularizedModel(inner, methods, taps="auto")
    model.compile(keras.optimizers.SGD(0.1), toys.LOGITS_LOSS)
    model.train_on_batch(x, y)
    assert recorder.masked == {"a"}


@pytest.mark.parametrize("how", ["mask", "weight"])
def test_dependence_leaves_out_padding(how):
    rng = np.random.default_rng(0)
    x = {"a": rng.integers(1, 10, (16, 3)), "b": rng.normal(size=(16, 4))}
    y = rng.integers(0, 3, (16, 3))
    masks = how == "mask"
    keras.utils.set_random_seed(0)
    plain = dependence_of(labeling(3, masks), x, y)
    keras.utils.set_random_seed(0)
    model = labeling(5, masks)
    zeros = ((0, 0), (0, 2))
    padded = {**x, "a": np.pad(x["a"], zeros)}
    weight = np.pad(np.full((16, 3), 5 / 3), zeros) if how == "weight" else None
    found = dependence_of(model, padded, np.pad(y, zeros), weight)
    assert found == pytest.approx(plain, rel=1e-4)
