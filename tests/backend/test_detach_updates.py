"""No penalty has a gradient through the batch statistics of its step."""

import keras
import numpy as np

from keras_mmreg.models import RegularizedModel
from keras_mmreg.regularizers import Regularizer
from tests.toys import array


class WithoutValues(Regularizer):
    """The outputs for a point of zeros, of which only statistics are left."""

    def penalty(self, training_pass):
        zeros = {
            name: keras.ops.zeros_like(x)
            for name, x in training_pass.points.items()
        }
        return keras.ops.sum(training_pass.rerun(zeros)), {}


def test_statistics_are_constants_of_a_penalty():
    keras.utils.set_random_seed(0)
    x = keras.Input((3,), name="x")
    encoder = keras.layers.Dense(2, name="encoder")
    norm = keras.layers.BatchNormalization(momentum=0.5, name="norm")
    inner = keras.Model({"x": x}, norm(encoder(x)))
    model = RegularizedModel(inner, WithoutValues(), taps={"x": "encoder"})
    model.settled_step.assign(0)
    model.compile(
        keras.optimizers.SGD(1.0),
        lambda y, outputs: 0.0 * keras.ops.sum(outputs, axis=-1),
    )
    before, beta = array(encoder.kernel), array(norm.beta)
    batch = np.random.default_rng(0).normal(size=(8, 3)) + 1.0
    model.train_on_batch({"x": batch}, np.zeros((8, 2)))
    assert np.abs(array(norm.moving_mean)).min() > 0.01
    np.testing.assert_allclose(array(norm.beta), beta - 8.0, rtol=1e-5)
    np.testing.assert_allclose(array(encoder.kernel), before, rtol=1e-6)
