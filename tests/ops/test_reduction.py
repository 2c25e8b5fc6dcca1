import numpy as np
import pytest

from keras_mmreg.ops import reduction
from tests.toys import tensor

INFORMATION = [0.5, 2.0]


@pytest.mark.parametrize(
    "function, expected",
    [
        (reduction.inverse_sum, 1 / 2.5),
        (reduction.inverse_norm, np.hypot(2.0, 0.5)),
        (reduction.sum_of_inverse, 2.5),
        (reduction.negative_log, -np.log(0.5) - np.log(2.0)),
    ],
)
def test_reductions(function, expected):
    penalty = function(tensor(INFORMATION), floor=1e-9)
    assert float(penalty) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "function",
    [
        reduction.inverse_sum,
        reduction.inverse_norm,
        reduction.sum_of_inverse,
        reduction.negative_log,
    ],
)
def test_reductions_fall_as_information_grows_and_stay_finite(function):
    less = float(function(tensor(INFORMATION)))
    for grown in ([0.6, 2.0], [0.5, 3.0]):
        assert float(function(tensor(grown))) < less
    for extreme in (0.0, 1e30):
        assert np.isfinite(float(function(tensor([extreme] * 2))))
