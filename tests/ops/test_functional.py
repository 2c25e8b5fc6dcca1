import numpy as np
import pytest
from scipy.special import expit
from scipy.special import log_softmax
from scipy.special import softmax

from keras_mmreg.ops import functional
from tests.toys import array
from tests.toys import tensor

RNG = np.random.default_rng(0)
Z, X = RNG.normal(size=(2, 5, 4))


@pytest.mark.parametrize("order", ["paper", "reversed"])
@pytest.mark.parametrize("from_logits", [True, False])
def test_categorical_cross_entropy(order, from_logits):
    p, q = (Z, X) if order == "paper" else (X, Z)
    expected = -np.sum(softmax(p, -1) * log_softmax(q, -1), -1)
    inputs = (Z, X) if from_logits else (softmax(Z, -1), softmax(X, -1))
    value = functional.categorical_cross_entropy(
        *map(tensor, inputs),
        from_logits=from_logits,
        cross_entropy=order,
    )
    np.testing.assert_allclose(array(value), expected, rtol=1e-5)


@pytest.mark.parametrize("order", ["paper", "reversed"])
@pytest.mark.parametrize("from_logits", [True, False])
def test_binary_cross_entropy_adds_the_labels_up(order, from_logits):
    p, q = (expit(Z), expit(X)) if order == "paper" else (expit(X), expit(Z))
    expected = -np.sum(p * np.log(q) + (1 - p) * np.log(1 - q), -1)
    inputs = (Z, X) if from_logits else (expit(Z), expit(X))
    value = functional.binary_cross_entropy(
        *map(tensor, inputs),
        from_logits=from_logits,
        cross_entropy=order,
    )
    np.testing.assert_allclose(array(value), expected, rtol=1e-5)


def test_squared_distance():
    value = functional.squared_distance(tensor(Z), tensor(X))
    np.testing.assert_allclose(
        array(value), np.sum((Z - X) ** 2, -1), rtol=1e-5
    )
    value = functional.squared_distance(tensor(Z[:, 0]), tensor(X[:, 0]))
    np.testing.assert_allclose(
        array(value), (Z[:, 0] - X[:, 0]) ** 2, rtol=1e-5
    )


def test_dense_outputs_are_averaged_over_unmasked_positions():
    z, x = RNG.normal(size=(2, 2, 3, 4)).astype("float32")
    mask = np.array([[1, 1, 0], [0, 1, 0]], bool)
    by_position = -np.sum(softmax(z, -1) * log_softmax(x, -1), -1)
    value = functional.categorical_cross_entropy(tensor(z), tensor(x), True)
    np.testing.assert_allclose(array(value), by_position.mean(1), rtol=1e-5)
    value = functional.categorical_cross_entropy(
        tensor(z), tensor(x), True, mask=mask
    )
    expected = [by_position[0, :2].mean(), by_position[1, 1]]
    np.testing.assert_allclose(array(value), expected, rtol=1e-5)


def test_images_are_averaged_over_both_axes():
    z, x = RNG.normal(size=(2, 2, 3, 5, 4)).astype("float32")
    expected = -np.sum(softmax(z, -1) * log_softmax(x, -1), -1)
    value = functional.categorical_cross_entropy(tensor(z), tensor(x), True)
    np.testing.assert_allclose(array(value), expected.mean((1, 2)), rtol=1e-5)


def test_channels_first_classes():
    z, x = RNG.normal(size=(2, 2, 4, 3)).astype("float32")
    expected = -np.sum(softmax(z, 1) * log_softmax(x, 1), 1).mean(1)
    value = functional.categorical_cross_entropy(
        tensor(z), tensor(x), True, axis=1
    )
    np.testing.assert_allclose(array(value), expected, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1e4, 1e30])
def test_extreme_logits_stay_finite(scale):
    z = np.array([[scale, 0, -scale]], "float32")
    x = np.array([[-scale, 0, scale]], "float32")
    for function in (
        functional.categorical_cross_entropy,
        functional.binary_cross_entropy,
    ):
        assert np.isfinite(
            array(function(tensor(z), tensor(x), from_logits=True))
        ).all()


def test_rounded_probabilities_stay_finite():
    z, x = np.array([[[1, 0]], [[0, 1]]], "float32")
    for function in (
        functional.categorical_cross_entropy,
        functional.binary_cross_entropy,
    ):
        assert np.isfinite(array(function(tensor(z), tensor(x)))).all()


def test_outputs_that_are_no_probabilities_give_no_negative_value():
    z, x = tensor([[3.0, -2.0]]), tensor([[-1.0, 2.0]])
    for function in (
        functional.categorical_cross_entropy,
        functional.binary_cross_entropy,
    ):
        for pair in ((z, x), (x, z)):
            assert array(function(*pair))[0] >= 0
