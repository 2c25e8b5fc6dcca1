import numpy as np
import pytest

from keras_mmreg import backend
from tests import toys


@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 2, 3)])
def test_the_first_axis_stays(shape):
    values = np.arange(np.prod(shape), dtype="float32").reshape(shape) - 3
    sums = toys.array(backend.sum_over_batch(toys.tensor(values)))
    np.testing.assert_array_equal(sums, values.sum(axis=0, keepdims=True))
