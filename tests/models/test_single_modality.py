"""Models of one modality, and what they say together."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_mmreg as mmreg
from keras_mmreg.models import single_modality_ensemble
from keras_mmreg.models import single_modality_model
from tests import toys

pytestmark = pytest.mark.once


def kernel(model, name):
    return toys.array(model.get_layer(name).kernel)


@pytest.mark.once(False)
def test_the_head_fits_what_is_left():
    inner = toys.two_modalities("softmax")
    singles = {
        name: single_modality_model(inner, name) for name in ("audio", "image")
    }
    assert [m.count_params() for m in singles.values()] == [43, 69]
    for name, single in singles.items():
        single.compile("sgd", "sparse_categorical_crossentropy")
        x, y = toys.data(inner, 4)
        single.fit({name: x[name]}, y, verbose=0)
    report = mmreg.modality_report(inner, (x, y), unimodal=singles)
    assert "alone" in report.summary()
    named = single_modality_model(inner, "audio", name="ear")
    assert (singles["audio"].name, named.name) == (f"{inner.name}_audio", "ear")


@pytest.mark.once(False)
@pytest.mark.parametrize("weights", ["new", "kept"])
def test_weights(weights):
    image = keras.Input((3,), name="image")
    scaled = layers.Normalization(mean=2.0, variance=4.0)(image)
    frozen = layers.Dense(3, name="backbone", trainable=False)(scaled)
    own = layers.Dense(3, name="own")(frozen)
    audio = keras.Input((3,), name="audio")
    outputs = layers.Dense(3, name="head")(layers.Add()([own, audio]))
    inner = keras.Model([image, audio], outputs)
    single = single_modality_model(inner, "image", weights)
    same = {
        name: (kernel(inner, name) == kernel(single, name)).all()
        for name in ("backbone", "own", "head")
    }
    assert same == {"backbone": True, "own": weights == "kept", "head": False}
    assert single.get_layer("backbone").trainable is False
    assert single.input.name == "image"


@pytest.mark.parametrize("weights", ["new", "kept"])
def test_what_was_adapted_stays(weights):
    """Statistics beside the weights, and vocabularies."""
    rng = np.random.default_rng(0)
    values = rng.normal(2000.0, 300.0, size=(50, 2)).astype("float32")
    ids = rng.integers(3, 9, size=(50, 2)).astype("int32")
    scaled, binned = layers.Normalization(), layers.Discretization(num_bins=3)
    looked_up = layers.IntegerLookup()
    scaled.adapt(values)
    binned.adapt(values)
    looked_up.adapt(ids)
    inputs = {
        "a": {
            "x": keras.Input((2,), name="x"),
            "ids": keras.Input((2,), dtype="int32", name="ids"),
        },
        "b": keras.Input((1,), name="b"),
    }
    a, b = inputs["a"], inputs["b"]
    own = [scaled(a["x"]), binned(a["x"]), looked_up(a["ids"])]
    inside = keras.Input((2,))
    inside = keras.Model(inside, scaled(inside))
    merged = layers.Concatenate()([*own, inside(a["x"]), b])
    inner = keras.Model(inputs, merged)
    single = single_modality_model(inner, "a", weights)
    x = {"x": values[:4], "ids": ids[:4]}
    expected = inner({"a": x, "b": np.zeros((4, 1))})
    found = single({"a": x})
    np.testing.assert_allclose(
        toys.array(found), toys.array(expected)[:, :-1], rtol=1e-5
    )


@pytest.mark.parametrize(
    "merge",
    [
        lambda a, b: layers.Multiply()([a, layers.Dense(4)(b)]),
        lambda a, b: a * layers.Dense(4)(b) + b,
        lambda a, b: keras.ops.concatenate([b, a, b]),
        lambda a, b: layers.Multiply()(
            [a, layers.Dense(4)(layers.Concatenate()([a, b]))]
        ),
    ],
)
def test_ways_to_merge(merge):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    encoder = layers.Dense(4, name="shared")
    inner = keras.Model(
        {"a": a, "b": b}, layers.Dense(2)(merge(encoder(a), encoder(b)))
    )
    for name in ("a", "b"):
        single = single_modality_model(inner, name)
        assert single({name: np.ones((2, 4))}).shape == (2, 2)
        assert single.get_layer("shared") is not encoder


def test_masks_and_nested_models():
    ids = keras.Input((5,), dtype="int32", name="ids")
    kind = keras.Input((1,), name="kind")
    numbers = keras.Input((5, 2), name="numbers")
    embedded = layers.Embedding(9, 3, mask_zero=True, name="embedding")(ids)
    merged = layers.Concatenate()([embedded, numbers])
    pooled = layers.GlobalAveragePooling1D()(merged)
    nested = keras.Input((1,))
    nested = keras.Model(nested, layers.Dense(2)(nested))
    outputs = layers.Concatenate()([pooled, nested(kind)])
    inputs = {"text": {"ids": ids, "kind": kind}, "numbers": numbers}
    inner = keras.Model(inputs, outputs)
    text = single_modality_model(inner, "text")
    assert sorted(text.input["text"]) == ["ids", "kind"]
    assert text.output.shape == (None, 5)
    own = {"ids": np.array([[1, 2, 0, 0, 0]]), "kind": np.ones((1, 1))}
    embedding = toys.array(text.get_layer("embedding").embeddings)
    pooled = toys.array(text({"text": own}))[0, :3]
    np.testing.assert_allclose(pooled, embedding[1:3].mean(0), rtol=1e-5)
    assert single_modality_model(inner, "numbers").output.shape == (None, 2)


def doubled(x):
    return 2.0 * layers.Flatten()(x)


@pytest.mark.parametrize(
    "function", [lambda x: 2.0 * layers.Flatten()(x), doubled]
)
def test_functions_in_layers(function):
    """With a name of this module, which a lambda from a file has not."""
    a, b = keras.Input((2, 2), name="a"), keras.Input((4,), name="b")
    called = layers.Lambda(function, output_shape=(4,), name="own")(a)
    steps = layers.TimeDistributed(layers.Lambda(lambda x: 3.0 * x))(a)
    merged = layers.Concatenate()([called, layers.Flatten()(steps), b])
    inner = keras.Model({"a": a, "b": b}, merged)
    single = single_modality_model(inner, "a")
    x = np.arange(4.0).reshape(1, 2, 2)
    expected = [[*2 * np.arange(4.0), *3 * np.arange(4.0)]]
    np.testing.assert_allclose(toys.array(single({"a": x})), expected)
    own, copied = (m.get_layer("own") for m in (inner, single))
    assert own is not copied and own.get_config() == copied.get_config()


def test_a_layer_that_cannot_be_made_anew():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    own = layers.Dense(4, activation=doubled, name="own")(a)
    inner = keras.Model({"a": a, "b": b}, layers.Add()([own, b]))
    with pytest.raises(ValueError, match="Layer 'own' of `inner` cannot be"):
        single_modality_model(inner, "a")


def test_what_has_no_meaning_alone():
    a, b = keras.Input((4, 2), name="a"), keras.Input((4, 2), name="b")
    attended = layers.MultiHeadAttention(1, 2)(a, b)
    inner = keras.Model({"a": a, "b": b}, attended)
    with pytest.raises(ValueError, match="MultiHeadAttention, which has no"):
        single_modality_model(inner, "a")
    reshaped = layers.Reshape((16,))(layers.Concatenate()([a, b]))
    inner = keras.Model({"a": a, "b": b}, reshaped)
    with pytest.raises(ValueError, match="'reshape.*does not take what is"):
        single_modality_model(inner, "a")
    with pytest.raises(
        ValueError, match=r"`modality` must be one of \['a', 'b"
    ):
        single_modality_model(inner, "c")
    with pytest.raises(ValueError, match="`weights`"):
        single_modality_model(inner, "a", "old")
    with pytest.raises(ValueError, match="must reach every output"):
        single_modality_model(keras.Model({"a": a, "b": b}, [a, b]), "a")
    with pytest.raises(ValueError, match="`inner` must be a functional"):
        single_modality_model(keras.Model(), "a")
    with pytest.raises(ValueError, match="`models` must be a dict"):
        single_modality_ensemble({})


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


@pytest.mark.once(False)
@pytest.mark.parametrize("activation", [None, "softmax", "sigmoid"])
def test_ensemble(activation, tmp_path):
    inner = toys.linear(activation)
    singles = {n: single_modality_model(inner, n) for n in ("audio", "image")}
    ensemble = single_modality_ensemble(singles)
    path = tmp_path / "ensemble.keras"
    ensemble.save(path)
    x, _ = toys.data(inner, 4)
    logits = []
    for name, single in singles.items():
        weights, bias = single.get_weights()
        logits.append(x[name] @ weights + bias)
    mean = np.mean(logits, axis=0)
    if activation == "softmax":
        mean = np.mean([log_softmax(each) for each in logits], axis=0)
        mean = np.exp(log_softmax(mean))
    elif activation == "sigmoid":
        mean = 1 / (1 + np.exp(-mean))
    loaded = keras.saving.load_model(path)
    np.testing.assert_allclose(toys.array(loaded(x)), mean, rtol=1e-4)


@pytest.mark.parametrize("axis", [1, 2, -1, (1, 2)])
def test_an_ensemble_over_the_axis_of_the_classes(axis):
    inputs = {name: keras.Input((3, 2), name=name) for name in ("a", "b")}
    models = {
        name: keras.Model({name: x}, layers.Softmax(axis)(x))
        for name, x in inputs.items()
    }
    ensemble = single_modality_ensemble(models)
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(4, 3, 2)) for name in inputs}
    exp = np.exp((x["a"] + x["b"]) / 2)
    np.testing.assert_allclose(
        toys.array(ensemble(x)),
        exp / exp.sum(axis=axis, keepdims=True),
        rtol=1e-4,
    )


def test_an_ensemble_is_of_a_dict():
    with pytest.raises(ValueError, match="`models` must be a dict"):
        single_modality_ensemble(toys.two_modalities())


def test_an_ensemble_of_sequential_models():
    """Which forget their symbolic inputs where they were never called."""
    singles = {}
    for name, size in (("a", 3), ("b", 2)):
        dense = layers.Dense(3, activation="softmax")
        singles[name] = keras.Sequential([keras.Input((size,)), dense])
        singles[name].compile("sgd", "sparse_categorical_crossentropy")
        x, y = np.ones((4, size)), np.arange(4) % 3
        singles[name].fit(x, y, verbose=0)
    ensemble = single_modality_ensemble(singles)
    assert ensemble([np.ones((2, 3)), np.ones((2, 2))]).shape == (2, 3)


def test_what_was_not_adapted_yet_is_copied_as_it_is():
    ids = keras.Input((2,), dtype="int32", name="ids")
    b = keras.Input((3,), name="b")
    embedded = layers.Embedding(9, 3)(layers.IntegerLookup()(ids))
    pooled = layers.GlobalAveragePooling1D()(embedded)
    inner = keras.Model({"ids": ids, "b": b}, layers.Add()([pooled, b]))
    assert single_modality_model(inner, "ids").output.shape == (None, 3)


def test_layers_of_nested_models_may_share_a_name():
    nested = keras.Input((3,))
    encoder = keras.Model(nested, layers.Dense(4, name="dense")(nested))
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    merged = layers.Concatenate()([encoder(a), b])
    inner = keras.Model({"a": a, "b": b}, layers.Dense(2, name="dense")(merged))
    single = single_modality_model(inner, "a", weights="kept")
    assert single({"a": np.ones((2, 3))}).shape == (2, 2)
    np.testing.assert_array_equal(
        toys.array(single.get_layer("dense").kernel),
        toys.array(encoder.get_layer("dense").kernel),
    )


def test_an_ensemble_is_of_models_that_end_alike():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    models = {
        "a": keras.Model({"a": a}, keras.layers.Dense(4, "softmax")(a)),
        "b": keras.Model({"b": b}, keras.layers.Dense(4)(b)),
    }
    with pytest.raises(ValueError, match="must end alike"):
        mmreg.models.single_modality_ensemble(models)


@pytest.mark.parametrize("merge", [layers.Add, layers.Concatenate])
def test_a_frozen_head_keeps_its_weights_or_learns_new_ones(merge):
    inputs = {name: keras.Input((4,), name=name) for name in "ab"}
    merged = merge()([layers.Dense(5)(x) for x in inputs.values()])
    head = layers.Dense(3, name="head", trainable=False)
    inner = keras.Model(inputs, head(merged))
    copy = single_modality_model(inner, "a").get_layer("head")
    if merge is layers.Add:
        assert not copy.trainable
        for old, new in zip(head.weights, copy.weights, strict=True):
            np.testing.assert_array_equal(toys.array(old), toys.array(new))
    else:
        assert copy.trainable and copy.kernel.shape == (5, 3)
