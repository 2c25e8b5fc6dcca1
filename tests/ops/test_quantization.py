import keras
import numpy as np
import pytest
from keras import ops

from keras_mmreg import backend
from keras_mmreg.ops import quantization

GROUPS, VECTORS, CODES, DIM = 2, 11, 5, 3


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(GROUPS, VECTORS, DIM))


@pytest.fixture
def codebook():
    return np.random.default_rng(1).normal(size=(GROUPS, CODES, DIM))


@pytest.fixture
def weights():
    return np.array([1.0] * 8 + [0.0] * 3, "float32")


def tensor(array):
    return ops.convert_to_tensor(array, "float32")


def oracle_indices(vectors, codebook):
    differences = vectors[:, :, None, :] - codebook[:, None, :, :]
    return np.argmin((differences**2).sum(-1), axis=-1)


def test_nearest_codes(vectors, codebook):
    indices = quantization.nearest_codes(tensor(vectors), tensor(codebook))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(indices), oracle_indices(vectors, codebook)
    )


def test_lookup(vectors, codebook):
    indices = oracle_indices(vectors, codebook)
    codes = quantization.lookup(
        ops.convert_to_tensor(indices), tensor(codebook)
    )
    expected = np.stack([codebook[g][indices[g]] for g in range(GROUPS)])
    np.testing.assert_allclose(ops.convert_to_numpy(codes), expected, rtol=1e-6)


def test_counts_and_sums_match_one_hot(vectors, codebook, weights):
    indices = oracle_indices(vectors, codebook)
    batch = (ops.convert_to_tensor(indices), CODES, tensor(weights))
    counts = quantization.code_counts(*batch)
    sums = quantization.code_sums(tensor(vectors), *batch)
    one_hot = np.eye(CODES)[indices] * weights[None, :, None]
    np.testing.assert_allclose(ops.convert_to_numpy(counts), one_hot.sum(1))
    np.testing.assert_allclose(
        ops.convert_to_numpy(sums),
        np.einsum("gnk,gnd->gkd", one_hot, vectors),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize(
    "weights, expected",
    [
        ([1, 1, 1, 1], [0, 1, 2, 3]),
        ([0, 1, 0, 1], [1, 3, 0, 0]),
        ([0, 0, 0, 0], [0, 0, 0, 0]),
    ],
)
def test_indices_of_counted(weights, expected):
    indices = quantization.indices_of_counted(tensor(np.array(weights)))
    np.testing.assert_array_equal(ops.convert_to_numpy(indices), expected)


def test_laplace_smoothing_keeps_the_total():
    counts = np.array([[0.0, 3.0, 7.0]], "float32")
    smoothed = ops.convert_to_numpy(
        quantization.laplace_smoothing(tensor(counts), 0.1)
    )
    expected = (counts + 0.1) / (10.0 + 3 * 0.1) * 10.0
    np.testing.assert_allclose(smoothed, expected, rtol=1e-6)
    np.testing.assert_allclose(smoothed.sum(), 10.0, rtol=1e-6)


@pytest.mark.parametrize(
    "counts,expected_perplexity,expected_usage",
    [
        ([5, 5, 5, 5], 4.0, 1.0),
        ([7, 0, 0, 0], 1.0, 0.25),
        ([2, 2, 0, 0], 2.0, 0.5),
        ([0, 0, 0, 0], 1.0, 0.0),
        ([1, 2, 3, 4], np.exp(1.2798542258336676), 1.0),
    ],
)
def test_perplexity_and_usage(counts, expected_perplexity, expected_usage):
    counts = tensor(counts)
    np.testing.assert_allclose(
        float(quantization.perplexity(counts)), expected_perplexity, rtol=1e-5
    )
    assert float(quantization.usage(counts)) == expected_usage


def test_straight_through_has_the_gradient_of_its_input(vectors):
    def function(inputs):
        outputs = ops.round(inputs["x"])
        bridged = quantization.straight_through(inputs["x"], outputs)
        return ops.sum(ops.square(bridged), axis=(1, 2))

    values, gradients = backend.value_and_input_gradients(
        function, {"x": tensor(vectors)}
    )
    rounded = np.round(vectors)
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.stop_gradient(values)),
        (rounded**2).sum((1, 2)),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.stop_gradient(gradients["x"])),
        2 * rounded,
        rtol=1e-5,
    )


@pytest.mark.parametrize("code", [[0.0, 0.0], [-3.0, 0.0]])
def test_rotation_that_is_not_defined_is_straight_through(code):
    codes = tensor([code, code])

    def function(inputs):
        rotated = quantization.rotate_to(inputs["x"], codes)
        return ops.sum(rotated * tensor([2.0, 5.0]), axis=-1)

    values, gradients = backend.value_and_input_gradients(
        function, {"x": tensor([[1.0, 0.0], [0.0, 0.0]])}
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.stop_gradient(values)), 2.0 * code[0]
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.stop_gradient(gradients["x"])),
        [[2.0, 5.0]] * 2,
    )


def test_unit_vectors():
    units = quantization.unit_vectors(tensor([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(
        ops.convert_to_numpy(units), [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6
    )


def test_kmeans_is_lloyds_algorithm(vectors, codebook, weights):
    centers = quantization.kmeans(
        tensor(vectors), tensor(codebook), tensor(weights), 3
    )
    expected = codebook.copy()
    for _ in range(3):
        indices = oracle_indices(vectors[:, :8], expected)
        for g in range(GROUPS):
            for k in set(indices[g]):
                chosen = vectors[g, :8][indices[g] == k]
                expected[g, k] = chosen.mean(0)
    np.testing.assert_allclose(
        ops.convert_to_numpy(centers), expected, rtol=1e-5, atol=1e-6
    )


def test_nearest_codes_at_once(vectors, codebook):
    indices = quantization.nearest_codes(
        tensor(vectors), tensor(codebook), at_once=True
    )
    np.testing.assert_array_equal(
        ops.convert_to_numpy(indices), oracle_indices(vectors, codebook)
    )


def test_quantization_loss_value_and_gradients(vectors, weights):
    codes = np.random.default_rng(2).normal(size=vectors.shape)
    beta = 0.25

    def function(inputs):
        return quantization.quantization_loss(
            inputs["vectors"], inputs["codes"], tensor(weights), beta
        )

    value, gradients = backend.value_and_input_gradients(
        function, {"vectors": tensor(vectors), "codes": tensor(codes)}
    )
    kept = vectors[:, :8] - codes[:, :8]
    np.testing.assert_allclose(
        float(ops.stop_gradient(value)),
        (1 + beta) * (kept**2).mean(),
        rtol=1e-5,
    )
    slope = 2 * (vectors - codes) * weights[None, :, None] / kept.size
    for name, factor in (("vectors", beta), ("codes", -1.0)):
        np.testing.assert_allclose(
            ops.convert_to_numpy(ops.stop_gradient(gradients[name])),
            factor * slope,
            rtol=1e-4,
            atol=1e-7,
        )


def test_quantization_loss_of_nothing_but_padding_is_zero(vectors):
    loss = quantization.quantization_loss(
        tensor(vectors), tensor(vectors + 1), tensor(np.zeros(VECTORS)), 0.25
    )
    assert float(loss) == 0.0


@pytest.mark.parametrize("num_vectors", [0, 1, 63, 64, 65, 200])
def test_nearest_codes_in_chunks(monkeypatch, num_vectors):
    # 64 vectors by 2 x 5 codes at a time.
    monkeypatch.setattr(quantization, "_distances_at_a_time", lambda: 640)
    random = np.random.default_rng(2)
    vectors = random.normal(size=(GROUPS, num_vectors, DIM))
    codebook = random.normal(size=(GROUPS, CODES, DIM))
    indices = quantization.nearest_codes(tensor(vectors), tensor(codebook))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(indices), oracle_indices(vectors, codebook)
    )


def test_the_first_of_equally_near_codes_and_some_code_for_nan():
    codebook = tensor([[[1.0], [1.0], [-1.0], [-1.0]]])
    vectors = tensor([[[2.0], [-2.0], [0.0], [np.nan]]])
    indices = ops.convert_to_numpy(
        quantization.nearest_codes(vectors, codebook)
    )
    assert indices[0, :3].tolist() == [0, 2, 0]
    assert indices[0, 3] in range(4)


@pytest.mark.skipif(keras.config.backend() != "jax", reason="looks into JAX")
def test_nothing_by_vectors_and_codes_is_kept_for_the_backward_pass():
    import jax

    num_vectors, num_codes = 60, 50
    codebook = tensor(np.ones((1, num_codes, DIM)))

    def loss(vectors, codebook):
        indices = quantization.nearest_codes(vectors, codebook)
        codes = quantization.lookup(indices, codebook)
        return quantization.quantization_loss(
            vectors, codes, tensor(np.ones(num_vectors)), 0.25
        )

    vectors = tensor(np.ones((1, num_vectors, DIM)))
    _, pullback = jax.vjp(loss, vectors, codebook)
    sizes = [residual.size for residual in jax.tree.leaves(pullback)]
    assert sizes and max(sizes) <= num_vectors * DIM
