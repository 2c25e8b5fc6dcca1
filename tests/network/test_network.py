"""The inner model is run again only from where it was perturbed."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_mmreg as mmreg
from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.network import FunctionalNetwork
from keras_mmreg.network import OpaqueNetwork
from keras_mmreg.network import create_network
from keras_mmreg.network import modality_names
from keras_mmreg.network.graph import Graph
from keras_mmreg.ops.perturbation import repeat_samples
from keras_mmreg.ops.perturbation import take_examples
from tests import toys
from tests.toys import array
from tests.toys import tensor


@keras.saving.register_keras_serializable(package="tests")
class Counting(keras.layers.Dense):
    """Counts how often it is called."""

    calls = 0

    def call(self, inputs):
        self.calls += 1
        return super().call(inputs)


def counting_model():
    audio = keras.Input((4,), name="audio")
    image = keras.Input((3,), name="image")
    heard = Counting(2, activation="tanh", name="ear")(audio)
    seen = Counting(2, activation="tanh", name="eye")(image)
    merged = keras.layers.Concatenate()([heard, seen])
    outputs = Counting(3, name="head")(merged)
    return keras.Model({"audio": audio, "image": image}, outputs)


def calls(model):
    names = ("ear", "eye", "head")
    return tuple(model.get_layer(name).calls for name in names)


def tensors(model, num_examples=5):
    x, _ = toys.data(model, num_examples)
    return {name: tensor(value) for name, value in x.items()}


def opaque(model):
    """The same layers behind a `call` that hides the graph."""

    class Opaque(keras.Model):
        def __init__(self):
            super().__init__()
            self.model = model

        def call(self, inputs):
            return self.model(inputs)

    return Opaque()


def test_unperturbed_encoders_are_not_run_again():
    model = counting_model()
    x = tensors(model)
    network = create_network(model, x)
    assert isinstance(network, FunctionalNetwork)
    clean = network.run(x)
    before = calls(model)
    moved = network.replace(clean, {"audio": x["audio"] + 1.0})
    after = np.subtract(calls(model), before)
    np.testing.assert_array_equal(after, [1, 0, 1])
    expected = model({**x, "audio": x["audio"] + 1.0})
    np.testing.assert_allclose(
        array(network.outputs_of(moved)), array(expected), rtol=1e-5
    )


@pytest.mark.parametrize("wrap", [lambda model: model, opaque])
@pytest.mark.parametrize("num_samples", [1, 3])
def test_replacing_equals_running_on_other_inputs(wrap, num_samples):
    model = toys.two_modalities()
    x = tensors(model)
    network = create_network(wrap(model), x)
    z = ops.concatenate([x["audio"] * (i + 2) for i in range(num_samples)])
    moved = network.replace(network.run(x), {"audio": z}, num_samples)
    image = ops.concatenate([x["image"]] * num_samples)
    expected = model({"audio": z, "image": image})
    np.testing.assert_allclose(
        array(network.outputs_of(moved)), array(expected), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("wrap", [lambda model: model, opaque])
def test_replacements_can_be_chained(wrap):
    model = toys.two_modalities()
    x = tensors(model)
    network = create_network(wrap(model), x)
    both = {name: 2 * value for name, value in x.items()}
    origin = network.replace(network.run(x), both)
    z = ops.concatenate([3 * x["image"], 4 * x["image"]])
    moved = network.replace(origin, {"image": z}, 2)
    expected = model(
        {"audio": ops.concatenate([both["audio"]] * 2), "image": z}
    )
    np.testing.assert_allclose(
        array(network.outputs_of(moved)), array(expected), rtol=1e-4, atol=1e-6
    )


def test_everything_runs_in_inference_mode():
    a = keras.Input((4,), name="a")
    normalized = keras.layers.BatchNormalization()(a)
    dropped = keras.layers.Dropout(0.5)(normalized, training=True)
    batch = tensor(np.random.rand(8, 4))
    network = create_network(keras.Model(a, dropped), batch)
    np.testing.assert_allclose(
        array(network.outputs_of(network.run(batch))),
        array(keras.Model(a, normalized)(batch, training=False)),
        rtol=1e-6,
    )


def test_the_users_layers_are_left_as_they_were():
    model = toys.two_modalities()
    nodes = len(model.get_layer("ear")._inbound_nodes)
    x = tensors(model)
    network = create_network(model, x, taps={"image": "eye"})
    network.replace(network.run(x), {"audio": x["audio"]})
    assert len(model.get_layer("ear")._inbound_nodes) == nodes
    assert model.get_layer("eye").output is not None
    wrapped = opaque(model)
    network = create_network(wrapped, x, taps={"image": "eye"})
    network.run(x)
    assert "call" not in vars(model.get_layer("eye"))


@pytest.mark.parametrize("wrap", [lambda model: model, opaque])
def test_a_tap_replaces_the_output_of_its_layer(wrap):
    model = toys.two_modalities()
    x = tensors(model)
    network = create_network(wrap(model), x, taps={"image": "eye"})
    assert network.modalities == ["audio", "image"]
    clean = network.run(x)
    seen = network.points_of(clean)["image"]
    np.testing.assert_allclose(
        array(seen), array(model.get_layer("eye")(x["image"])), rtol=1e-5
    )
    moved = network.replace(clean, {"image": 0.0 * seen})
    model.get_layer("eye").set_weights(
        [0.0 * w for w in model.get_layer("eye").get_weights()]
    )
    np.testing.assert_allclose(
        array(network.outputs_of(moved)), array(model(x)), rtol=1e-4, atol=1e-6
    )


def test_points_of_a_whole_batch_cost_no_forward_pass():
    model = counting_model()
    x = tensors(model)
    network = create_network(model, x)
    before = calls(model)
    np.testing.assert_array_equal(
        array(network.points(x)["audio"]), array(x["audio"])
    )
    assert calls(model) == before


def test_points_inside_of_an_opaque_model_are_not_run_for():
    model = counting_model()
    x = tensors(model)
    network = create_network(opaque(model), x, taps={"image": "eye"})
    before = calls(model)
    assert list(network.points(x)) == ["audio"]
    assert calls(model) == before


def test_noise_on_padding_does_not_unmask_it():
    audio = keras.Input((4, 2), name="audio")
    masked = keras.layers.Masking(name="masking")(audio)
    pooled = keras.layers.GlobalAveragePooling1D()(masked)
    model = keras.Model(audio, pooled)
    x = np.random.rand(3, 4, 2).astype("float32")
    x[:, 2:] = 0.0
    network = create_network(model, tensor(x))
    clean = network.run(tensor(x))
    point = network.points_of(clean)["audio"]
    np.testing.assert_array_equal(
        array(mask_of(point)), [[True, True, False, False]] * 3
    )
    moved = network.replace(clean, {"audio": point + 1.0})
    np.testing.assert_allclose(
        array(network.outputs_of(moved)), x[:, :2].mean(1) + 1.0, rtol=1e-5
    )


def test_a_shared_layer_is_told_apart_by_its_modality():
    first = keras.Input((4,), dtype="int32", name="first")
    second = keras.Input((4,), dtype="int32", name="second")
    words = keras.layers.Embedding(5, 2, name="words")
    merged = keras.layers.Concatenate()([words(first), words(second)])
    model = keras.Model([first, second], keras.layers.Flatten()(merged))
    taps = {"first": "words", "second": "words"}
    network = create_network(model, model.input, taps=taps)
    assert network.modalities == ["first", "second"]


def test_a_tap_must_not_depend_on_two_modalities():
    inputs = {name: keras.Input((2,), name=name) for name in ("a", "b")}
    joined = keras.layers.Add(name="joined")(list(inputs.values()))
    model = keras.Model(inputs, keras.layers.Dense(3)(joined))
    taps = {"a": "joined"}
    with pytest.raises(ValueError, match="'joined'.*depends on 'b', too"):
        create_network(model, inputs, taps=taps)
    network = create_network(model, inputs, taps=taps, modalities=["a"])
    assert network.modalities == ["a"]


def test_an_opaque_model_must_call_a_tapped_layer_once():
    class Twice(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4, name="dense")

        def call(self, inputs):
            return self.dense(self.dense(inputs))

    model = Twice()
    batch = tensor(np.random.rand(2, 4))
    model(batch)
    network = create_network(model, batch, taps={"input": "dense"})
    assert isinstance(network, OpaqueNetwork)
    with pytest.raises(ValueError, match="called that layer 2 times"):
        network.run(batch)


def test_an_overridden_call_is_respected():
    @keras.saving.register_keras_serializable(package="tests")
    class Scaled(keras.Model):
        def call(self, inputs, training=None):
            return 2.0 * super().call(inputs, training=training)

    a = keras.Input((4,), name="a")
    model = Scaled(a, keras.layers.Dense(3)(a))
    assert isinstance(create_network(model, model.input), OpaqueNetwork)


def two_inputs(model_class=keras.Model):
    """Its inputs are a list, not in the order of their names."""
    b, a = keras.Input((4,), name="b"), keras.Input((3,), name="a")
    encoder = keras.Sequential([keras.layers.Dense(2, name="nested")])
    merged = keras.layers.Concatenate()([encoder(b), a])
    return model_class([b, a], keras.layers.Dense(3)(merged))


class OwnCall(keras.Model):
    def call(self, inputs, training=None):
        return 2.0 * super().call(inputs, training=training)


@pytest.mark.parametrize(
    "model_class, taps",
    [(keras.Model, {}), (OwnCall, {}), (keras.Model, {"b": "nested"})],
)
@pytest.mark.parametrize("as_dict", [True, False])
def test_inputs_are_named_as_in_the_graph(model_class, taps, as_dict):
    model = two_inputs(model_class)
    b, a = tensor(np.random.rand(2, 4)), tensor(np.random.rand(2, 3))
    inputs = {"a": a, "b": b} if as_dict else [b, a]
    network = create_network(model, inputs, taps)
    assert modality_names(model, inputs) == network.modalities
    assert network.modalities == ["b", "a"]
    clean = network.run(inputs)
    assert network.points_of(clean)["a"].shape == (2, 3)
    moved = network.replace(clean, {"a": 2.0 * a})
    np.testing.assert_allclose(
        array(network.outputs_of(moved)), array(model([b, 2.0 * a])), rtol=1e-5
    )


def test_inputs_without_a_name_have_their_place():
    symbols = [keras.Input((2,)), keras.Input((2,), name="a")]
    model = keras.Model(symbols, keras.layers.Concatenate()(symbols))
    assert modality_names(model, model.input) == ["input_0", "a"]


def test_points_are_behind_what_prepares_the_data():
    pixels = keras.Input((4,), dtype="uint8", name="pixels")
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.Normalization(mean=0.5, variance=0.25)(x)
    model = keras.Model(pixels, keras.layers.Dense(3)(x))
    batch = keras.ops.convert_to_tensor(np.full((2, 4), 255), "uint8")
    network = create_network(model, model.input)
    clean = network.run(batch)
    np.testing.assert_allclose(array(network.points_of(clean)["pixels"]), 1.0)
    np.testing.assert_allclose(
        array(network.points(batch)["pixels"]), 1.0, rtol=1e-5
    )


def test_indices_in_a_float_tensor_are_refused():
    ids = keras.Input((4,), name="ids")
    words = keras.layers.Embedding(7, 2, name="words")(ids)
    model = keras.Model(ids, keras.layers.Dense(3)(words))
    with pytest.raises(ValueError, match="'ids' holds indices.*taps="):
        create_network(model, model.input).require_float_points()
    create_network(model, model.input, taps={"ids": "words"})


def test_a_sequential_model_has_the_same_name_before_and_after_it_is_built():
    model = keras.Sequential([keras.layers.Dense(3)])
    batch = tensor(np.random.rand(2, 4))
    before = modality_names(model, batch)
    model(batch)
    reloaded = keras.Sequential.from_config(model.get_config())
    assert before == ["input"]
    assert create_network(model, batch).modalities == before
    assert create_network(reloaded, batch).modalities == before


def test_a_tap_must_return_one_tensor():
    audio = keras.Input((4, 2), name="audio")
    states = keras.layers.SimpleRNN(3, return_state=True, name="rnn")(audio)
    model = keras.Model(audio, keras.layers.Add()(states))
    with pytest.raises(ValueError, match="'rnn'.*returns several tensors"):
        create_network(model, model.input, taps={"audio": "rnn"})
    batch = tensor(np.random.rand(2, 4, 2))
    network = create_network(opaque(model), batch, taps={"input": "rnn"})
    with pytest.raises(ValueError, match="'rnn'.*returns several tensors"):
        network.run(batch)


def masked_encoder():
    audio = keras.Input((4, 2), name="audio")
    encoder = keras.Sequential(
        [
            keras.Input((4, 2)),
            keras.layers.Masking(name="masking"),
            keras.layers.GlobalAveragePooling1D(),
        ],
        name="encoder",
    )
    return keras.Model(audio, encoder(audio))


def test_padding_that_a_hidden_layer_finds_must_be_tapped():
    batch = tensor(np.random.rand(3, 4, 2))
    network = create_network(opaque(masked_encoder()), batch)
    with pytest.raises(ValueError, match="would make padding look like data"):
        network.require_float_points()


@pytest.mark.parametrize("wrap", [lambda model: model, opaque])
@pytest.mark.parametrize("tapped", [True, False])
def test_padding_inside_of_a_nested_model_stays_padding(wrap, tapped):
    x = np.random.rand(3, 4, 2).astype("float32")
    x[:, 2:] = 0.0
    model = wrap(masked_encoder())
    (name,) = modality_names(model, tensor(x))
    if not tapped and wrap is opaque:
        pytest.skip("Where the masking is does not show.")
    taps = {name: "masking"} if tapped else None
    network = create_network(model, tensor(x), taps=taps)
    network.require_float_points()
    clean = network.run(tensor(x))
    point = network.points_of(clean)[name]
    moved = network.replace(clean, {name: point + 1.0})
    np.testing.assert_allclose(
        array(network.outputs_of(moved)), x[:, :2].mean(1) + 1.0, rtol=1e-5
    )


def test_an_optional_input_may_be_none():
    class AddIfThere(keras.layers.Layer):
        def call(self, inputs):
            there = [x for x in inputs if x is not None]
            return sum(there)

    a = keras.Input((3,), name="a")
    b = keras.Input((3,), name="b", optional=True)
    model = keras.Model([a, b], AddIfThere()([a, b]))
    x = tensor(np.random.rand(2, 3))
    for network in (
        create_network(model, model.input),
        OpaqueNetwork(model, [x, None], {}, None),
    ):
        clean = network.run([x, None])
        assert list(network.points_of(clean)) == ["a"]
        z = ops.concatenate([2.0 * x, 3.0 * x])
        moved = network.replace(clean, {"a": z}, 2)
        np.testing.assert_allclose(array(network.outputs_of(moved)), array(z))


@pytest.mark.parametrize("num_samples", [1, 2])
def test_attention_leaves_the_masks_to_later_passes(num_samples):
    """Keras takes them off the tensors that `MultiHeadAttention` receives."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    sound = keras.Input((4,), name="sound")
    words = keras.layers.Embedding(9, 8, mask_zero=True, name="words")(ids)
    query = keras.layers.Reshape((1, 8))(keras.layers.Dense(8)(sound))
    seen = keras.layers.MultiHeadAttention(2, 4)(query, words)
    merged = keras.layers.Concatenate()([keras.layers.Flatten()(seen), sound])
    inputs = {"ids": ids, "sound": sound}
    model = keras.Model(inputs, keras.layers.Dense(3)(merged))
    network = create_network(model, model.input, {"ids": "words"}, None)
    x = {
        "ids": np.array([[3, 4, 0, 0, 0], [5, 6, 7, 8, 1]], "int32"),
        "sound": np.random.default_rng(0).normal(size=(2, 4)),
    }
    x["sound"] = x["sound"].astype("float32")
    x = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    expected = np.tile(array(model(x)), (num_samples, 1))
    activations = network.run(x)
    for _ in range(2):
        points = network.points_of(activations)
        assert mask_of(points["ids"]) is not None
        repeated = {
            n: repeat_samples(v, num_samples) for n, v in points.items()
        }
        again = network.replace(activations, repeated, num_samples)
        np.testing.assert_allclose(
            array(network.outputs_of(again)), expected, rtol=1e-5, atol=1e-6
        )


class SumOfKnown(keras.layers.Layer):
    """The sum of what its mask lets through."""

    supports_masking = True

    def call(self, x, mask=None):
        return ops.sum(x * ops.cast(mask, x.dtype)[..., None], axis=1)

    def compute_mask(self, x, mask=None):
        return None


def reader(prepare, **inputs):
    """Sums a sequence of which 0 is padding, next to another modality."""
    sequence = keras.Input(name="sequence", **inputs)
    other = keras.Input((1,), name="other")
    total = SumOfKnown()(prepare(sequence))
    inputs = {"sequence": sequence, "other": other}
    return keras.Model(inputs, keras.layers.Concatenate()([total, other]))


def embedding():
    return keras.layers.Embedding(
        8, 1, weights=[np.arange(8.0)[:, None]], mask_zero=True, name="first"
    )


def masking():
    return keras.layers.Masking(mask_value=9.0, name="first")


class Reader(keras.Model):
    """The same, behind a `call` of its own."""

    def __init__(self, first):
        super().__init__()
        self.first = first
        self.total = SumOfKnown()

    def call(self, inputs):
        total = self.total(self.first(inputs["sequence"]))
        return ops.concatenate([total, inputs["other"]], axis=-1)


@pytest.mark.parametrize("subclassed", [False, True])
@pytest.mark.parametrize("first", [embedding, masking])
def test_examples_move_with_their_padding(first, subclassed):
    """Whose mask is a step of its own in the graph of a functional model."""
    if first is embedding:
        sequence = np.array([[5, 0, 0, 0], [1, 2, 3, 4]], "int32")
        model = reader(first(), shape=(4,), dtype="int32")
    else:
        sequence = np.array([[5.0, 9, 9, 9], [1, 2, 3, 4]], "float32")
        sequence = sequence[..., None]
        model = reader(first(), shape=(4, 1))
    x = {"sequence": tensor(sequence), "other": ops.zeros((2, 1))}
    taps = {"sequence": "first"} if first is embedding or subclassed else {}
    networks = [create_network(model, x, taps)]
    if subclassed:
        hidden = create_network(opaque(model), x, taps)
        if Graph(model).masks:  # It would stay where it is.
            assert hidden.around("sequence") == ["sequence"]
            networks = []
        else:  # Not from Keras 3.16 on, where a mask is no step.
            networks = [hidden]
        model = Reader(first())
        model(x)
        networks.append(create_network(model, x, taps))
    for network in networks:
        check_that_examples_move(network, x)


def check_that_examples_move(network, x):
    assert network.around("sequence") == []

    def swapped(points):
        order = ops.convert_to_tensor([1, 0])
        return points | {
            name: take_examples(point, order)
            for name, point in points.items()
            if name == "sequence"
        }

    clean = network.run(x)
    assert array(network.outputs_of(clean))[:, 0].tolist() == [5.0, 10.0]
    moved = network.replace(clean, swapped(network.points_of(clean)))
    assert array(network.outputs_of(moved))[:, 0].tolist() == [10.0, 5.0]
    moved = network.run(x, intervene=swapped)
    assert array(network.outputs_of(moved))[:, 0].tolist() == [10.0, 5.0]
    # Values without a mask of their own keep that of their place.
    value = ops.ones_like(network.points_of(clean)["sequence"])
    replaced = network.replace(clean, {"sequence": value})
    assert array(network.outputs_of(replaced))[:, 0].tolist() == [1.0, 4.0]


def test_a_point_is_not_behind_what_goes_around_it():
    a = keras.Input((1,), name="a")
    b = keras.Input((1,), name="b")
    is_missing = ops.cast(ops.equal(a, -1.0), "float32")
    scaled = keras.layers.Rescaling(2.0)(a)
    merged = keras.layers.Concatenate()([scaled * (1.0 - is_missing), b])
    model = keras.Model({"a": a, "b": b}, merged)
    x = {"a": tensor([[-1.0], [3.0]]), "b": ops.zeros((2, 1))}
    network = create_network(model, x)
    clean = network.run(x)
    assert array(network.outputs_of(clean))[:, 0].tolist() == [0.0, 6.0]
    order = ops.convert_to_tensor([1, 0])
    moved = take_examples(network.points_of(clean)["a"], order)
    outputs = network.outputs_of(network.replace(clean, {"a": moved}))
    assert array(outputs)[:, 0].tolist() == [6.0, 0.0]


def test_what_goes_around_a_tap_is_told():
    ids = keras.Input((4,), dtype="int32", name="ids")
    mask = keras.Input((4,), name="mask")
    image = keras.Input((2,), name="image")
    words = keras.layers.Embedding(8, 1, name="words")(ids)
    read = ops.sum(words * mask[..., None], axis=1)
    seen = keras.layers.Dense(2, name="eye")(image)
    merged = keras.layers.Concatenate()([read, seen, image])
    inputs = {"text": {"ids": ids, "mask": mask}, "image": image}
    model = keras.Model(inputs, merged)
    taps = {"text": "words", "image": "eye"}
    network = create_network(model, inputs, taps)
    assert network.around("text") == ["text/mask"]
    assert network.around("image") == ["image"]
    automatic = create_network(model, inputs, "auto")
    assert not automatic.around("text") and not automatic.around("image")
    x = {
        "text": {
            "ids": tensor(np.ones((2, 4), "int32")),
            "mask": ops.ones((2, 4)),
        },
        "image": ops.ones((2, 2)),
    }
    hidden = create_network(opaque(model), x, taps)
    assert hidden.around("text") == ["text/ids", "text/mask"]
    assert hidden.around("image") == []


@pytest.mark.parametrize("method", ["mix", "dependence", "shuffle"])
def test_what_moves_examples_moves_all_of_a_modality(method):
    a = keras.Input((2,), name="a")
    b = keras.Input((2,), name="b")
    encoded = keras.layers.Dense(2, name="encoder")(a)
    merged = keras.layers.Concatenate()([encoded, a, b])
    outputs = keras.layers.Dense(2, activation="softmax")(merged)
    inner = keras.Model({"a": a, "b": b}, outputs)
    if method == "shuffle":
        method = mmreg.regularizers.ModalityShuffle(["a"])
    taps = {"a": "encoder"}
    with pytest.raises(ValueError, match="'a' reaches .* around its tap"):
        mmreg.models.RegularizedModel(inner, method, taps=taps)


@pytest.mark.once
@pytest.mark.parametrize("name", ["fisher", "noise", "unimodal", "dropout"])
@pytest.mark.filterwarnings("ignore:The gate is measured on training")
def test_a_mask_that_is_used_behind_the_merge_is_no_second_path(name):
    events = keras.Input((5,), dtype="int32", name="events")
    motion = keras.Input((5, 3), name="motion")
    read = keras.layers.Embedding(6, 4, mask_zero=True)(events)
    merged = keras.layers.Concatenate()([read, motion])
    pooled = keras.layers.GlobalAveragePooling1D()(merged)
    outputs = keras.layers.Dense(3)(pooled)
    inner = keras.Model({"events": events, "motion": motion}, outputs)
    network = create_network(inner, inner.input, "auto")
    assert network.symbols["events"].shape == (None, 5, 4)
    model = mmreg.models.RegularizedModel(inner, name, taps="auto")
    model.compile("sgd", toys.LOGITS_LOSS)
    rng = np.random.default_rng(0)
    x = {
        "events": rng.integers(1, 6, (8, 5)),
        "motion": rng.normal(size=(8, 5, 3)),
    }
    x["events"][:, 3:] = 0
    logs = model.train_on_batch(x, np.arange(8) % 3, return_dict=True)
    assert np.isfinite(logs["loss"])
