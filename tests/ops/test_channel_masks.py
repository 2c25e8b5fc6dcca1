import numpy as np
import pytest
from keras import ops

import keras_mmreg as mmreg
from keras_mmreg.ops import channel_masks as c


def tensors(**arrays):
    return {
        name: ops.convert_to_tensor(np.array(array, "float32"))
        for name, array in arrays.items()
    }


def arrays(tensors):
    return {
        name: ops.convert_to_numpy(tensor).tolist()
        for name, tensor in tensors.items()
    }


def test_binary_mask_is_strict_at_the_threshold():
    mask = c.binary_mask(tensors(a=[0.5, 0.25, 0.1], b=[0.3]), 0.25)
    assert arrays(mask) == {"a": [1.0, 0.0, 0.0], "b": [1.0]}


def test_binary_mask_keeps_the_largest_when_all_are_below():
    mask = c.binary_mask(tensors(a=[-0.5, 0.1], b=[0.2, -3.0]), 0.25)
    assert arrays(mask) == {"a": [0.0, 0.0], "b": [1.0, 0.0]}


def test_binary_mask_keeps_one_channel_of_equal_weights():
    mask = c.binary_mask(tensors(a=[0.01] * 4, b=[0.01] * 4), 0.05)
    assert arrays(mask) == {"a": [1.0, 0.0, 0.0, 0.0], "b": [0.0] * 4}
    mask = c.binary_mask(tensors(a=[-1.0], b=[0.01, 0.01]), 0.05)
    assert arrays(mask) == {"a": [0.0], "b": [1.0, 0.0]}


def test_ternary_mask_of_the_authors():
    weights = tensors(a=[0.5, -0.5, 0.1, 0.0], b=[-0.1, 0.25])
    mask = c.ternary_mask(weights, 0.25)
    assert arrays(mask) == {"a": [1.0, -1.0, 0.0, 0.0], "b": [-1.0, 0.0]}


def test_ternary_mask_keeps_the_largest_where_it_would_keep_nothing():
    mask = c.ternary_mask(tensors(a=[0.1, 0.2], b=[0.2]), 0.25)
    assert arrays(mask) == {"a": [0.0, 1.0], "b": [0.0]}


def test_public_names():
    assert float(mmreg.ops.complementarity({"a": 1.0, "b": 2.0})) == 0.5


def test_mask_penalty_is_the_sum_of_weights():
    penalty = c.mask_penalty(tensors(a=[0.5, -0.25], b=[1.0]))
    assert float(penalty) == 1.25


def test_shares_sum_to_100():
    kept = tensors(a=[1, 0, 0], b=[1, 1, 1, 0, 0])
    complementary = arrays(c.complementary_shares(kept))
    contradictory = arrays(c.contradictory_shares(kept))
    assert complementary == {"a": 12.5, "b": 37.5}
    assert contradictory == {"a": 25.0, "b": 25.0}


@pytest.mark.parametrize(
    "shares,expected",
    [
        # Table 2 of the paper.
        ({"color": 13.28, "audio": 13.28}, 1.0),
        ({"color": 5.47, "pose": 14.06}, 0.389),
        ({"color": 8.59, "depth": 10.94}, 0.785),
        ({"color": 10.16, "audio": 0.0}, 0.0),
        ({"color": 10.16}, 0.0),
        ({"color": 0.0, "audio": 0.0}, 0.0),
        ({"a": 2.0, "b": 1.0, "c": 4.0}, 0.25),
    ],
)
def test_complementarity(shares, expected):
    zeta = float(c.complementarity(shares))
    np.testing.assert_allclose(zeta, expected, atol=1e-3)


def test_pairwise_complementarity():
    pairs = c.pairwise_complementarity({"a": 2.0, "b": 1.0, "c": 0.0})
    values = {pair: float(zeta) for pair, zeta in pairs.items()}
    assert values == {("a", "b"): 0.5, ("a", "c"): 0.0, ("b", "c"): 0.0}
