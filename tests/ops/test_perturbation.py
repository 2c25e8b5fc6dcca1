import keras
import numpy as np
import pytest

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.ops import perturbation
from tests.toys import array
from tests.toys import tensor

X = np.random.default_rng(0).normal(size=(8, 3, 2)).astype("float32")
MASK = np.arange(24).reshape(8, 3) % 3 > 0


def test_stddev_over_the_batch_and_within_the_example():
    batch = perturbation.noise_stddev(tensor(X), "batch")
    np.testing.assert_allclose(array(batch), X.std(0, keepdims=True), rtol=1e-5)
    example = perturbation.noise_stddev(tensor(X), "example")
    np.testing.assert_allclose(
        array(example), X.std((1, 2), keepdims=True), rtol=1e-5
    )
    fixed = perturbation.noise_stddev(tensor(X), 0.5)
    np.testing.assert_array_equal(array(fixed), np.full((1, 1, 1), 0.5))


def test_padding_is_left_out_of_the_stddev():
    batch = array(perturbation.noise_stddev(tensor(X), "batch", tensor(MASK)))
    np.testing.assert_allclose(batch[0, 1], X[:, 1].std(0), rtol=1e-5)
    np.testing.assert_array_equal(batch[0, 0], 0.0)
    example = array(
        perturbation.noise_stddev(tensor(X), "example", tensor(MASK))
    )
    np.testing.assert_allclose(
        example[:, 0, 0], X[:, 1:].std((1, 2)), rtol=1e-5
    )


def test_one_example_has_the_scale_of_its_coordinates():
    batch = array(perturbation.noise_stddev(tensor(X[:1]), "batch"))
    np.testing.assert_allclose(
        np.broadcast_to(batch, X[:1].shape), X[0].std(), rtol=1e-5
    )


def test_noise_has_the_mean_and_the_scale_asked_for():
    x = tensor(np.full((2000, 2), 3.0))
    stddev = tensor([[0.1, 2.0]])
    z = array(perturbation.perturb(x, stddev, 2, keras.random.SeedGenerator(0)))
    assert z.shape == (4000, 2)
    np.testing.assert_allclose(z.mean(0), [3.0, 3.0], atol=0.1)
    np.testing.assert_allclose(z.std(0), [0.1, 2.0], rtol=0.05)


def test_samples_are_ordered_sample_by_sample():
    x = tensor(np.arange(3)[:, None])
    z = perturbation.perturb(x, 0.0 * x, 2, keras.random.SeedGenerator(0))
    np.testing.assert_array_equal(array(z)[:, 0], [0, 1, 2, 0, 1, 2])
    repeated = perturbation.repeat_samples(x, 2)
    np.testing.assert_array_equal(array(repeated), array(z))


def test_padding_is_not_perturbed():
    x = tensor(X)
    z = array(
        perturbation.perturb(
            x,
            tensor(np.ones((1, 3, 2))),
            1,
            keras.random.SeedGenerator(0),
            tensor(MASK),
        )
    )
    np.testing.assert_array_equal(z[~MASK], X[~MASK])
    assert (z[MASK] != X[MASK]).all()


@pytest.mark.parametrize("num_samples", [1, 3])
def test_masks_are_repeated_with_their_tensors(num_samples):
    x = with_mask(tensor(X), tensor(MASK))
    repeated = perturbation.repeat_samples(x, num_samples)
    np.testing.assert_array_equal(
        array(mask_of(repeated)), np.tile(MASK, (num_samples, 1))
    )
