import numpy as np
import pytest
from keras import ops

from keras_mmreg import backend
from tests import toys


@pytest.mark.parametrize("shape", [(5,), (5, 2)])
def test_rows_that_share_an_index(shape):
    values = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    indices = np.array([3, 0, 3, 1, 0], "int32")
    expected = np.zeros((6, *shape[1:]), "float32")
    np.add.at(expected, indices, values)
    sums = backend.segment_sum(
        toys.tensor(values), ops.convert_to_tensor(indices), 6
    )
    np.testing.assert_allclose(toys.array(sums), expected)
