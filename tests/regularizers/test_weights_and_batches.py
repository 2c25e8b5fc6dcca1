"""Weights, missing values and the sizes of batches do what they should."""

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.callbacks import HeldOut
from keras_mmreg.models import RegularizedModel
from keras_mmreg.models.gate_meter import GateMeter
from keras_mmreg.regularizers import TrainingPass
from tests import toys
from tests.toys import array
from tests.toys import told_by_one as data

regularizers = mmreg.regularizers


def two_inputs(units=3, **kwargs):
    a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    merged = keras.layers.Concatenate()([a, b])
    outputs = keras.layers.Dense(units, **kwargs)(merged)
    return keras.Model({"a": a, "b": b}, outputs)


def trained(method="mix", x=None, y=None, inner=None, loss=None, **kwargs):
    if x is None:
        x, y = data()
    model = RegularizedModel(inner or two_inputs(), method, seed=0)
    model.compile(keras.optimizers.SGD(0.1), loss or toys.LOGITS_LOSS)
    callbacks = [HeldOut((x, y))] if model.gate is not None else []
    model.fit(
        x,
        y,
        batch_size=50,
        epochs=8,
        verbose=0,
        callbacks=callbacks,
        shuffle=False,
        **kwargs,
    )
    return model


@pytest.mark.once("jax")
class TestGate:
    def test_batches_of_any_size_give_the_same(self):
        model = trained()
        meter = GateMeter(model, shuffles=True)
        x, y = data()
        whole = meter.run((x, y))
        assert whole["gate_a"] > 0.2
        for batch_size in (199, 7, 1):
            found = meter.run([x, y], batch_size)
            for name in ("gate_a", "gate_b", "intact"):
                assert found[name] == pytest.approx(whole[name], abs=1e-4)

    def test_regression_survives_one_more_example(self):
        x, _ = data(201)
        y = 3.0 + x["a"][:, :1] + x["a"][:, 1:2]
        model = trained(x=x, y=y, inner=two_inputs(1), loss="mse")
        meter = GateMeter(model)
        whole = meter.run((x, y))
        found = meter.run((x, y), 100)
        assert found["gate_a"] == pytest.approx(whole["gate_a"], abs=1e-3)
        assert np.isfinite(list(found.values())).all()

    @pytest.mark.parametrize("units", [1, 3])
    def test_training_batches_of_any_size_give_the_same(self, units):
        x, y = data(512)
        if units == 1:
            y = x["a"][:, :1] + x["a"][:, 1:2]
        loss = "mse" if units == 1 else toys.LOGITS_LOSS
        for batch_size in (4, 64):
            model = RegularizedModel(two_inputs(units), "mix", seed=0)
            model.compile(keras.optimizers.SGD(0.01), loss)
            with pytest.warns(UserWarning, match="measured on training data"):
                model.fit(x, y, batch_size, epochs=batch_size // 2, verbose=0)
            gate_a, gate_b = array(model.gate.values)
            whole = GateMeter(model).run((x, y))
            assert gate_a > 0.2
            assert gate_a == pytest.approx(whole["gate_a"], abs=0.05)
            assert gate_b < 0.05

    def test_examples_of_weight_0_are_not_there(self):
        x, y = data()
        wrong = {name: np.concatenate([v, v]) for name, v in x.items()}
        labels = np.concatenate([y, (y + 1) % 3])
        weight = np.repeat([1.0, 0.0], len(y))
        meter = GateMeter(trained())
        clean = meter.run((x, y))
        padded = meter.run((wrong, labels, weight))
        assert padded["gate_a"] == pytest.approx(clean["gate_a"], abs=1e-5)
        order = np.random.default_rng(1).permutation(len(labels))
        model = RegularizedModel(two_inputs(), "mix", seed=0)
        model.compile(keras.optimizers.SGD(0.1), toys.LOGITS_LOSS)
        with pytest.warns(UserWarning, match="measured on training data"):
            model.fit(
                {name: v[order] for name, v in wrong.items()},
                labels[order],
                sample_weight=weight[order],
                epochs=10,
                verbose=0,
            )
        assert array(model.gate.values)[0] > 0.2

    @pytest.mark.parametrize("one_hot", [False, True])
    def test_class_weights_count_on_held_out_data(self, one_hot):
        x, y = data()
        class_weight = {0: 1.0, 2: 2.0}
        weight = np.where(y == 2, 2.0, 1.0)
        loss = toys.LOGITS_LOSS
        labels = y
        if one_hot:
            loss = keras.losses.CategoricalCrossentropy(from_logits=True)
            labels = np.eye(3, dtype="float32")[y]
        kwargs = {"x": x, "y": labels, "loss": loss}
        model = trained(class_weight=class_weight, **kwargs)
        value = array(model.gate.values)[0]
        model.class_weight = None
        weighted = GateMeter(model).run((x, labels, weight))["gate_a"]
        assert value == pytest.approx(weighted, abs=1e-5)
        plain = GateMeter(model).run((x, labels))["gate_a"]
        assert abs(plain - weighted) > 1e-3

    def test_every_epoch_has_permutations_of_its_own(self):
        model = trained()
        meter = GateMeter(model, shuffles=True)
        runs = []
        for epoch in (0, 0, 1, 2, 3):
            model.epoch.assign(epoch)
            runs.append(meter.run(data())["shuffled_a"])
        assert runs[0] == runs[1] and len(set(runs)) > 2

    def test_missing_values_do_not_stay(self):
        x, y = data()
        x["a"][::10] = np.nan
        a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
        known = mmreg.layers.MissingModality()(a)
        merged = keras.layers.Concatenate()([known, b])
        outputs = keras.layers.Dense(3)(merged)
        inner = keras.Model({"a": a, "b": b}, outputs)
        model = trained(x=x, y=y, inner=inner)
        assert all(np.isfinite(array(v)).all() for v in model.gate.variables)
        assert array(model.gate.values)[0] > 0.2

    def test_logits_of_two_classes(self):
        x, y = data()
        inner = two_inputs(1)
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model = trained(x=x, y=y > 1, inner=inner, loss=loss)
        logits = inner.predict(x, verbose=0)[:, 0]
        found = GateMeter(model, shuffles=True).run((x, y > 1))
        assert found["intact"] == pytest.approx(
            ((logits > 0) == (y > 1)).mean()
        )

    def test_nothing_is_doubted_by_a_model_that_has_not_learned(self):
        x, y = data()
        inner = two_inputs()
        inner.set_weights([0 * weight for weight in inner.get_weights()])
        model = RegularizedModel(inner, "mix", seed=0)
        model.compile(keras.optimizers.SGD(0.0), toys.LOGITS_LOSS)
        doubting = HeldOut((x, y), doubt=True, start=0)
        model.fit(x, y, epochs=5, callbacks=[doubting], verbose=0)
        assert not array(model.gate.distrusted).any()


def test_noise_is_not_scaled_by_examples_of_weight_0(monkeypatch):
    x, y = data(64)
    x["a"][::4] = 1e4
    weight = np.where(np.arange(64) % 4 == 0, 0.0, 1.0)
    scales = []
    module = "keras_mmreg.interventions.noise"
    noise_stddev = __import__(module, fromlist=["x"]).noise_stddev

    def kept(*args):
        scales.append(noise_stddev(*args))
        return scales[-1]

    monkeypatch.setattr(f"{module}.noise_stddev", kept)
    method = regularizers.ModalityNoise(gate=None)
    model = RegularizedModel(two_inputs(), method)
    model.compile("sgd", toys.LOGITS_LOSS, run_eagerly=True, jit_compile=False)
    model.fit(x, y, sample_weight=weight, batch_size=64, verbose=0)
    assert scales and max(float(array(s).max()) for s in scales) < 2.0


class TestParts:
    def test_a_part_is_shuffled_over_the_whole_batch(self):
        method = regularizers.ModalityShuffle(["a"], fraction=0.25)
        model = RegularizedModel(two_inputs(), method)
        model.compile("sgd", toys.LOGITS_LOSS)
        x, y = data(8)
        moved = set()
        for _ in range(20):
            orders = mmreg.interventions.permutations(
                ["a"], 8, method.seed_generator, np.array([0, 1])
            )
            moved |= set(array(orders["a"]).tolist())
        assert moved > {0, 1}
        history = model.fit(x, y, batch_size=4, verbose=0).history
        assert np.isfinite(history["shuffle_penalty"]).all()

    def test_a_selected_modality_can_be_dropped_altogether(self):
        x, y = data(400)
        method = regularizers.ModalityDropout(0.9, value="nan")
        with pytest.warns(UserWarning, match="has no `keras_mmreg.layers.Miss"):
            model = RegularizedModel(two_inputs(), method, modalities=["a"])
        model.compile("sgd", toys.LOGITS_LOSS)
        history = model.fit(x, y, batch_size=400, verbose=0).history
        assert np.isnan(history["loss"][0])

    def test_integers_cannot_be_nan(self):
        """Nor would a mask beside them be a text that is missing."""
        ids = keras.Input((4,), dtype="int32", name="ids")
        mask = keras.Input((4,), name="mask")
        words = keras.layers.Embedding(5, 3, name="words")(ids)
        pooled = keras.layers.Dot(1)([mask, words])
        sound = keras.Input((3,), name="sound")
        outputs = keras.layers.Dense(3)(keras.layers.add([pooled, sound]))
        inner = keras.Model(
            {"text": {"ids": ids, "mask": mask}, "sound": sound}, outputs
        )
        method = regularizers.ModalityDropout(value={"text": "nan"})
        with pytest.raises(ValueError, match="'text' has values of dtype int"):
            RegularizedModel(inner, method)
        method = regularizers.ModalityDropout(value={"sound": "nan"})
        with pytest.warns(UserWarning, match="has no `keras_mmreg.layers.Miss"):
            RegularizedModel(inner, method)

    def test_the_mean_leaves_out_padding(self):
        x = np.arange(12.0, dtype="float32").reshape((2, 3, 2))
        x[1, 1:] = 100.0
        mask = keras.ops.convert_to_tensor([[1, 1, 0], [1, 0, 0]], "bool")
        padded = with_mask(keras.ops.convert_to_tensor(x), mask)
        dropped = mmreg.interventions.drop(padded, np.zeros(2), "mean")
        expected = [(x[0, 0] + x[1, 0]) / 2, x[0, 1], [0.0, 0.0]]
        np.testing.assert_allclose(array(dropped), [expected] * 2)

    def test_the_mean_is_that_of_the_whole_batch(self, monkeypatch):
        x, y = data(64)
        seen = []

        def rerun(self, values, indices=None):
            seen.append(array(values["b"])[0])
            return self.outputs[: len(indices)]

        monkeypatch.setattr(TrainingPass, "rerun", rerun)
        for fraction in (1.0, 0.1):
            method = regularizers.UnimodalLoss(fraction=fraction, value="mean")
            model = RegularizedModel(two_inputs(), method, seed=0)
            model.compile("sgd", toys.LOGITS_LOSS, run_eagerly=True)
            model.train_on_batch(x, y)
        alone = seen[::2]  # First `a` alone, then `b`.
        np.testing.assert_allclose(alone[0], x["b"].mean(0), rtol=1e-4)
        np.testing.assert_allclose(alone[1], alone[0], rtol=1e-5)

    def test_the_mean_of_half_precision(self):
        x = keras.ops.full((512, 3), 200.0, "float16")
        kept = keras.ops.zeros((512,))
        dropped = mmreg.interventions.drop(x, kept, "mean")
        np.testing.assert_allclose(array(dropped), 200.0)


def test_encoders_learn_while_batch_statistics_settle():
    a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    features = [
        keras.layers.BatchNormalization()(keras.layers.Dense(3)(x))
        for x in (a, b)
    ]
    merged = keras.layers.Concatenate()(features)
    inner = keras.Model({"a": a, "b": b}, keras.layers.Dense(3)(merged))
    before = [array(v) for v in inner.trainable_variables]
    model = RegularizedModel(inner, "disentangled", taps="auto")
    model.compile(keras.optimizers.SGD(0.1), toys.LOGITS_LOSS)
    x, y = data()
    with pytest.warns(UserWarning, match="has been 0 so far"):
        model.fit(x, y, verbose=0)
    after = [array(v) for v in inner.trainable_variables]
    assert all(
        (old != new).any() for old, new in zip(before, after, strict=True)
    )


@pytest.mark.once
def test_blending_leaves_weight_decay_alone():
    x, y = data(64)
    inner = two_inputs(kernel_regularizer=keras.regularizers.L2(1000.0))
    decay = float(array(inner.losses[0]))
    model = RegularizedModel(inner, "blending", seed=0)
    model.compile(keras.optimizers.SGD(0.0), toys.LOGITS_LOSS)
    history = model.fit(x, y, batch_size=64, verbose=0).history
    assert history["loss"][0] == pytest.approx(decay, abs=5.0)


@pytest.mark.parametrize(
    "loss", ["mse", keras.losses.BinaryCrossentropy(from_logits=True)]
)
def test_prototypes_need_classes(loss):
    a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    features = [keras.layers.Dense(3)(x) for x in (a, b)]
    merged = keras.layers.Concatenate()(features)
    inner = keras.Model({"a": a, "b": b}, keras.layers.Dense(3)(merged))
    model = RegularizedModel(inner, "prototypes", taps="auto")
    model.compile("sgd", loss)
    x, y = data(16)
    with pytest.raises(ValueError, match="categorical cross-entropy"):
        model.fit(x, np.eye(3)[y], verbose=0)


@pytest.mark.parametrize("method", ["dropout", "unimodal"])
def test_what_would_be_nothing_but_padding(method):
    ids = keras.Input((4,), dtype="int32", name="text")
    image = keras.Input((2,), name="image")
    read = keras.layers.Embedding(9, 3, mask_zero=True, name="words")(ids)
    read = keras.layers.GlobalAveragePooling1D()(read)
    merged = keras.layers.Concatenate()([read, image])
    inner = keras.Model(
        {"text": ids, "image": image}, keras.layers.Dense(3)(merged)
    )
    with pytest.raises(ValueError, match="nothing but padding.*words"):
        RegularizedModel(inner, method)
    RegularizedModel(inner, method, taps={"text": "words"})


def test_labels_in_a_list_are_held_out():
    x, y = data(20)
    (_, y_train), (_, y_held_out) = HeldOut.split(x, list(y))
    assert len(y_train) == 18 and len(y_held_out) == 2


@pytest.mark.once("jax")
@pytest.mark.parametrize("nested", [dict, list])
@pytest.mark.parametrize(
    "method",
    [
        lambda: "unimodal",
        lambda: regularizers.ModalityMix(gate=None),
        lambda: regularizers.ModalityShuffle(["audio"]),
    ],
)
def test_several_outputs_and_a_smaller_last_batch(method, nested):
    """Each batch size has a trace of its own, and all the same loss."""
    inner = toys.two_modalities()
    outputs = {
        name: keras.layers.Dense(3, name=name)(inner.output)
        for name in ("first", "second")
    }
    losses = dict.fromkeys(outputs, toys.LOGITS_LOSS)
    x, y = toys.data(inner, 20)
    labels = dict.fromkeys(outputs, y)
    if nested is list:
        outputs, losses, labels = (
            list(each.values()) for each in (outputs, losses, labels)
        )
    model = RegularizedModel(keras.Model(inner.input, outputs), method())
    model.compile("sgd", losses)
    history = model.fit(x, labels, batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert {"first_loss", "second_loss"} <= history.keys()
