import numpy as np
from keras import ops

from keras_mmreg import backend
from keras_mmreg.ops import numerics
from tests import toys


def test_lift_raises_the_value_and_keeps_the_gradient():
    values, gradients = backend.value_and_input_gradients(
        lambda x: numerics.lift(x["x"], toys.tensor([2.0, 2.0])),
        {"x": toys.tensor([0.5, 3.0])},
    )
    np.testing.assert_allclose(ops.convert_to_numpy(values), [2.0, 3.0])
    np.testing.assert_allclose(ops.convert_to_numpy(gradients["x"]), [1.0, 1.0])


def test_mean_over_replicas_on_one_device():
    mean = numerics.mean_over_replicas(toys.tensor(3.0))
    np.testing.assert_allclose(ops.convert_to_numpy(mean), 3.0)
