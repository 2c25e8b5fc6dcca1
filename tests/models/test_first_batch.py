"""Subclassed models without variables are built before `fit` traces them."""

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.models import CMVQVAE
from keras_mmreg.models import RegularizedModel
from tests import toys

Dense = keras.layers.Dense
SIZES = {"a": 3, "b": 2}
where_traces_repeat = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="TensorFlow traces again"
)


@keras.saving.register_keras_serializable("tests")
class Joined(keras.Model):
    """A head on encoded `a` and raw `b`, with batch normalization or not."""

    def __init__(self, normalizes=False, **kwargs):
        super().__init__(**kwargs)
        self.normalizes = normalizes
        self.encoder = Dense(8)
        if normalizes:
            self.norm = keras.layers.BatchNormalization()
        self.head = Dense(3)

    def call(self, inputs, training=None):
        encoded = self.encoder(inputs["a"])
        if self.normalizes:
            encoded = self.norm(encoded, training=training)
        return self.head(keras.ops.concatenate([encoded, inputs["b"]], -1))

    def get_config(self):
        return {**super().get_config(), "normalizes": self.normalizes}


def data(num_examples=32):
    rng = np.random.default_rng(0)
    x = {
        name: rng.normal(size=(num_examples, size)).astype("float32")
        for name, size in SIZES.items()
    }
    return x, rng.integers(3, size=num_examples)


def compiled(inner, regularizer):
    model = RegularizedModel(inner, regularizer, seed=0)
    model.compile("sgd", toys.LOGITS_LOSS)
    return model


def test_blending_weighs_its_branches():
    x, y = data()
    history = compiled(Joined(), "blending").fit(x, y, verbose=0).history
    for name in ("blending_a", "blending_b", "blending_joint"):
        assert history[name] == pytest.approx([1 / 3])


@pytest.mark.parametrize("name", ["fisher", "mix"])
@pytest.mark.filterwarnings("ignore:The penalty of:UserWarning")
def test_batch_statistics_and_files(name, tmp_path):
    x, y = data()
    model = compiled(Joined(normalizes=True), name)
    model.fit(x, y, validation_data=(x, y), verbose=0)
    assert int(model.settled_step.numpy()) == 500
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6
    )


@pytest.mark.parametrize(
    "method", ["train_on_batch", "test_on_batch", "evaluate"]
)
def test_without_fit(method):
    x, y = data()
    model = compiled(Joined(normalizes=True), "fisher")
    getattr(model, method)(x, y)
    assert int(model.settled_step.numpy()) == 500


def test_a_generator_keeps_its_first_batch():
    x, y = data()
    model = compiled(Joined(), "unimodal")
    few = ((x, y) for _ in range(2))
    model.fit(few, steps_per_epoch=2, shuffle=False, verbose=0)
    assert int(model.step.numpy()) == 2


def test_a_head_that_is_not_built():
    head = keras.Sequential([Dense(6, activation="relu"), Dense(3)])
    inner = CMVQVAE(
        encoders={name: Dense(8) for name in SIZES},
        head=head,
        quantizers=mmreg.layers.VectorQuantizer(4, num_groups=2),
    )
    x, y = data()
    history = compiled(inner, "fisher").fit(x, y, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_statistics_that_come_after_wrapping():
    """Penalties wait for new ones alone."""
    inner = Joined(normalizes=True)
    x, y = data()
    inner(x)
    model = compiled(inner, "fisher")
    model(x)
    assert int(model.settled_step.numpy()) == 500
    inner.norm.moving_mean.assign(np.full(8, 0.5))
    history = model.fit(x, y, verbose=0).history
    assert history["fisher_penalty"][0] > 0


@where_traces_repeat
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("metrics", [None, ["accuracy"]])
def test_a_step_is_traced_once(metrics, streams):
    inner = toys.two_modalities()
    model = RegularizedModel(inner, "dropout")
    model.compile("adam", toys.LOGITS_LOSS, metrics=metrics)
    calls = toys.count_calls(inner.get_layer("head"))
    x, y = toys.data(inner)
    if streams:
        import tensorflow as tf

        data = [tf.data.Dataset.from_tensor_slices((x, y)).batch(8)]
    else:
        data = [x, y]
    model.fit(*data, shuffle=False, verbose=0)
    assert len(calls) == 1
    assert "accuracy" in model.history.history or metrics is None


def autoencoder():
    return CMVQVAE(
        encoders={name: Dense(8) for name in SIZES},
        head=Dense(3),
        quantizers=mmreg.layers.VectorQuantizer(4, num_groups=2),
    )


def two_outputs():
    inner = toys.two_modalities()
    other = Dense(3, name="other")(inner.output)
    outputs = {"first": inner.output, "other": other}
    return RegularizedModel(keras.Model(inner.input, outputs), "fisher")


@where_traces_repeat
@pytest.mark.parametrize("create", [autoencoder, two_outputs])
def test_a_step_that_creates_metrics_is_traced_once(create):
    model = create()
    several = isinstance(model, RegularizedModel)
    metrics = {"first": "accuracy"} if several else ["accuracy"]
    model.compile("sgd", toys.LOGITS_LOSS, metrics=metrics)
    traces = []
    compute_loss = model.compute_loss

    def counting(*args, training=True, **kwargs):
        traces.append(training)
        return compute_loss(*args, training=training, **kwargs)

    model.compute_loss = counting
    x, y = toys.data(model.inner) if several else data()
    labels = {"first": y, "other": y} if several else y
    history = model.fit(x, labels, verbose=0).history
    assert traces.count(True) == 1
    assert any(name.endswith("accuracy") for name in history)


@pytest.mark.once
def test_a_generator_stays_open():
    def endless():
        while True:
            yield data()

    batches = endless()
    model = compiled(Joined(), "dropout")
    for _ in range(2):
        model.fit(batches, steps_per_epoch=2, shuffle=False, verbose=0)
    assert int(model.step.numpy()) == 4
