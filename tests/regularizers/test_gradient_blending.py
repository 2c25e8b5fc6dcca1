"""The weights of the losses, and the branch that overfits."""

import keras
import numpy as np
import pytest

from keras_mmreg.callbacks import BlendingEstimator
from keras_mmreg.models import RegularizedModel
from keras_mmreg.regularizers.gradient_blending import blending_weights
from tests import toys
from tests.toys import array


def test_weights_against_the_formula():
    training = np.array([[2.0, 2.0, 2.0, 1.0], [1.0, 0.5, 1.9, 0.8]])
    held_out = np.array([[2.1, 2.1, 2.1, 1.0], [1.5, 1.9, 2.3, 0.8]])
    # O = 0.4, 1.3, 0.3, 0 (floored at 0.01); G = 0.6, 0.2, 0 (of -0.2), 0.2.
    ratio = np.array([0.6 / 0.16, 0.2 / 1.69, 0.0, 0.2 / 1e-4])
    np.testing.assert_allclose(
        blending_weights(training, held_out), ratio / ratio.sum(), rtol=1e-6
    )
    assert blending_weights(training, np.ones((2, 4))) is None


def overfitting(size=48):
    """`own` tells the label, the many numbers of `noise` only whose it is."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size)
    own = rng.normal(size=(size, 4)) + 2.0 * y[:, None]
    noise = rng.normal(size=(size, 64))
    noise[:, 0] += y
    x = {"own": own.astype("float32"), "noise": noise.astype("float32")}

    def part(rows):
        return {name: values[rows] for name, values in x.items()}, y[rows]

    return part(slice(24)), part(slice(24, None))


def model_of():
    inputs = {
        "own": keras.Input((4,), name="own"),
        "noise": keras.Input((64,), name="noise"),
    }
    features = [keras.layers.Dense(4)(x) for x in inputs.values()]
    merged = keras.layers.Concatenate()(features)
    inner = keras.Model(inputs, keras.layers.Dense(2)(merged))
    model = RegularizedModel(inner, "blending", seed=0)
    model.compile(keras.optimizers.Adam(0.05), toys.LOGITS_LOSS)
    return model


@pytest.mark.once
def test_the_branch_that_overfits_is_held_back():
    train, held_out = overfitting()
    model = model_of()
    model.optimizer.build(model.trainable_variables)
    before = [array(v) for v in model.inner.variables]
    estimator = BlendingEstimator(train, held_out, epochs=2, batch_size=8)
    estimator.set_model(model)
    estimator.on_train_begin()
    estimator.on_epoch_begin(0)
    weights = estimator.weights
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights["noise"] < 0.1 < 0.5 < weights["own"]
    # Everything else is as it was, and once is enough.
    for old, new in zip(before, model.inner.variables, strict=True):
        np.testing.assert_array_equal(old, array(new))
    assert int(array(model.optimizer.iterations)) == int(array(model.step)) == 0
    estimator.on_epoch_begin(1)
    assert int(array(model.regularizers[0].estimates)) == 1
    # Online, in the middle of `fit`.
    online = BlendingEstimator(train, held_out, 1, every=2, batch_size=8)
    history = model.fit(
        *train, batch_size=8, epochs=2, callbacks=[online], verbose=0
    ).history
    assert int(array(model.regularizers[0].estimates)) == 2
    for name, weight in online.weights.items():
        assert history[f"blending_{name}"][-1] == pytest.approx(weight)
    assert int(array(model.step)) == 6


def test_a_branch_alone_trains_itself_only():
    model = model_of()
    method = model.regularizers[0]
    method.loss_weights.assign([1.0, 0.0, 0.0])
    branch = model.inner.trainable_variables
    before = [array(v) for v in (*branch, *model.trainable_variables)]
    train, _ = overfitting(24)
    model.fit(*train, epochs=1, verbose=0)
    moved = {
        variable.path
        for variable, old in zip(
            (*branch, *model.trainable_variables), before, strict=True
        )
        if (array(variable) != old).any()
    }
    assert len(moved) == 4  # An encoder, a head: kernel and bias.


def test_bad_arguments():
    train, held_out = overfitting(32)
    with pytest.raises(ValueError, match="`held_out` must be a tuple"):
        BlendingEstimator(train, None)
    with pytest.raises(ValueError, match="`every`"):
        BlendingEstimator(train, held_out, every=0)
    plain = RegularizedModel(toys.linear(), "dropout")
    estimator = BlendingEstimator(train, held_out)
    estimator.set_model(plain)
    with pytest.raises(ValueError, match="the method 'blending'"):
        estimator.on_train_begin()


def test_an_estimate_puts_the_optimizer_back():
    train, held_out = overfitting()
    model = model_of()
    estimator = BlendingEstimator(train, held_out, epochs=1, batch_size=8)
    estimator.set_model(model)
    estimator.on_train_begin()
    estimator.on_epoch_begin(0)
    variables = model.optimizer.variables
    assert len(variables) > len(model.trainable_variables)
    for variable in variables:
        if "learning_rate" not in variable.path:
            assert not array(variable).any(), variable.path


def test_the_seed_of_the_model_sets_the_heads():
    heads = [
        [
            array(kernel)
            for kernel, _ in model_of().regularizers[0].heads.values()
        ]
        for _ in range(2)
    ]
    for first, second in zip(*heads, strict=True):
        np.testing.assert_array_equal(first, second)


class Prepared(keras.Model):
    """A model whose `fit` takes data in thousandths."""

    preprocessor = "thousandths"

    def preprocess_samples(self, x, y=None, sample_weight=None):
        x = {name: value / 1000.0 for name, value in x.items()}
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)


@pytest.mark.once
def test_losses_are_measured_on_prepared_data():
    weights = []
    for scale, model_class in ((1.0, keras.Model), (1000.0, Prepared)):
        keras.utils.set_random_seed(0)
        plain = model_of().inner
        inner = model_class(plain.input, plain.output)
        model = RegularizedModel(inner, "blending", seed=0)
        model.compile(keras.optimizers.SGD(0.05), toys.LOGITS_LOSS)
        train, held_out = (
            ({name: scale * value for name, value in x.items()}, y)
            for x, y in overfitting()
        )
        estimator = BlendingEstimator(train, held_out, epochs=1, batch_size=8)
        model.fit(*train, callbacks=[estimator], verbose=0)
        weights.append(list(estimator.weights.values()))
    np.testing.assert_allclose(*weights, atol=1e-4)


@pytest.mark.once
def test_an_interrupted_estimate_puts_everything_back(monkeypatch):
    train, held_out = overfitting()
    model = model_of()
    model.optimizer.build(model.trainable_variables)
    before = [array(variable) for variable in model.variables]
    steps = iter(range(3))
    whole = model.train_on_batch

    def interrupted(*args, **kwargs):
        if next(steps) == 2:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    monkeypatch.setattr(model, "train_on_batch", interrupted)
    estimator = BlendingEstimator(train, held_out, epochs=1, batch_size=8)
    estimator.set_model(model)
    estimator.on_train_begin()
    with pytest.raises(KeyboardInterrupt):
        estimator.on_epoch_begin(0)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(array(variable), value, variable.path)


@pytest.mark.once
def test_estimates_are_at_the_same_epochs_after_a_restart():
    train, held_out = overfitting()
    model = model_of()
    estimator = BlendingEstimator(train, held_out, epochs=1, every=2)
    estimator.set_model(model)
    counts = []
    for epoch in (0, 1):
        estimator.on_train_begin()  # Anew, as after a kill.
        estimator.on_epoch_begin(epoch)
        counts.append(int(model.regularizers[0].estimates.numpy()))
    assert counts == [1, 1]


def test_estimates_weight_the_loss_as_training_does():
    (x, y), (x_held, y_held) = overfitting()
    by_class = {0: 5.0, 1: 0.2, 2: 0.2}

    def estimate(class_weight=None, weigh=lambda y: ()):
        train, held_out = (x, y, *weigh(y)), (x_held, y_held, *weigh(y_held))
        estimator = BlendingEstimator(train, held_out, epochs=1, batch_size=8)
        keras.utils.set_random_seed(0)
        model = model_of()
        model.class_weight = class_weight
        estimator.set_model(model)
        estimator.on_train_begin()
        estimator.on_epoch_begin(0)
        return list(estimator.weights.values())

    def weights_of(labels):
        return (np.array([by_class[int(label)] for label in labels]),)

    expected = estimate(weigh=weights_of)
    assert estimate(class_weight=by_class) == pytest.approx(expected, rel=1e-3)
    assert estimate() != pytest.approx(expected, rel=1e-2)
