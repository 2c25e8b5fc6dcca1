"""Features of any shape as vectors."""

import numpy as np

from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.ops.pooling import pooled_features
from keras_mmreg.ops.pooling import pooled_size
from tests.toys import array
from tests.toys import tensor


def test_what_varies_is_averaged_whatever_it_is_now():
    x = np.random.default_rng(0).normal(size=(2, 7, 16))
    for shape in ((None, None, 16), (None, 7, 16)):
        pooled = array(pooled_features(tensor(x), shape))
        assert pooled.shape == (2, pooled_size(shape))
        expected = x.mean(axis=1) if shape[1] is None else x.reshape(2, -1)
        np.testing.assert_allclose(pooled, expected, rtol=1e-4, atol=1e-6)


def test_padding_is_left_out_of_the_mean():
    x = np.random.default_rng(0).normal(size=(3, 5, 2, 4))
    mask = np.arange(5) < np.array([5, 2, 0])[:, None]
    pooled = array(
        pooled_features(with_mask(tensor(x), tensor(mask)), (None, None, 2, 4))
    )
    expected = [x[0].mean((0, 1)), x[1, :2].mean((0, 1)), x[2].mean((0, 1))]
    np.testing.assert_allclose(pooled, expected, rtol=1e-4, atol=1e-6)
