"""What methods promise, on models and data where it is easily broken."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

import keras_mmreg as mmreg
from keras_mmreg.callbacks import HeldOut
from keras_mmreg.models import RegularizedModel
from keras_mmreg.schedules import LinearRamp
from tests import toys
from tests.toys import array
from tests.toys import told_by_one

Dense = keras.layers.Dense
regularizers = mmreg.regularizers
data = partial(told_by_one, 64)


def encoders(units=3, dropout=0.0, head="glorot_uniform"):
    a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    features = [
        Dense(4, name=f"encoder_{x.name}", activation="tanh")(x) for x in (a, b)
    ]
    merged = keras.layers.Concatenate()(features)
    merged = Dense(8, kernel_initializer=head, bias_initializer="ones")(merged)
    merged = keras.layers.Dropout(dropout, seed=0)(merged)
    return keras.Model({"a": a, "b": b}, Dense(units, name="head")(merged))


def compiled(method, inner=None, rate=0.0, loss=None, **kwargs):
    keras.utils.set_random_seed(0)
    inner = inner or encoders()
    model = RegularizedModel(inner, method, seed=0, **kwargs)
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, loss or toys.LOGITS_LOSS)
    return model


def logs_of(model, x, y, **kwargs):
    history = model.fit(x, y, batch_size=len(y), verbose=0, **kwargs).history
    return {name: values[-1] for name, values in history.items()}


def moved(model, layer, x, y, **kwargs):
    """How far the weights of a layer move in a training."""
    layer = model.inner.get_layer(layer)
    before = array(layer.kernel).copy()
    model.fit(x, y, batch_size=32, verbose=0, shuffle=False, **kwargs)
    return np.abs(array(layer.kernel) - before).max()


@pytest.mark.once
@pytest.mark.parametrize(
    "method",
    ["unimodal", "mix", "disentangled", "blending", "shuffle", "prototypes"],
)
def test_weights_of_one_change_nothing_where_labels_are_ignored(method):
    """Keras multiplies weights by its mask in place, on torch."""

    def create():
        if method == "mix":
            return regularizers.ModalityMix(gate=None)
        if method == "shuffle":
            return regularizers.ModalityShuffle(["b"], fraction=1.0)
        return method

    x, y = data()
    y = np.where(np.arange(len(y)) % 4, -1, y)
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=-1
    )
    plain, weighted = (
        logs_of(
            compiled(create(), loss=loss, taps="auto"),
            x,
            y,
            epochs=2,
            **options,
        )
        for options in ({}, {"sample_weight": np.ones(len(y))})
    )
    assert weighted == pytest.approx(plain, abs=1e-5)
    assert abs(plain["penalty"]) > 1e-3


@pytest.mark.once("jax")
class TestGate:
    def values(self, x, y, method="noise", epochs=12, rate=0.05, **kwargs):
        model = compiled(method, rate=rate, **kwargs)
        found = []
        watch = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *_: found.append(array(model.gate.values))
        )
        callbacks = [HeldOut((x, y)), watch]
        model.fit(
            x, y, batch_size=32, epochs=epochs, callbacks=callbacks, verbose=0
        )
        return model, np.array(found)

    @pytest.mark.parametrize(
        ("scale", "offset"),
        [(1.0, 40.0), (15.0, 40.0), (1e-4, 0.0), (5e4, 2e5)],
    )
    def test_regression_of_any_scale(self, scale, offset):
        x, _ = told_by_one(320)
        z = (x["a"][:, :1] - x["a"][:, 1:2]) * 0.7
        method = regularizers.ModalityNoise(0.0)
        inner = encoders(1)
        _, found = self.values(
            x, offset + scale * z, method, rate=0.0, inner=inner, loss="mse"
        )
        assert found[-1, 0] > 0.4 and found[-1, 1] < 0.1, found

    def test_labels_that_do_not_count(self):
        x, y = told_by_one(320)
        y = np.where(np.arange(len(y)) % 5, -1, y)
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=-1
        )
        _, found = self.values(x, y, loss=loss)
        assert found[-1, 0] > 0.2 and found[-1, 1] < 0.1, found

    def test_an_open_gate_stays_open_under_its_own_noise(self):
        rng = np.random.default_rng(0)
        y = rng.integers(0, 2, 640)
        a = rng.normal(size=(640, 4)) + (y[:, None] - 0.5) * 0.5
        x = {"a": a, "b": rng.normal(size=(640, 2))}
        a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
        merged = keras.layers.Concatenate()([a, b])
        inner = keras.Model({"a": a, "b": b}, Dense(2)(merged))
        method = regularizers.ModalityNoise(1.5)
        model, found = self.values(x, y, method, inner=inner)
        first = int(np.argmax(found[:, 0] > 0.1))
        assert found[first, 0] > 0.1 > found[first + 1 :, 0].min(), found
        assert found[first:, 0].min() > 0.05, found
        assert array(model.gate.open()["a"]) == 1.0
        model.gate.values.assign([0.04, 0.04])
        assert array(model.gate.open()["a"]) == 0.0

    @pytest.mark.parametrize("method", ["mix", "blending"])
    def test_the_wrappers_functional_tells_the_kind(self, method):
        def own_loss(y, outputs):
            return keras.losses.sparse_categorical_crossentropy(
                y, outputs, from_logits=True
            )

        x, y = data()
        options = {"validation_data": (x, y)}
        with pytest.raises(ValueError, match="Pass `functional`"):
            logs_of(compiled(method, loss=own_loss), x, y, **options)
        model = compiled(method, loss=own_loss, functional=toys.LOGITS_LOSS)
        assert "penalty" in logs_of(model, x, y, **options)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_dependence_compares_passes_of_one_kind(dropout):
    """With dropout in one of them alone, it would be rewarded."""
    method = regularizers.ModalityDependence(1.0, fraction=1.0)
    model = compiled(method, encoders(dropout=dropout, head="zeros"))
    x, y = data()
    assert abs(logs_of(model, x, y)["penalty"]) < 1e-5


@pytest.mark.once
@pytest.mark.parametrize("method", ["unimodal", "disentangled"])
def test_all_others_are_left_out_or_none(method):
    with pytest.raises(ValueError, match=r"leaves out \['b'\]"):
        compiled(method, taps="auto", modalities=["a"])


@pytest.mark.once
def test_encoders_learn_until_they_learn_alone():
    x, y = data()
    ramp = LinearRamp(start=3)
    method = regularizers.DisentangledGradients(schedule=ramp)
    model = compiled(method, rate=0.1, taps="auto")
    plain = compiled("dropout", rate=0.1, modalities=["b"])
    plain.regularizers[0].rate = 0.0
    assert moved(model, "encoder_a", x, y) == pytest.approx(
        moved(plain, "encoder_a", x, y), rel=1e-4
    )


def test_gradients_of_encoders_survive_half_precision():
    """Those of a batch that is right and sure are below float16's smallest."""
    x, y = told_by_one(512)
    x["a"] = (np.eye(3, 4)[y] * 4.0).astype("float32")
    gradients = []
    for dtype in ("float32", "mixed_float16"):
        keras.config.set_dtype_policy(dtype)
        a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
        heard = Dense(4, name="a_", kernel_initializer="identity")(a)
        seen = Dense(2, name="b_")(b)
        merged = keras.layers.Concatenate()([heard, seen])
        kernel = np.zeros((6, 3), "float32")
        kernel[:3] = 3.5 * np.eye(3)
        kernel[4:, 0] = 0.1
        head = Dense(3, dtype="float32")
        inner = keras.Model({"a": a, "b": b}, head(merged))
        head.set_weights([kernel, np.zeros(3)])
        model = compiled("disentangled", inner, taps="auto")
        gradients.append(logs_of(model, x, y)["disentangled_gradient_a"])
    assert gradients[0] > 0
    assert gradients[1] == pytest.approx(gradients[0], rel=0.05)


@pytest.mark.once
@pytest.mark.parametrize("name", ["unimodal", "dropout"])
def test_examples_of_weight_0_are_no_part_of_a_mean(name):
    def create():
        if name == "unimodal":
            return regularizers.UnimodalLoss(fraction=1.0, value="mean")
        return regularizers.ModalityDropout(0.5, value="mean")

    x, y = data()
    padded = {k: np.concatenate([v, v * 0 - 999.0]) for k, v in x.items()}
    weight = np.repeat([1.0, 0.0], len(y))
    found = []
    for garbage in (padded, {k: np.concatenate([v, v]) for k, v in x.items()}):
        model = compiled(create())
        labels = np.concatenate([y, y])
        found.append(logs_of(model, garbage, labels, sample_weight=weight))
    assert found[0] == pytest.approx(found[1], rel=1e-4)


@pytest.mark.once
def test_a_method_serves_one_model():
    method = regularizers.UnimodalLoss()
    compiled(method)
    with pytest.raises(ValueError, match="serves another model"):
        compiled(method)


@pytest.mark.once
@pytest.mark.parametrize("method", ["noise", regularizers.ModalityNoise])
def test_noise_needs_floats_in_a_subclassed_model_too(method):
    class Reader(keras.Model):
        def __init__(self):
            super().__init__()
            self.words = keras.layers.Embedding(9, 3)
            self.head = Dense(3)

        def call(self, inputs):
            words = keras.ops.mean(self.words(inputs["ids"]), axis=1)
            return self.head(words + inputs["b"])

    x = {"ids": np.ones((8, 4), "int32"), "b": np.ones((8, 3), "float32")}
    method = method if method == "noise" else method(gate=None)
    model = compiled(method, Reader())
    with pytest.raises(ValueError, match="'ids' has dtype int32"):
        y = np.arange(8) % 3
        model.fit(x, y, validation_data=(x, y), verbose=0)


@pytest.mark.once("jax")
class TestShutGates:
    """Where no modality tells the label by itself."""

    def trained(self, y, threshold=0.1):
        gate = regularizers.ModalityGate(threshold=threshold)
        x, _ = told_by_one(128)
        model = compiled(["noise", "mix", gate], rate=0.01)
        model.fit(x, y, validation_data=(x, y), epochs=30, verbose=0)
        return model, x

    def test_it_is_told_that_nothing_was_done(self):
        y = np.random.default_rng(1).integers(0, 3, 128)
        with pytest.warns(UserWarning, match="'mix'. changed nothing"):
            model, x = self.trained(y, threshold=0.6)
        report = mmreg.modality_report(model, (x, y), verbose=0)
        assert report.methods[:2] == ["noise", "mix"]
        assert report.idle == ["noise", "mix"]

    def test_not_where_a_gate_is_open(self):
        y = told_by_one(128)[1]
        model, x = self.trained(y)
        assert mmreg.modality_report(model, (x, y), verbose=0).idle == []


@pytest.mark.once
def test_one_modality_cannot_be_mixed():
    a = keras.Input((4,), name="a")
    with pytest.raises(ValueError, match="has only one"):
        compiled("mix", keras.Model({"a": a}, Dense(3)(a)))


class TestBypass:
    """A modality that is left out at its tap, with a part that goes around."""

    def model(self, skip):
        image = keras.Input((4,), name="image")
        sound = keras.Input((4,), name="sound")
        deep = keras.layers.Dense(4, name="bottleneck")(image)
        heard = keras.layers.Dense(4, name="ear")(sound)
        seen = skip(image, deep)
        return keras.Model(
            {"image": image, "sound": sound},
            keras.layers.Dense(2)(keras.layers.Concatenate()([seen, heard])),
        )

    @pytest.mark.parametrize(
        "method", ["dropout", "unimodal", "disentangled", "modulation"]
    )
    def test_it_would_stay(self, method):
        inner = self.model(lambda x, deep: x + deep)
        taps = {"image": "bottleneck", "sound": "ear"}
        with pytest.raises(ValueError, match=r"\['image'\] goes around"):
            mmreg.models.RegularizedModel(inner, method, taps=taps)
        mmreg.models.RegularizedModel(inner, method, taps="auto")

    def test_where_there_is_something_is_no_part_of_it(self):
        inner = self.model(lambda x, deep: ops.where(x > 0, deep, 0.0))
        taps = {"image": "bottleneck", "sound": "ear"}
        mmreg.models.RegularizedModel(inner, "dropout", taps=taps)
        with pytest.raises(ValueError, match="'image' reaches"):
            mmreg.models.RegularizedModel(inner, "mix", taps=taps)

    def test_places_are_no_part_of_it(self):
        text = keras.Input((7,), dtype="int32", name="text")
        image = keras.Input((5,), name="image")
        places = ops.cumsum(ops.ones_like(text), axis=1)
        words = keras.layers.Embedding(10, 6, name="words")(text)
        words = words + keras.layers.Embedding(20, 6)(places)
        read = keras.layers.GlobalAveragePooling1D()(words)
        merged = keras.layers.Concatenate()([read, image])
        inner = keras.Model({"text": text, "image": image}, Dense(2)(merged))
        taps = {"text": "words"}
        mmreg.models.RegularizedModel(inner, "dropout", taps=taps)

    def test_inputs_that_are_booleans_are(self):
        flags = keras.Input((4,), dtype="bool", name="image")
        sound = keras.Input((4,), name="sound")
        numbers = ops.cast(flags, "float32")
        deep = Dense(4, name="bottleneck")(numbers)
        merged = keras.layers.Concatenate()([numbers, deep, sound])
        inner = keras.Model({"image": flags, "sound": sound}, Dense(2)(merged))
        with pytest.raises(ValueError, match="goes around"):
            mmreg.models.RegularizedModel(
                inner, "dropout", taps={"image": "bottleneck"}
            )


class TestDoubts:
    """A modality that is not believed is shuffled, whatever came before."""

    @staticmethod
    def create():
        a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
        merged = keras.layers.Concatenate()([a, b])
        end = Dense(2, activation="softmax")
        model = RegularizedModel(
            keras.Model({"a": a, "b": b}, end(merged)), "noise", seed=0
        )
        model.compile(
            keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy"
        )
        kernel = np.array([[3.0, -3.0], [-3.0, 3.0], [0.0, 0.0], [0.0, 0.0]])
        end.set_weights([kernel, np.zeros(2)])
        return model

    @pytest.mark.parametrize("used", [False, True])
    @pytest.mark.parametrize("way", ["load_weights", "set_weights", "HeldOut"])
    def test_after(self, way, used, tmp_path):
        y = np.arange(64) % 2
        x = {"a": np.eye(2)[y] * 4 - 2, "b": np.zeros((64, 2))}

        def loss_of(model, callbacks):
            logs = logs_of(model, x, y, callbacks=[*callbacks, HeldOut((x, y))])
            return logs["loss"]

        doubting = self.create()
        loss_of(doubting, [])
        doubting.gate.distrusted.assign([1.0, 0.0])
        model = self.create()
        if used:
            assert loss_of(model, []) < 0.1
        callbacks = []
        if way == "load_weights":
            doubting.save_weights(tmp_path / "w.weights.h5")
            model.load_weights(tmp_path / "w.weights.h5")
        else:
            model.set_weights(doubting.get_weights())
        if way == "HeldOut":
            callbacks = [HeldOut((x, y), doubt=True, start=10**9)]
        assert loss_of(model, callbacks) > 1.0


@pytest.mark.once("jax")
@pytest.mark.skipif(
    keras.config.backend() == "tensorflow", reason="has a gradient there"
)
@pytest.mark.parametrize("name", ["dropout", "unimodal"])
def test_zeros_without_a_gradient_are_told(name):
    """The norm of a vector has none at 0."""

    def scale(x):
        return x * ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True))

    a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    scaled = [keras.layers.Lambda(scale)(Dense(4)(each)) for each in (a, b)]
    inner = keras.Model({"a": a, "b": b}, Dense(3)(keras.layers.Add()(scaled)))
    model = compiled(name, inner, rate=0.1)
    with pytest.warns(UserWarning, match="pass `value='mean'`"):
        model.fit(*data(), epochs=2, verbose=0)
