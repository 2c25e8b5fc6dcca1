import numpy as np
import pytest

from keras_mmreg.backend import value_and_input_gradients
from keras_mmreg.ops import information
from keras_mmreg.ops import numerics
from tests.toys import array
from tests.toys import tensor

VALUES = np.random.default_rng(0).gamma(2.0, size=(6, 5)).astype("float32")


def test_functional_entropy_against_numpy():
    mean = VALUES.mean(0)
    expected = (VALUES * np.log(VALUES)).mean(0) - mean * np.log(mean)
    expected *= len(VALUES) / (len(VALUES) - 1)  # The bias of few samples.
    np.testing.assert_allclose(
        array(information.functional_entropy(tensor(VALUES))),
        expected,
        rtol=1e-4,
    )


def test_functional_variance_is_unbiased():
    np.testing.assert_allclose(
        array(information.functional_variance(tensor(VALUES))),
        VALUES.var(0, ddof=1),
        rtol=1e-5,
    )


def test_a_constant_function_has_no_information():
    for constant in (0.0, 0.3):
        values = np.full((4, 3), constant, "float32")
        entropy = array(information.functional_entropy(tensor(values)))
        variance = array(information.functional_variance(tensor(values)))
        np.testing.assert_allclose(entropy, 0.0, atol=1e-7)
        np.testing.assert_allclose(variance, 0.0, atol=1e-7)


def test_gradient_norms_run_over_all_axes_but_the_first():
    gradients = np.arange(24, dtype="float32").reshape(2, 3, 4)
    squared = np.sum(gradients**2, (1, 2))
    np.testing.assert_allclose(
        array(information.poincare_information(tensor(gradients))), squared
    )
    stddev = np.full((1, 3, 4), 0.5, "float32")
    np.testing.assert_allclose(
        array(
            information.poincare_information(tensor(gradients), tensor(stddev))
        ),
        squared / 4,
    )
    values = np.array([2.0, 4.0], "float32")
    np.testing.assert_allclose(
        array(
            information.fisher_information(tensor(values), tensor(gradients))
        ),
        squared / values,
        rtol=1e-5,
    )


def test_fisher_information_of_a_saturated_prediction_is_zero():
    zeros = np.zeros((2, 3), "float32")
    value = array(
        information.fisher_information(tensor(zeros[:, 0]), tensor(zeros))
    )
    np.testing.assert_array_equal(value, 0.0)


def test_x_log_x_at_zero():
    x = np.array([0.0, 1.0, 2.0], "float32")
    np.testing.assert_allclose(
        array(numerics.x_log_x(tensor(x))), [0, 0, 2 * np.log(2)], rtol=1e-6
    )


def test_weighted_mean():
    x = tensor([1.0, 2.0, 6.0])
    assert float(numerics.weighted_mean(x)) == 3.0
    assert float(numerics.weighted_mean(x, tensor([1, 1, 0]))) == 1.5
    assert float(numerics.weighted_mean(x, tensor(np.zeros(3)))) == 3.0


@pytest.mark.parametrize("scale", [0.0, 1e-38, 1e-30, 1e-20, 1e-13, 1e-11, 1.0])
def test_the_entropy_of_confident_predictions_has_a_finite_gradient(scale):
    values = {"f": tensor(scale * VALUES)}
    entropy, gradients = value_and_input_gradients(
        lambda inputs: information.functional_entropy(inputs["f"]), values
    )
    assert np.isfinite(array(entropy)).all()
    assert np.isfinite(array(gradients["f"])).all()
    assert (array(entropy) >= 0).all()
