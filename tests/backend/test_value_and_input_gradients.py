import keras
import numpy as np
from keras import ops

from keras_mmreg.backend import value_and_input_gradients
from tests import toys
from tests.toys import array

A = np.array([[1.0, -2.0], [0.5, 3.0]], "float32")
B = np.array([[2.0], [4.0]], "float32")


def tensors():
    return {"a": ops.convert_to_tensor(A), "b": ops.convert_to_tensor(B)}


def test_values_and_gradients_of_each_example():
    values, gradients = value_and_input_gradients(
        lambda x: ops.sum(x["a"] ** 2, axis=-1) * x["b"][:, 0], tensors()
    )
    np.testing.assert_allclose(array(values), (A**2).sum(-1) * B[:, 0])
    np.testing.assert_allclose(array(gradients["a"]), 2 * A * B)
    np.testing.assert_allclose(
        array(gradients["b"])[:, 0], (A**2).sum(-1), rtol=1e-6
    )


def test_an_input_without_influence_has_no_gradient():
    _, gradients = value_and_input_gradients(
        lambda x: ops.sum(x["a"], axis=-1) + ops.stop_gradient(x["b"][:, 0]),
        tensors(),
    )
    assert gradients["b"] is None
    np.testing.assert_array_equal(array(gradients["a"]), 1.0)


def test_discrete_steps_have_no_gradient():
    _, gradients = value_and_input_gradients(
        lambda x: ops.cast(ops.argmax(x["a"], axis=-1), "float32"),
        {"a": ops.convert_to_tensor(A)},
    )
    assert gradients == {"a": None}


def test_an_uninformative_input_has_a_zero_gradient():
    _, gradients = value_and_input_gradients(
        lambda x: ops.sum(x["a"], axis=-1) + 0.0 * x["b"][:, 0], tensors()
    )
    np.testing.assert_array_equal(array(gradients["b"]), 0.0)


class GradientNorm(keras.Model):
    """Trains a weight on the norm of a gradient by the input."""

    def __init__(self):
        super().__init__()
        self.w = self.add_weight(shape=(2, 1), initializer="ones")

    def call(self, x):
        return ops.matmul(x, self.w)

    def compute_loss(self, x, y, y_pred, sample_weight, training=True):
        values, gradients = value_and_input_gradients(
            lambda z: ops.tanh(ops.matmul(z["x"], self.w))[:, 0], {"x": x}
        )
        return ops.sum(values) + ops.sum(gradients["x"] ** 2)


def test_the_gradient_can_be_differentiated_by_the_weights():
    model = GradientNorm()
    model.compile(keras.optimizers.SGD(0.01))
    model.fit(A, B, batch_size=2, epochs=1, verbose=0)

    def loss(w):
        t = np.tanh(A.astype("float64") @ w)
        return t.sum() + (((1 - t**2)[:, None] * w) ** 2).sum()

    w, h = np.ones(2), 1e-6
    slope = [(loss(w + h * e) - loss(w - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(
        array(model.w)[:, 0], w - 0.01 * np.array(slope), rtol=1e-4
    )


def test_a_layer_with_a_gradient_of_its_own():
    layer = toys.OwnGradient()
    values, gradients = value_and_input_gradients(
        lambda x: ops.sum(layer(x["a"]), axis=-1), {"a": tensors()["a"]}
    )
    np.testing.assert_allclose(array(values), (A**2).sum(-1))
    np.testing.assert_allclose(array(gradients["a"]), 2 * A)
