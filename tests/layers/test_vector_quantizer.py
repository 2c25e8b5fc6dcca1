import keras
import numpy as np
import pytest
from keras import ops

from keras_mmreg import backend
from keras_mmreg.layers import VectorQuantizer


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


def test_moving_averages():
    layer = fixed(decay=0.9, epsilon=1e-3)
    x = features()
    layer.build(x.shape)
    anchors = array(layer.anchors)
    _, indices = layer(x, training=True, return_indices=True)
    one_hot = np.eye(8)[array(indices).reshape(-1)]
    counts = 0.9 * 1.0 + 0.1 * one_hot.sum(0)
    sums = 0.9 * anchors[0] + 0.1 * one_hot.T @ array(x).reshape(-1, 4)
    np.testing.assert_allclose(array(layer.counts)[0], counts, rtol=1e-5)
    np.testing.assert_allclose(array(layer.anchors)[0], sums, rtol=1e-4)
    total = counts.sum()
    smoothed = (counts + 1e-3) / (total + 8e-3) * total
    np.testing.assert_allclose(
        array(layer.codebook)[0], sums / smoothed[:, None], rtol=1e-4
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


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_codes_start_at_vectors_of_the_first_batch(update):
    layer = VectorQuantizer(5, update=update, seed=0)
    # Two distinct vectors: every code must be one of them.
    x = np.repeat([[1.0, 2.0], [-5.0, 3.0]], 20, axis=0)[None]
    layer(ops.convert_to_tensor(x, "float32"), training=True)
    quantized = layer(ops.convert_to_tensor(x, "float32"))
    np.testing.assert_allclose(array(quantized), x, atol=1e-3)


def test_padding_neither_starts_codes_nor_counts():
    layer = VectorQuantizer(4, seed=0, decay=0.5)
    x = np.array([[[1.0, 1.0], [100.0, 100.0]], [[2.0, 2.0], [100.0, 100.0]]])
    mask = np.array([[True, False], [True, False]])
    layer(ops.convert_to_tensor(x, "float32"), mask=mask, training=True)
    assert array(layer.codebook).max() < 3.0
    assert float(ops.sum(layer.counts)) == 0.5 * 4 + 0.5 * 2
    assert float(array(layer.losses[0])) < 1.0


def test_a_batch_of_padding_changes_no_code():
    layer = VectorQuantizer(4, seed=0)
    layer.build((2, 3, 2))
    before = array(layer.codebook)
    mask = np.zeros((2, 3), bool)
    layer(features((2, 3, 2)), mask=mask, training=True)
    assert float(layer.started) == 0.0
    np.testing.assert_allclose(array(layer.codebook), before, rtol=1e-3)


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
    far = array(layer.anchors)
    far[0, 3] = 1000.0
    counts = array(layer.counts)
    counts[0, 3] = 1e-6
    layer.anchors.assign(far)
    layer.counts.assign(counts)
    layer(x, training=True)
    assert np.abs(array(layer.codebook)).max() < 10.0
    assert array(layer.counts).min() > 0.1


def test_distances_are_float32_in_mixed_precision():
    layer = fixed(dtype="mixed_float16")
    # Squares overflow float16; the nearest code must still be found.
    x = ops.convert_to_tensor(np.full((2, 4), 300.0), "float16")
    quantized = layer(x)
    assert keras.backend.standardize_dtype(quantized.dtype) == "float16"
    assert np.isfinite(float(array(layer.losses[0])))
    assert keras.backend.standardize_dtype(layer.codebook.dtype) == "float32"


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
        assert np.abs(array(quantizer.offset)).max() > 0.0


def test_save_and_load(tmp_path):
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, fixed(num_groups=2, update="gradient")(inputs))
    x = features()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(array(loaded(x)), array(model(x)), rtol=1e-6)


@pytest.mark.parametrize("initializer", ["data", "zeros"])
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
