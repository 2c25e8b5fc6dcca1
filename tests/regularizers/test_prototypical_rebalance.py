"""The prototypical cross-entropy, near and far from the prototypes."""

import keras
import numpy as np
import pytest

from keras_mmreg.backend import value_and_input_gradients
from keras_mmreg.models import RegularizedModel
from keras_mmreg.regularizers import PrototypicalRebalance
from tests import toys
from tests.toys import array
from tests.toys import tensor

pytestmark = pytest.mark.eager


def attached(seen=(1.0, 1.0, 0.0)):
    method = PrototypicalRebalance()
    model = RegularizedModel(
        toys.two_modalities(), method, taps={"audio": "ear", "image": "eye"}
    )
    size = method.prototypes["audio"].shape[1]
    prototypes = np.zeros((3, size))
    prototypes[1, 0] = 100.0
    method.prototypes["audio"].assign(prototypes)
    method.seen["audio"].assign(seen)
    return model, method, size


def test_a_class_far_away_has_a_gradient():
    # The model is kept: it holds the variables.
    model, method, size = attached()
    features = np.full((2, size), 0.1)

    def log_q(values):
        return method._log_probabilities("audio", values["x"])[:, 1]

    value, gradients = value_and_input_gradients(log_q, {"x": tensor(features)})
    distances = np.linalg.norm(
        features[:, None] - array(method.prototypes["audio"])[None, :2], axis=-1
    )
    expected = -np.logaddexp(0, distances[:, 1] - distances[:, 0])
    assert (expected < -90).all()
    np.testing.assert_allclose(array(value), expected, rtol=1e-4)
    assert (array(gradients["x"])[:, 0] > 0.5).all()


@pytest.mark.parametrize("far", [1.0, 1e4, 1e12])
def test_classes_that_were_not_seen_have_no_gradient(far):
    model, method, size = attached()
    x = {"x": tensor(np.full((2, size), far))}
    for index in range(3):
        value, gradients = value_and_input_gradients(
            lambda v, i=index: method._log_probabilities("audio", v["x"])[:, i],
            x,
        )
        assert np.isfinite(array(value)).all()
        assert np.isfinite(array(gradients["x"])).all()
    np.testing.assert_allclose(array(value), -30.0)
    assert not array(gradients["x"]).any()


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_features_that_are_far_apart_train(policy):
    keras.config.set_dtype_policy(policy)
    try:
        inner = toys.two_modalities()
    finally:
        keras.config.set_dtype_policy("float32")
    method = PrototypicalRebalance()
    model = RegularizedModel(
        inner, method, taps={"audio": "ear", "image": "eye"}, seed=0
    )
    model.compile(keras.optimizers.SGD(0.01), toys.LOGITS_LOSS)
    x, y = toys.data(inner)
    # Classes 0 and 1 only, whose prototypes begin far away.
    model.fit(x, y % 2, batch_size=8, verbose=0)
    for name in method.prototypes:
        method.prototypes[name].assign(
            100.0 * np.eye(*method.prototypes[name].shape)
        )
    history = model.fit(x, y, batch_size=8, verbose=0).history
    assert all(np.isfinite(v).all() for v in history.values())
    for variable in inner.variables:
        assert np.isfinite(array(variable)).all()
