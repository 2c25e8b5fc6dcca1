import keras
import numpy as np
import pytest
from keras import ops

from keras_mmreg import backend
from keras_mmreg.layers import VectorQuantizer

pytestmark = pytest.mark.eager


def features(shape=(6, 3, 4), seed=0):
    values = np.random.default_rng(seed).normal(size=shape)
    return ops.convert_to_tensor(values.astype("float32"))


def array(tensor):
    return ops.convert_to_numpy(ops.stop_gradient(tensor))


def fixed(num_embeddings=8, **kwargs):
    """A quantizer whose codes neither start at the data nor restart."""
    return VectorQuantizer(
        num_embeddings,
        codebook_initializer=keras.initializers.RandomNormal(seed=1),
        restart_threshold=0.0,
        **kwargs,
    )


@pytest.mark.parametrize("num_groups", [1, 2])
@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_nearest_code_of_each_group(num_groups, update):
    layer = fixed(num_groups=num_groups, update=update)
    x = features()
    quantized, indices = layer(x, return_indices=True)
    codebook = array(layer.codebook)
    vectors = array(x).reshape(6, 3, num_groups, -1)
    distances = ((vectors[..., None, :] - codebook) ** 2).sum(-1)
    expected = distances.argmin(-1)
    np.testing.assert_array_equal(array(indices), expected)
    codes = np.stack(
        [codebook[g][expected[..., g]] for g in range(num_groups)], axis=2
    )
    np.testing.assert_allclose(
        array(quantized), codes.reshape(6, 3, 4), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        array(layer.lookup(indices)), array(quantized), rtol=1e-4, atol=1e-6
    )


@pytest.mark.once
def test_channels_first_is_the_transpose():
    last = fixed(num_groups=2)
    first = fixed(num_groups=2, data_format="channels_first")
    x = features((2, 5, 3, 4))
    transposed = ops.transpose(x, (0, 3, 1, 2))
    quantized, indices = first(transposed, return_indices=True)
    expected, expected_indices = last(x, return_indices=True)
    np.testing.assert_array_equal(array(indices), array(expected_indices))
    np.testing.assert_allclose(
        array(quantized), array(expected).transpose(0, 3, 1, 2), rtol=1e-6
    )
    np.testing.assert_allclose(
        array(first.lookup(indices)), array(quantized), rtol=1e-4, atol=1e-6
    )


def test_gradient_passes_straight_through():
    layer = fixed(commitment_cost=0.0)
    slopes = features(seed=3)

    def function(inputs):
        return ops.sum(layer(inputs["x"]) * slopes, axis=(1, 2))

    _, gradients = backend.value_and_input_gradients(
        function, {"x": features()}
    )
    np.testing.assert_allclose(array(gradients["x"]), array(slopes), rtol=1e-6)


@pytest.mark.parametrize("update,factor", [("ema", 0.5), ("gradient", 1.5)])
def test_loss(update, factor):
    layer = fixed(update=update, commitment_cost=0.5)
    x = features()
    quantized = layer(x)
    error = ((array(x) - array(quantized)) ** 2).mean()
    assert len(layer.losses) == 1
    np.testing.assert_allclose(
        float(array(layer.losses[0])), factor * error, rtol=1e-5
    )


def smoothed(counts, epsilon):
    total = counts.sum()
    return (counts + epsilon) / (total + len(counts) * epsilon) * total


def test_moving_averages():
    """Of used and unused codes, by the rule of the authors' code."""
    layer = fixed(decay=0.5, epsilon=1e-3)
    x = features((1, 5, 4))
    layer.build(x.shape)
    sums, counts = array(layer.codes.anchors)[0], np.ones(8)
    for _ in range(12):
        _, indices = layer(x, training=True, return_indices=True)
        one_hot = np.eye(8)[array(indices).reshape(-1)]
        counts = smoothed(0.5 * counts + 0.5 * one_hot.sum(0), 1e-3)
        sums = 0.5 * sums + 0.5 * one_hot.T @ array(x).reshape(-1, 4)
    assert counts.min() < 0.01
    np.testing.assert_allclose(array(layer.codes.counts)[0], counts, rtol=1e-4)
    np.testing.assert_allclose(
        array(layer.codebook)[0], sums / counts[:, None], rtol=1e-4, atol=1e-6
    )


def test_nothing_moves_in_inference_or_when_frozen():
    layer = VectorQuantizer(8, seed=0)
    x = features()
    layer(x)
    before = [array(weight) for weight in layer.weights]
    layer(x, training=False)
    layer.trainable = False
    layer(x, training=True)
    for weight, expected in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(array(weight), expected)


@pytest.mark.once
@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_codes_start_at_vectors_of_the_first_batch(update):
    layer = VectorQuantizer(5, update=update, seed=0)
    # Two distinct vectors: every code must be one of them.
    x = np.repeat([[1.0, 2.0], [-5.0, 3.0]], 20, axis=0)[None]
    layer(ops.convert_to_tensor(x, "float32"), training=True)
    quantized = layer(ops.convert_to_tensor(x, "float32"))
    np.testing.assert_allclose(array(quantized), x, atol=1e-3)


@pytest.mark.once
def test_kmeans_on_the_first_batch():
    layer = VectorQuantizer(3, codebook_initializer="kmeans", seed=0)
    centers = np.array([[5.0, 0.0], [-5.0, 1.0], [0.0, 9.0]])
    noise = 0.1 * np.random.default_rng(0).normal(size=(60, 2))
    x = np.repeat(centers, 20, axis=0) + noise
    # Start where k-means finds all three: from one vector of each.
    starts = ops.convert_to_tensor(x[None, ::20], "float32")
    layer.build((None, 2))
    layer.codes._sample_vectors = lambda vectors, weights: starts
    layer(ops.convert_to_tensor(x, "float32"), training=True)
    means = x.reshape(3, 20, 2).mean(1)
    np.testing.assert_allclose(array(layer.codebook)[0], means, atol=2e-3)
    # Later batches move the codes by averages alone.
    layer(ops.convert_to_tensor(x + 1.0, "float32"), training=True)
    assert np.abs(array(layer.codebook)[0] - means).max() < 0.5


@pytest.mark.once
@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_cosine(update):
    layer = fixed(num_groups=2, distance="cosine", update=update)
    x = features((5, 3, 4))
    quantized, indices = layer(x, return_indices=True)
    codebook = array(layer.codebook)
    np.testing.assert_allclose(
        np.linalg.norm(codebook, axis=-1), 1.0, rtol=1e-5
    )
    vectors = array(x).reshape(5, 3, 2, 1, 2)
    similarity = (vectors * codebook).sum(-1)
    similarity = similarity / np.linalg.norm(vectors, axis=-1)
    expected = similarity.argmax(-1)
    np.testing.assert_array_equal(array(indices), expected)
    codes = np.stack([codebook[g][expected[..., g]] for g in range(2)], axis=2)
    np.testing.assert_allclose(
        array(quantized), codes.reshape(5, 3, 4), rtol=1e-4, atol=1e-6
    )
    # |u - c|^2 = 2 - 2 cos, and the mean is over two channels.
    error = (1.0 - similarity.max(-1)).mean()
    factor = 0.25 if update == "ema" else 1.25
    np.testing.assert_allclose(
        float(array(layer.losses[0])), factor * error, rtol=1e-4
    )


@pytest.mark.once
def test_cosine_averages_unit_vectors():
    layer = VectorQuantizer(
        1, distance="cosine", decay=0.0, restart_threshold=0.0, seed=0
    )
    x = np.array([[3.0, 0.0], [0.0, 0.5]])
    layer(ops.convert_to_tensor(x, "float32"), training=True)
    np.testing.assert_allclose(array(layer.codebook)[0], [[0.5**0.5] * 2], 1e-5)


@pytest.mark.once
def test_rotated_gradient():
    """Against the rotation matrix of Fifty et al., Section 4."""
    layer = fixed(commitment_cost=0.0, gradient="rotation")
    slopes = features(seed=3)
    x = features()
    quantized = array(layer(x))

    def function(inputs):
        return ops.sum(layer(inputs["x"]) * slopes, axis=(1, 2))

    _, gradients = backend.value_and_input_gradients(function, {"x": x})
    np.testing.assert_allclose(
        array(gradients["x"]).reshape(-1, 4),
        [
            rotation(z, c).T @ slope
            for z, c, slope in zip(
                array(x).reshape(-1, 4).astype("float64"),
                quantized.reshape(-1, 4).astype("float64"),
                array(slopes).reshape(-1, 4),
                strict=True,
            )
        ],
        rtol=1e-3,
        atol=1e-5,
    )


def rotation(z, c):
    """The matrix that turns and scales a vector to its code."""
    u, v = z / np.linalg.norm(z), c / np.linalg.norm(c)
    r = (u + v) / np.linalg.norm(u + v)
    matrix = np.eye(len(z)) - 2 * np.outer(r, r) + 2 * np.outer(v, u)
    return np.linalg.norm(c) / np.linalg.norm(z) * matrix


def test_padding_neither_starts_codes_nor_counts():
    layer = VectorQuantizer(4, seed=0, decay=0.5)
    x = np.array([[[1.0, 1.0], [100.0, 100.0]], [[2.0, 2.0], [100.0, 100.0]]])
    mask = np.array([[True, False], [True, False]])
    layer(ops.convert_to_tensor(x, "float32"), mask=mask, training=True)
    assert array(layer.codebook).max() < 3.0
    total = float(ops.sum(layer.codes.counts))
    np.testing.assert_allclose(total, 0.5 * 4 + 0.5 * 2, rtol=1e-6)
    assert float(array(layer.losses[0])) < 1.0


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_padding_moves_no_average(decay):
    layer = VectorQuantizer(4, decay=decay, seed=1)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    layer(x, training=True)
    before = array(layer.codebook), array(layer.codes.counts)
    layer(x, training=True, mask=np.zeros((2, 5), bool))
    np.testing.assert_array_equal(array(layer.codebook), before[0])
    np.testing.assert_array_equal(array(layer.codes.counts), before[1])


@pytest.mark.once
def test_a_batch_of_padding_changes_no_code():
    layer = VectorQuantizer(4, seed=0)
    layer.build((2, 3, 2))
    before = array(layer.codebook)
    mask = np.zeros((2, 3), bool)
    layer(features((2, 3, 2)), mask=mask, training=True)
    assert float(layer.codes.started) == 0.0
    np.testing.assert_allclose(array(layer.codebook), before, rtol=1e-3)


@pytest.mark.once
def test_mask_of_an_embedding_is_kept():
    inputs = keras.Input((3,), dtype="int32")
    embedded = keras.layers.Embedding(7, 4, mask_zero=True)(inputs)
    quantized = fixed()(embedded)
    outputs = keras.layers.GlobalAveragePooling1D()(quantized)
    model = keras.Model(inputs, outputs)
    short = model(np.array([[3, 0, 0]]))
    long = model(np.array([[3, 3, 3]]))
    np.testing.assert_allclose(array(short), array(long), rtol=1e-5)


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_unused_codes_restart_at_the_data(update):
    layer = VectorQuantizer(
        4, update=update, restart_threshold=0.1, seed=0, decay=0.5
    )
    x = features((1, 16, 2))
    layer(x, training=True)
    far = array(layer.codes.anchors)
    far[0, 3] = 1000.0
    counts = array(layer.codes.counts)
    counts[0, 3] = 1e-6
    layer.codes.anchors.assign(far)
    layer.codes.counts.assign(counts)
    layer(x, training=True)
    assert np.abs(array(layer.codebook)).max() < 10.0
    assert array(layer.codes.counts).min() > 0.1


def test_lookup_has_the_dtype_of_a_call():
    layer = fixed(dtype="mixed_float16")
    x = np.ones((2, 2), "float32")
    outputs, indices = layer(x, return_indices=True)
    assert layer.lookup(indices).dtype == outputs.dtype
    np.testing.assert_array_equal(array(layer.lookup(indices)), array(outputs))


def test_distances_are_float32_in_mixed_precision():
    layer = fixed(dtype="mixed_float16")
    # Squares overflow float16; the nearest code must still be found.
    x = ops.convert_to_tensor(np.full((2, 4), 300.0), "float16")
    quantized = layer(x)
    assert keras.backend.standardize_dtype(quantized.dtype) == "float16"
    assert np.isfinite(float(array(layer.losses[0])))
    assert keras.backend.standardize_dtype(layer.codebook.dtype) == "float32"


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_codes_of_integers_are_floats(dtype):
    layer = fixed(dtype=dtype)
    x = np.arange(8, dtype="int32").reshape(2, 4)
    symbolic = layer(keras.KerasTensor(x.shape, "int32"))
    quantized = layer(ops.convert_to_tensor(x))
    received = keras.backend.standardize_dtype(quantized.dtype)
    assert received == symbolic.dtype == layer.compute_dtype
    codes = array(layer.codebook)[0]
    nearest = ((x[:, None] - codes) ** 2).sum(-1).argmin(-1)
    quantized = array(ops.cast(quantized, "float32"))
    np.testing.assert_allclose(quantized, codes[nearest], rtol=2e-2, atol=1e-6)


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_fit_learns_the_codes(update):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    projected = keras.layers.Dense(4, kernel_initializer="identity")(inputs)
    quantizer = VectorQuantizer(48, update=update)
    model = keras.Model(inputs, quantizer(projected))
    model.compile(
        keras.optimizers.Adam(0.01),
        loss="mse",
        jit_compile=keras.config.backend() != "torch",
    )
    centers = np.random.default_rng(0).normal(size=(6, 4))
    labels = np.random.default_rng(1).integers(6, size=512)
    noise = 0.02 * np.random.default_rng(2).normal(size=(512, 4))
    x = (centers[labels] + noise).astype("float32")
    model.fit(x, x, epochs=4, batch_size=64, verbose=0)
    assert model.evaluate(x, x, verbose=0) < 0.05
    if update == "gradient":
        assert np.abs(array(quantizer.codes.offset)).max() > 0.0


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_the_state_of_restarts_is_saved(tmp_path, update):
    def train(model, epochs):
        model.fit(x, x, batch_size=8, epochs=epochs, shuffle=False, verbose=0)

    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(4)(inputs)
    # Most codes are restarted in every step.
    quantizer = VectorQuantizer(6, update=update, restart_threshold=0.9)
    model = keras.Model(inputs, quantizer(outputs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    train(model, 1)
    model.save_weights(tmp_path / "model.weights.h5")
    before = array(quantizer.codes.seed_generator.state)
    train(model, 1)
    expected = array(quantizer.codes.seed_generator.state)
    assert (before != expected).any()
    model.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(
        array(quantizer.codes.seed_generator.state), before
    )


def test_save_and_load(tmp_path):
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, fixed(num_groups=2, update="gradient")(inputs))
    x = features()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(array(loaded(x)), array(model(x)), rtol=1e-6)


@pytest.mark.parametrize("initializer", ["data", "kmeans", "zeros"])
def test_config_round_trip(initializer):
    layer = VectorQuantizer(
        8,
        commitment_cost=0.5,
        decay=0.9,
        update="gradient",
        epsilon=1e-3,
        num_groups=2,
        restart_threshold=0.0,
        codebook_initializer=initializer,
        distance="cosine",
        gradient="rotation",
        data_format="channels_first",
        seed=3,
    )
    config = layer.get_config()
    assert VectorQuantizer.from_config(config).get_config() == config


def test_symbolic_output():
    layer = fixed(num_groups=2)
    quantized, indices = layer(keras.Input((5, 4)), return_indices=True)
    assert quantized.shape == (None, 5, 4)
    assert indices.shape == (None, 5, 2)
    assert indices.dtype == "int32"


@pytest.mark.parametrize(
    "kwargs,message",
    [
        ({"num_embeddings": 0}, "`num_embeddings` must be an integer of at"),
        ({"num_embeddings": True}, "`num_embeddings` must be an integer of at"),
        ({"distance": "l1"}, "`distance` must be one of"),
        ({"gradient": "none"}, "`gradient` must be one of"),
        ({"num_embeddings": "8"}, "`num_embeddings` must be an integer of at"),
        ({"decay": 1.0}, "`decay` must be a finite number .* below 1"),
        ({"commitment_cost": -1}, "`commitment_cost` must be a finite number"),
        ({"update": "sgd"}, "`update` must be one of"),
        ({"num_groups": 1.5}, "`num_groups` must be an integer of at least 1"),
        ({"restart_threshold": -1}, "`restart_threshold` must be a finite"),
        ({"data_format": "nchw"}, "`data_format` must be one of"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        VectorQuantizer(**{"num_embeddings": 4, **kwargs})


def test_channels_that_groups_do_not_divide():
    with pytest.raises(ValueError, match="multiple of `num_groups`=3"):
        VectorQuantizer(4, num_groups=3)(features())
