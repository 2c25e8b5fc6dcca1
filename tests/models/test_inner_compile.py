"""The wrapped model has the loss and the metrics of the one around it."""

import keras
import numpy as np
import pytest

from keras_mmreg.models import RegularizedModel
from tests import toys


class WithoutConfig(keras.metrics.Mean):
    """A metric with an argument that its config lacks."""

    def __init__(self, shift=0.0, **kwargs):
        super().__init__(**kwargs)
        self.shift = shift

    def update_state(self, y, outputs, sample_weight=None):
        super().update_state(outputs - self.shift, sample_weight)


class Required(WithoutConfig):
    def __init__(self, table, **kwargs):
        super().__init__(len(table), **kwargs)


def close(y, outputs):
    return keras.ops.cast(keras.ops.abs(y - outputs) < 0.1, "float32")


class OwnCompile(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def compile(self, optimizer, loss, alpha, **kwargs):
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def call(self, x):
        return self.dense(keras.ops.concatenate([x["a"], x["b"]], -1))


@pytest.mark.once
@pytest.mark.parametrize("metric", [WithoutConfig(1.0), Required([1])])
def test_metrics_that_cannot_be_made_anew_are_left_out(metric):
    inner = toys.two_modalities()
    model = RegularizedModel(inner, "dropout")
    model.compile("sgd", toys.LOGITS_LOSS, metrics=[metric, "accuracy"])
    x, y = toys.data(inner)
    with pytest.warns(UserWarning, match=f"without the metric '{metric.name}'"):
        model.fit(x, y, verbose=0)
    logs = inner.evaluate(x, y, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "accuracy"}


@pytest.mark.once
def test_the_optimizer_stays():
    """With its moments: who compiled the model may train it further."""
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    inner.compile("adam", toys.LOGITS_LOSS)
    inner.fit(x, y, epochs=2, verbose=0)
    optimizer, steps = inner.optimizer, int(inner.optimizer.iterations.numpy())
    model = RegularizedModel(inner, "dropout")
    model.compile("sgd", toys.LOGITS_LOSS)
    model.fit(x, y, verbose=0)
    assert inner.optimizer is optimizer
    assert int(optimizer.iterations.numpy()) == steps > 0


@pytest.mark.once
def test_keras_metrics_are_made_anew():
    inner = toys.two_modalities()
    model = RegularizedModel(inner, "dropout")
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="right")
    model.compile("sgd", toys.LOGITS_LOSS, metrics=[accuracy, "accuracy"])
    x, y = toys.data(inner)
    model.fit(x, y, verbose=0)
    ours = model.evaluate(x, y, verbose=0, return_dict=True)
    assert inner.evaluate(x, y, verbose=0, return_dict=True) == ours
    assert not {id(accuracy)} & {id(m) for m in inner.metrics}


@pytest.mark.once
def test_the_weights_of_losses_stay():
    a = keras.Input((3,), name="a")
    b = keras.Input((2,), name="b")
    h = keras.layers.Concatenate()([a, b])
    outputs = {n: keras.layers.Dense(1, name=n)(h) for n in ("u", "v")}
    inner = keras.Model({"a": a, "b": b}, outputs)
    model = RegularizedModel(inner, "dropout")
    own = keras.metrics.MeanMetricWrapper(fn=close, name="close")
    model.compile(
        keras.optimizers.SGD(1e-3),
        {"u": "mse", "v": "mse"},
        loss_weights={"u": 1.0, "v": 100.0},
        metrics={"u": [own]},
    )
    x = {"a": np.ones((8, 3)), "b": np.ones((8, 2))}
    y = {"u": np.ones((8, 1)), "v": np.zeros((8, 1))}
    with pytest.warns(UserWarning, match="without the metric 'close'"):
        model.fit(x, y, verbose=0)
    ours = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    its = inner.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert its == pytest.approx(ours)


@pytest.mark.once
def test_a_class_with_a_compile_of_its_own():
    model = RegularizedModel(OwnCompile(), "dropout")
    model.compile("sgd", toys.LOGITS_LOSS)
    x = {"a": np.ones((8, 3)), "b": np.ones((8, 2))}
    model.fit(x, np.arange(8) % 3, verbose=0)
    assert model.inner.compiled
