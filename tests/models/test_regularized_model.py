"""`fit` with the penalty, on every kind of model and of training."""

import warnings

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.models import RegularizedModel
from keras_mmreg.network import checks
from keras_mmreg.schedules import LinearRamp
from tests import toys
from tests.toys import array

pytestmark = pytest.mark.eager

LOST_MODALITY = r"Modality '\w+' gave no information in epoch"
INFORMATION = ["information_audio", "information_image"]
LOGS = ["fisher_penalty", *INFORMATION, "loss", "penalty"]


def fit(model, x, y, loss=toys.LOGITS_LOSS, epochs=1, **kwargs):
    """Compiles, trains on batches of 8 and returns the history's dict."""
    fit_names = ("sample_weight", "class_weight", "callbacks")
    fit_kwargs = {k: kwargs.pop(k) for k in fit_names if k in kwargs}
    optimizer = kwargs.pop("optimizer", keras.optimizers.SGD(0.01))
    model.compile(optimizer, loss, **kwargs)
    return model.fit(
        x,
        y,
        batch_size=8,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **fit_kwargs,
    ).history


def part(fraction):
    return mmreg.regularizers.FisherInformation(fraction=fraction)


def all_finite(history):
    return all(np.isfinite(values).all() for values in history.values())


def weights(model):
    return [array(weight) for weight in model.trainable_weights]


class TestLogs:
    def test_training_logs_penalty_and_information(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        model = RegularizedModel(inner, seed=0)
        model.compile("sgd", toys.LOGITS_LOSS, metrics=["accuracy"])
        history = model.fit(x, y, validation_data=(x, y), verbose=0).history
        assert sorted(history) == sorted(
            [*LOGS, "accuracy", "val_accuracy", "val_loss"]
        )
        assert all_finite(history)
        assert history["loss"][0] > history["penalty"][0] > 0

    def test_evaluate_and_predict_are_the_inner_models(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        inner.compile("sgd", toys.LOGITS_LOSS, metrics=["accuracy"])
        model = RegularizedModel(inner)
        model.compile("sgd", toys.LOGITS_LOSS, metrics=["accuracy"])
        assert model.evaluate(x, y, verbose=0) == pytest.approx(
            inner.evaluate(x, y, verbose=0)
        )
        np.testing.assert_allclose(
            model.predict(x, verbose=0),
            inner.predict(x, verbose=0),
            rtol=1e-6,
        )
        assert model.inner is inner
        assert len(model.trainable_weights) == len(inner.trainable_weights)

    @pytest.mark.once
    def test_a_lost_modality_is_reported_once(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        model = RegularizedModel(inner, seed=0)
        fit(model, x, y)  # Without a warning.
        inner.layers[-1].kernel.assign(0 * inner.layers[-1].kernel)
        with warnings.catch_warnings(record=True) as caught:
            warnings.filterwarnings("always", LOST_MODALITY)
            fit(model, x, y, epochs=3, optimizer=keras.optimizers.SGD(0.0))
        for modality, warning in zip(x, caught, strict=True):
            message = f"{modality!r} gave no information in epoch 1"
            assert message in str(warning.message)

    def test_the_loss_is_the_task_loss_and_the_penalty(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner, num_examples=11)
        model = RegularizedModel(
            inner,
            mmreg.regularizers.FisherInformation(
                0.1, stddev=0.0, bound="paper"
            ),
        )
        options = {"optimizer": keras.optimizers.SGD(0.0)}
        history = fit(model, x, y, **options)
        task = model.evaluate(x, y, verbose=0)
        assert history["loss"][0] == pytest.approx(
            task + history["penalty"][0], rel=1e-5
        )

    def test_positional_callbacks(self):
        inner = toys.linear(None)
        x, y = toys.data(inner)
        model = RegularizedModel(inner)
        model.compile("sgd", toys.LOGITS_LOSS)
        seen = []
        callback = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append(epoch)
        )
        model.fit(x, y, 8, 2, 0, [callback])
        assert seen == [0, 1]

    def test_train_on_batch(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        model = RegularizedModel(inner)
        model.compile("sgd", toys.LOGITS_LOSS)
        logs = model.train_on_batch(x, y, return_dict=True)
        assert sorted(logs) == LOGS

    def test_arguments_by_their_place_are_those_of_keras(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        model = RegularizedModel(inner)
        model.compile("sgd", toys.LOGITS_LOSS)
        by_place = model.evaluate(x, y, 8, 0, None, 1)
        by_name = model.evaluate(x, y, batch_size=8, verbose=0, steps=1)
        assert by_place == by_name
        assert "loss" in model.train_on_batch(x, y, None, {0: 1.0}, True)
        assert "loss" in model.test_on_batch(x, y, None, True)


@pytest.mark.once
@pytest.mark.parametrize(
    "regularizer",
    [
        "fisher",
        "poincare",
        "entropy",
        mmreg.regularizers.FunctionalVariance(0.1, fraction=0.5),
        mmreg.regularizers.FisherInformation(
            num_samples=2, stddev="example", perturbation="joint"
        ),
        mmreg.regularizers.FunctionalVariance(
            num_samples=3, perturbation="joint", reduction="negative_log"
        ),
        mmreg.regularizers.PoincareInformation(
            stddev={"audio": 0.1, "image": "batch"},
            bound="gaussian",
            cross_entropy="reversed",
            reduction="inverse_norm",
        ),
    ],
    ids=lambda r: r if isinstance(r, str) else type(r).__name__,
)
def test_every_regularizer_trains_every_weight(regularizer):
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    before = weights(inner)
    model = RegularizedModel(inner, regularizer, seed=0)
    history = fit(model, x, y)
    name = f"{model.regularizers[0].name}_penalty"
    assert sorted(history) == sorted([*LOGS[1:], name])
    assert all_finite(history)
    for old, new in zip(before, weights(inner), strict=True):
        assert (old != new).any()


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """Not a graph of layers: called as a whole."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.ear = keras.layers.Dense(4, activation="tanh", name="ear")
        self.eye = keras.layers.Dense(4, activation="tanh", name="eye")
        self.head = keras.layers.Dense(3)

    def call(self, inputs):
        seen = keras.ops.reshape(inputs["image"], (-1, 36))
        merged = [self.ear(inputs["audio"]), self.eye(seen)]
        return self.head(keras.ops.concatenate(merged, axis=-1))


@pytest.mark.eager(False)
class TestInputs:
    def test_list(self):
        a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
        merged = keras.layers.Concatenate()([a, b])
        inner = keras.Model([a, b], keras.layers.Dense(3)(merged))
        x, y = toys.data(inner)
        history = fit(RegularizedModel(inner), list(x.values()), y)
        assert {"information_a", "information_b"} < set(history)

    def test_tensors_under_one_key_are_one_modality(self):
        a, b = keras.Input((4,)), keras.Input((3,), name="x")
        c = keras.Input((2,), dtype="int32")
        kind = keras.ops.cast(c, "float32")
        merged = keras.layers.Concatenate()([a, b, kind])
        outputs = keras.layers.Dense(3)(merged)
        inner = keras.Model({"text": {"ids": a, "kind": c}, "x": b}, outputs)
        rng = np.random.default_rng(0)
        x = {
            "text": {
                "ids": rng.normal(size=(16, 4)),
                "kind": rng.integers(0, 3, size=(16, 2)),
            },
            "x": rng.normal(size=(16, 3)),
        }
        history = fit(RegularizedModel(inner), x, np.zeros(16, int))
        assert {"information_text", "information_x"} < set(history)
        assert history["information_text"][0] > 0

    def test_sequential(self):
        inner = keras.Sequential(
            [keras.Input((4,), name="sound"), keras.layers.Dense(3)]
        )
        x, y = np.random.rand(16, 4), np.zeros(16, int)
        history = fit(RegularizedModel(inner), x, y)
        assert "information_sound" in history

    def test_sequential_without_input(self):
        inner = keras.Sequential([keras.layers.Dense(3)])
        x, y = np.random.rand(16, 4), np.zeros(16, int)
        history = fit(RegularizedModel(inner), x, y)
        assert "information_input" in history
        assert all_finite(history)

    @pytest.mark.parametrize("fraction", [1.0, 0.5])
    def test_subclassed(self, fraction):
        x, y = toys.data(toys.two_modalities())
        model = RegularizedModel(Subclassed(), part(fraction))
        history = fit(model, x, y)
        assert sorted(history) == LOGS
        assert all_finite(history)

    @pytest.mark.once
    @pytest.mark.parametrize("fraction", [1.0, 0.5])
    def test_four_modalities(self, fraction):
        inputs = {n: keras.Input((2,), name=n) for n in ("a", "b", "c", "d")}
        encoded = [keras.layers.Dense(3)(x) for x in inputs.values()]
        merged = keras.layers.Concatenate()(encoded)
        inner = keras.Model(inputs, keras.layers.Dense(3)(merged))
        x, y = toys.data(inner)
        model = RegularizedModel(inner, part(fraction))
        history = fit(model, x, y)
        assert {f"information_{n}" for n in inputs} < set(history)

    def test_some_modalities(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        model = RegularizedModel(inner, modalities=["image"])
        history = fit(model, x, y)
        assert sorted(history) == [
            "fisher_penalty",
            "information_image",
            "loss",
            "penalty",
        ]

    def test_integers_that_the_model_casts(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        x["image"] = (255 * np.abs(x["image"])).astype("uint8")
        assert all_finite(fit(RegularizedModel(inner), x, y))

    def test_a_dataset_of_batches(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)

        class Batches(keras.utils.PyDataset):
            def __len__(self):
                return 2

            def __getitem__(self, index):
                chosen = slice(8 * index, 8 * index + 8)
                return {k: v[chosen] for k, v in x.items()}, y[chosen]

        model = RegularizedModel(inner)
        model.compile("sgd", toys.LOGITS_LOSS)
        assert all_finite(model.fit(Batches(), verbose=0).history)

    def test_a_dataset_of_the_backend(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        if keras.config.backend() == "tensorflow":
            tf = pytest.importorskip("tensorflow")
            batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
        elif keras.config.backend() == "torch":
            torch = pytest.importorskip("torch")
            examples = [
                ({name: values[i] for name, values in x.items()}, y[i])
                for i in range(len(y))
            ]
            batches = torch.utils.data.DataLoader(examples, batch_size=8)
        else:
            pytest.skip("JAX has no datasets of its own.")
        model = RegularizedModel(inner)
        model.compile("sgd", toys.LOGITS_LOSS)
        history = model.fit(
            batches, validation_data=batches, shuffle=False, verbose=0
        ).history
        assert sorted(history) == sorted([*LOGS, "val_loss"])
        assert all_finite(history)

    def test_an_optional_input_that_is_left_out(self):
        class Sum(keras.layers.Layer):
            def call(self, inputs):
                return sum(x for x in inputs if x is not None)

        a = keras.Input((3,), name="a")
        b = keras.Input((3,), name="b", optional=True)
        outputs = keras.layers.Dense(3)(Sum()([a, b]))
        inner = keras.Model({"a": a, "b": b}, outputs)
        x = {"a": np.random.rand(16, 3), "b": None}
        model = RegularizedModel(inner)
        with pytest.warns(match=LOST_MODALITY):
            history = fit(model, x, np.zeros(16, int))
        assert history["information_a"][0] > 0
        assert history["information_b"] == [0]


def once(case):
    return pytest.param(case, marks=pytest.mark.once)


class NoisyAtInference(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, x):
        shape = keras.ops.shape(x)
        return x + keras.random.normal(shape, seed=self.seed_generator)


class SelfAttention(keras.layers.MultiHeadAttention):
    def __init__(self):
        super().__init__(2, 3)

    def build(self, input_shape):
        super().build(input_shape, input_shape)

    def call(self, x):
        return super().call(x, x)

    def compute_output_spec(self, x):
        return super().compute_output_spec(x, x)


@pytest.mark.parametrize(
    "create_layer",
    [
        NoisyAtInference,
        toys.OwnGradient,
        SelfAttention,
        lambda: keras.layers.LSTM(3, return_sequences=True),
        once(keras.layers.LayerNormalization),
        once(lambda: keras.layers.GRU(3, return_sequences=True)),
        once(lambda: keras.layers.Bidirectional(keras.layers.SimpleRNN(3))),
        once(lambda: keras.layers.Dropout(0.5, seed=0)),
    ],
)
def test_models_with_all_kinds_of_layers_train(create_layer):
    audio = keras.Input((5, 4), name="audio")
    image = keras.Input((3,), name="image")
    heard = keras.layers.Flatten()(create_layer()(audio))
    merged = keras.layers.Concatenate()([heard, image])
    inner = keras.Model(
        {"audio": audio, "image": image}, keras.layers.Dense(3)(merged)
    )
    x, y = toys.data(inner)
    before = weights(inner)
    history = fit(RegularizedModel(inner, seed=0), x, y, epochs=2)
    assert all_finite(history)
    assert history["information_audio"][0] > 0
    for old, new in zip(before, weights(inner), strict=True):
        # The bias of an attention's keys cancels out.
        assert (old != new).any() or not old.any()


def text_model():
    text = keras.Input((5,), dtype="int32", name="text")
    image = keras.Input((3,), name="image")
    ids = keras.layers.Identity(dtype="int32", name="ids")(text)
    words = keras.layers.Embedding(7, 4, mask_zero=True, name="embedding")(ids)
    read = keras.layers.GlobalAveragePooling1D()(words)
    merged = keras.layers.Concatenate()([read, image])
    outputs = keras.layers.Dense(3)(merged)
    return keras.Model({"text": text, "image": image}, outputs)


def text_data():
    rng = np.random.default_rng(0)
    text = rng.integers(1, 7, size=(16, 5))
    text[:, 3:] = 0
    image = rng.normal(size=(16, 3)).astype("float32")
    return {"text": text, "image": image}, rng.integers(0, 3, 16)


class SubclassedText(keras.Model):
    def __init__(self):
        super().__init__()
        self.words = keras.layers.Embedding(7, 4, mask_zero=True, name="words")
        self.pool = keras.layers.GlobalAveragePooling1D()
        self.head = keras.layers.Dense(3)

    def call(self, inputs):
        read = self.pool(self.words(inputs["text"]))
        return self.head(
            keras.ops.concatenate([read, inputs["image"]], axis=-1)
        )


class TestTaps:
    @pytest.mark.parametrize("fraction", [1.0, 0.5])
    def test_tokens_are_measured_at_their_embedding(self, fraction):
        x, y = text_data()
        inner = text_model()
        before = weights(inner)[0]
        model = RegularizedModel(
            inner, part(fraction), taps={"text": "embedding"}
        )
        history = fit(model, x, y)
        assert history["information_text"][0] > 0
        assert (weights(inner)[0][1:] != before[1:]).any()

    @pytest.mark.parametrize("fraction", [1.0, 0.5])
    def test_subclassed(self, fraction):
        x, y = text_data()
        model = RegularizedModel(
            SubclassedText(), part(fraction), taps={"text": "words"}
        )
        history = fit(model, x, y)
        assert history["information_text"][0] > 0
        assert all_finite(history)

    def test_nested(self):
        x, y = text_data()
        text = keras.Input((5,), dtype="int32", name="text")
        image = keras.Input((3,), name="image")
        encoder = keras.Sequential(
            [
                keras.Input((5,), dtype="int32"),
                keras.layers.Embedding(7, 4, name="inner_words"),
                keras.layers.Flatten(),
            ]
        )
        merged = keras.layers.Concatenate()([encoder(text), image])
        inner = keras.Model(
            {"text": text, "image": image}, keras.layers.Dense(3)(merged)
        )
        model = RegularizedModel(inner, taps={"text": "inner_words"})
        assert fit(model, x, y)["information_text"][0] > 0


@pytest.mark.eager(False)
class TestTraining:
    """What `compile` and `fit` can do still works with a penalty."""

    def trained(self, inner=None, regularizer="fisher", **kwargs):
        inner = inner or toys.two_modalities()
        x, y = toys.data(inner)
        model = RegularizedModel(inner, regularizer, seed=0)
        return fit(model, x, y, **kwargs)

    def test_sample_weight_leaves_examples_out(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        model = RegularizedModel(
            inner,
            mmreg.regularizers.FisherInformation(
                0.1, stddev=0.0, bound="paper"
            ),
        )
        model.compile(keras.optimizers.SGD(0.0), toys.LOGITS_LOSS)
        weight = np.array([1.0] * 4 + [0.0] * 12)
        kwargs = {"batch_size": 16, "shuffle": False, "verbose": 0}
        weighted = model.fit(x, y, sample_weight=weight, **kwargs).history
        x_first = {name: value[:4] for name, value in x.items()}
        first = model.fit(x_first, y[:4], **kwargs).history
        for name in ("information_audio", "information_image"):
            assert weighted[name] == pytest.approx(first[name], rel=1e-5)

    @pytest.mark.once
    def test_class_weight(self):
        weight = {0: 1.0, 1: 2.0, 2: 0.5}
        assert all_finite(self.trained(class_weight=weight))

    def test_add_loss_terms_count_once(self):
        def build():
            keras.utils.set_random_seed(0)
            a = keras.Input((4,), name="a")
            noisy = keras.layers.ActivityRegularization(l2=0.5)(a)
            return keras.Model(a, keras.layers.Dense(3)(noisy))

        inner = build()
        x, y = toys.data(inner)
        inner.compile(keras.optimizers.SGD(0.0), toys.LOGITS_LOSS)
        options = {"batch_size": 16, "verbose": 0}
        expected = inner.fit(x["a"], y, **options).history["loss"]
        model = RegularizedModel(build())
        model.compile(keras.optimizers.SGD(0.0), toys.LOGITS_LOSS)
        logs = model.fit(x["a"], y, **options).history
        loss = np.array(logs["loss"]) - np.array(logs["penalty"])
        np.testing.assert_allclose(loss, expected, rtol=1e-4)

    def test_batch_statistics_are_updated_once(self):
        def build():
            keras.utils.set_random_seed(0)
            a = keras.Input((4,), name="a")
            x = keras.layers.BatchNormalization(name="norm")(a)
            x = keras.layers.Dropout(0.3, seed=0)(x)
            return keras.Model(a, keras.layers.Dense(3)(x))

        x, y = toys.data(build())
        plain, inner = build(), build()
        fit(plain, x["a"], y, optimizer=keras.optimizers.SGD(0.0))
        model = RegularizedModel(inner)
        with pytest.warns(UserWarning, match="0 so far: it waits until"):
            history = fit(model, x["a"], y, optimizer=keras.optimizers.SGD(0.0))
        assert all_finite(history)
        for ours, theirs in zip(
            inner.get_layer("norm").non_trainable_weights,
            plain.get_layer("norm").non_trainable_weights,
            strict=True,
        ):
            np.testing.assert_allclose(array(ours), array(theirs), rtol=1e-5)

    def test_frozen_layers_stay_frozen(self):
        inner = toys.two_modalities()
        eye = inner.get_layer("eye")
        eye.trainable = False
        before = array(eye.kernel)
        assert all_finite(self.trained(inner))
        np.testing.assert_array_equal(array(eye.kernel), before)

    @pytest.mark.parametrize(
        "jit_compile",
        [
            pytest.param(True, marks=pytest.mark.once("tensorflow")),
            pytest.param(False, marks=pytest.mark.once("jax")),
        ],
    )
    def test_jit_compile(self, jit_compile):
        if jit_compile and keras.config.backend() == "torch":
            pytest.skip("Keras compiles torch models through dynamo.")
        assert all_finite(self.trained(jit_compile=jit_compile))

    def test_run_eagerly(self):
        assert all_finite(self.trained(run_eagerly=True))

    def test_steps_per_execution(self):
        if keras.config.backend() == "torch":
            pytest.skip("Keras has no steps per execution on torch.")
        assert all_finite(self.trained(steps_per_execution=2))

    @pytest.mark.parametrize(
        "policy",
        [
            "mixed_float16",
            pytest.param("mixed_bfloat16", marks=pytest.mark.once),
        ],
    )
    def test_mixed_precision(self, policy):
        def trained_without_noise_or_steps():
            keras.utils.set_random_seed(0)
            return self.trained(
                regularizer=mmreg.regularizers.FisherInformation(
                    0.1, stddev=0.0, bound="paper"
                ),
                optimizer=keras.optimizers.SGD(0.0),
            )

        full = trained_without_noise_or_steps()
        keras.config.set_dtype_policy(policy)
        half = trained_without_noise_or_steps()
        assert all_finite(half)
        for name in ("information_audio", "information_image"):
            assert half[name] == pytest.approx(full[name], rel=0.05)

    def test_several_outputs(self):
        a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
        merged = keras.layers.Concatenate()([a, b])
        inner = keras.Model(
            {"a": a, "b": b},
            {
                "kind": keras.layers.Dense(3, activation="softmax")(merged),
                "size": keras.layers.Dense(1)(a),
            },
        )
        x, y = toys.data(inner)
        targets = {"kind": y, "size": np.random.rand(16, 1)}
        loss = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
        history = fit(RegularizedModel(inner), x, targets, loss)
        assert all_finite(history)

    @pytest.mark.once
    def test_losses_by_the_names_of_a_list_of_outputs(self):
        a = keras.Input((4,), name="a")
        size = keras.layers.Dense(2, name="size")(a)
        kind = keras.layers.Dense(3, activation="softmax", name="kind")(a)
        inner = keras.Model(a, [size, kind])
        x, y = toys.data(inner)
        loss = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
        targets = {"kind": y, "size": np.random.rand(16, 2)}
        model = RegularizedModel(inner)
        assert all_finite(fit(model, x["a"], targets, loss))

    def test_outputs_without_a_loss_are_left_out(self):
        def trained(outputs, loss):
            inner = keras.Model(a, outputs)
            x, y = toys.data(inner)
            targets = {"kind": y, "features": np.zeros((16, 2))}
            targets = {name: targets[name] for name in outputs}
            model = RegularizedModel(
                inner,
                mmreg.regularizers.FisherInformation(
                    0.1, stddev=0.0, bound="paper"
                ),
            )
            frozen = keras.optimizers.SGD(0.0)
            return fit(model, x["a"], targets, loss, optimizer=frozen)

        a = keras.Input((4,), name="a")
        features = keras.layers.Dense(2, name="features")(a)
        kind = keras.layers.Dense(3, activation="softmax", name="kind")(
            features
        )
        loss = {"kind": "sparse_categorical_crossentropy"}
        expected = trained({"kind": kind}, loss)["information_a"]
        outputs = {"features": features, "kind": kind}
        actual = trained(outputs, {**loss, "features": None})
        assert actual["information_a"] == pytest.approx(expected, rel=1e-5)

    @pytest.mark.once
    @pytest.mark.parametrize("momentum", [0.0, 0.9])
    def test_a_batch_of_little_information_counts_as_an_average_one(
        self, momentum
    ):
        inner = toys.linear()
        rich, y = toys.data(inner)
        confident = {name: 30.0 * value for name, value in rich.items()}
        regularizer = mmreg.regularizers.FisherInformation(
            strength=2.0, stddev=0.0, momentum=momentum, bound="paper"
        )
        model = RegularizedModel(inner, regularizer)
        model.compile(
            keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy"
        )
        logs = []
        for x in (rich, confident, rich):
            model.reset_metrics()
            logs.append(model.train_on_batch(x, y, return_dict=True))
        first, second, third = (
            {
                name: float(log[f"information_{name}"])
                for name in ("audio", "image")
            }
            for log in logs
        )
        assert all(second[name] < 0.5 * first[name] for name in first)
        assert third == pytest.approx(first, rel=1e-5)
        average = {
            name: momentum * first[name] + (1.0 - momentum) * second[name]
            for name in first
        }
        for log, lifted in zip(logs, (first, average, third), strict=True):
            assert float(log["penalty"]) == pytest.approx(
                2.0 / sum(lifted.values()), rel=1e-4
            )

    def test_a_schedule_in_epochs(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        regularizer = mmreg.regularizers.FisherInformation(
            strength=0.1,
            bound="paper",
            stddev=0.0,
            momentum=0.0,
            schedule=LinearRamp(start=1, duration=1),
        )
        model = RegularizedModel(inner, regularizer)
        frozen = keras.optimizers.SGD(0.0)
        penalty = fit(model, x, y, epochs=4, optimizer=frozen)["penalty"]
        assert penalty[0] == 0.0
        np.testing.assert_allclose(
            penalty[1:], np.array([0.5, 1, 1]) * penalty[-1], rtol=1e-5
        )

    def test_seeds_reproduce_training(self):
        runs = []
        for _ in range(2):
            keras.utils.set_random_seed(0)
            runs.append(self.trained()["loss"])
        assert runs[0] == runs[1]


@keras.saving.register_keras_serializable(package="tests")
class Counting(keras.layers.Dense):
    calls = 0

    def call(self, inputs):
        self.calls += 1
        return super().call(inputs)


def test_evaluate_and_predict_run_the_inner_model_once_a_batch():
    a = keras.Input((4,), name="a")
    counting = Counting(3)
    inner = keras.Model(a, counting(a))
    model = RegularizedModel(inner)
    model.compile("sgd", toys.LOGITS_LOSS, run_eagerly=True)
    x, y = np.random.rand(16, 4), np.zeros(16, int)
    options = {"batch_size": 4, "verbose": 0}
    model.evaluate(x, y, **options)  # Builds what has to be built.
    for run in (
        lambda: model.evaluate(x, y, **options),
        lambda: model.predict(x, **options),
    ):
        before = counting.calls
        run()
        assert counting.calls == before + 4


def stop(x):
    return keras.ops.stop_gradient(x)


class Recording(mmreg.regularizers.PoincareInformation):
    """Keeps what it is given."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.records = []

    def information(self, values, gradients, stddev):
        self.records.append([array(stop(x)) for x in (values, stddev)])
        return super().information(values, gradients, stddev)


def test_a_part_of_the_batch_is_fresh_and_its_noise_that_of_the_whole():
    inner = toys.linear(None)
    x, y = toys.data(inner)
    regularizer = Recording(fraction=0.25)
    model = RegularizedModel(inner, regularizer, modalities="audio", seed=0)
    model.compile("sgd", toys.LOGITS_LOSS, run_eagerly=True)
    for _ in range(2):
        model.train_on_batch(x, y)
    (first, stddev), (second, same_stddev) = regularizer.records
    assert first.shape == second.shape == (1, 4)
    assert (np.sort(first) != np.sort(second)).any()
    np.testing.assert_allclose(stddev[0], x["audio"].std(0), rtol=1e-5)
    np.testing.assert_array_equal(stddev, same_stddev)


class TestOutputs:
    @pytest.mark.once
    @pytest.mark.parametrize(
        "loss, activation",
        [
            ("sparse_categorical_crossentropy", "softmax"),
            (keras.losses.sparse_categorical_crossentropy, "softmax"),
            ("mse", None),
            (keras.losses.Huber(), None),
            (keras.losses.BinaryCrossentropy(from_logits=True), None),
            ("binary_crossentropy", "sigmoid"),
            (lambda y, y_pred: keras.ops.mean(y_pred, axis=-1), "softmax"),
        ],
    )
    def test_functional_follows_the_loss(self, loss, activation):
        inner = toys.linear(activation)
        x, y = toys.data(inner)
        sparse = "sparse" in str(getattr(loss, "__name__", loss))
        y = y if sparse else np.eye(3)[y]
        model = RegularizedModel(inner)
        assert all_finite(fit(model, x, y, loss))

    def test_dense_outputs_with_padding(self):
        audio = keras.Input((5, 2), name="audio")
        masked = keras.layers.Masking(name="masking")(audio)
        outputs = keras.layers.Dense(3)(masked)
        inner = keras.Model(audio, outputs)
        x = np.random.rand(16, 5, 2).astype("float32")
        x[:, 3:] = 0.0
        y = np.random.randint(0, 3, (16, 5))
        assert all_finite(fit(RegularizedModel(inner), x, y))

    @pytest.mark.once
    def test_a_functional_of_ones_own(self):
        inner = toys.linear(None)
        x, y = toys.data(inner)

        def distance(perturbed, clean):
            return keras.ops.sum(keras.ops.abs(perturbed - clean), axis=-1)

        model = RegularizedModel(inner, functional=distance)
        assert all_finite(fit(model, x, np.eye(3)[y], "hinge"))

    @pytest.mark.once
    def test_its_name_may_be_that_of_a_keras_loss(self):
        inner = toys.linear("softmax")
        x, y = toys.data(inner)
        called = []

        def kl_divergence(perturbed, clean):
            called.append(True)
            return keras.ops.sum((perturbed - clean) ** 2, axis=-1)

        loss = "sparse_categorical_crossentropy"
        model = RegularizedModel(inner, functional=kl_divergence)
        assert all_finite(fit(model, x, y, loss))
        assert called

    def test_it_must_return_one_number_for_each_example(self):
        inner = toys.linear("softmax")
        x, y = toys.data(inner)
        model = RegularizedModel(
            inner, functional=lambda z, x: keras.ops.mean((z - x) ** 2)
        )
        with pytest.raises(ValueError, match="`functional` must return one"):
            fit(model, x, y, "sparse_categorical_crossentropy")

    @pytest.mark.once
    def test_a_loss_as_functional(self):
        inner = toys.linear(None)
        x, y = toys.data(inner)
        model = RegularizedModel(
            inner,
            functional=keras.losses.CategoricalCrossentropy(from_logits=True),
        )
        assert all_finite(fit(model, x, np.eye(3)[y], "hinge"))


class TestSaving:
    def test_export_is_the_inner_models(self, monkeypatch):
        inner = toys.linear()
        calls = []
        monkeypatch.setattr(
            type(inner), "export", lambda *args, **kwargs: calls.append(kwargs)
        )
        RegularizedModel(inner).export(format="onnx")
        assert calls == [{"format": "onnx"}]

    def test_continued_training_equals_uninterrupted_training(self, tmp_path):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        model = RegularizedModel(
            inner,
            mmreg.regularizers.PoincareInformation(
                0.01, schedule=LinearRamp(1, 4, "step"), fraction=0.5
            ),
            seed=3,
        )
        fit(model, x, y, optimizer="adam")
        path = tmp_path / "model.keras"
        model.save(path)
        options = {"batch_size": 8, "shuffle": False, "verbose": 0}
        expected = model.fit(x, y, initial_epoch=1, epochs=2, **options)
        loaded = keras.saving.load_model(path)
        actual = loaded.fit(x, y, initial_epoch=1, epochs=2, **options)
        for name, values in expected.history.items():
            assert actual.history[name] == pytest.approx(values, rel=1e-5)
        for a, b in zip(weights(model), weights(loaded), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)

    def test_the_configuration_survives(self, tmp_path):
        model = RegularizedModel(
            text_model(),
            [part(0.25), "poincare"],
            taps={"text": "embedding"},
            functional=keras.losses.CategoricalCrossentropy(from_logits=True),
            modalities=["text"],
            seed=1,
        )
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        config, expected = loaded.get_config(), model.get_config()
        for name in ("taps", "regularizer", "modalities", "seed"):
            assert config[name] == expected[name]
        assert loaded.functional.from_logits
        x, _ = text_data()
        np.testing.assert_allclose(
            loaded.predict(x, verbose=0), model.predict(x, verbose=0)
        )

    @pytest.mark.once
    def test_a_subclassed_model(self, tmp_path):
        x, y = toys.data(toys.two_modalities())
        model = RegularizedModel(Subclassed(), seed=0)
        fit(model, x, y)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(
            loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5
        )
        assert sorted(loaded.fit(x, y, verbose=0).history) == LOGS

    @pytest.mark.filterwarnings("ignore:Skipping nested container")
    def test_weights_of_the_plain_model_go_into_the_inner_one(self, tmp_path):
        inner = toys.two_modalities()
        path = tmp_path / "plain.weights.h5"
        inner.save_weights(path)
        model = RegularizedModel(inner)
        with pytest.raises(ValueError, match="model.inner.load_weights"):
            model.load_weights(path)
        model.inner.load_weights(path)

    def test_the_inner_model_is_plain_keras(self, tmp_path):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        model = RegularizedModel(inner)
        fit(model, x, y)
        model.inner.save(tmp_path / "inner.keras")
        loaded = keras.saving.load_model(tmp_path / "inner.keras")
        assert "keras_mmreg" not in type(loaded).__module__
        np.testing.assert_allclose(
            loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6
        )


@pytest.mark.once
@pytest.mark.filterwarnings(f"ignore:{LOST_MODALITY}")
class TestExtremes:
    """The penalty is never NaN or infinite."""

    def trained(self, inner, x, y, **kwargs):
        history = fit(RegularizedModel(inner, seed=0), x, y, **kwargs)
        assert all_finite(history)
        assert all(np.isfinite(weight).all() for weight in weights(inner))

    @pytest.mark.parametrize("scale", [0.0, 1e3, 1e6])
    def test_uniform_and_confident_predictions(self, scale):
        inner = toys.linear(None)
        inner.set_weights([scale * np.sign(w) for w in inner.get_weights()])
        self.trained(inner, *toys.data(inner))

    def test_confident_probabilities(self):
        inner = toys.linear("softmax")
        inner.set_weights([1e3 * np.sign(w) for w in inner.get_weights()])
        loss = "sparse_categorical_crossentropy"
        self.trained(inner, *toys.data(inner), loss=loss)

    @pytest.mark.parametrize("constant", [0.0, 7.0])
    def test_a_constant_modality(self, constant):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        x["audio"] = np.full_like(x["audio"], constant)
        self.trained(inner, x, y)

    def test_zero_inputs(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        self.trained(inner, {k: 0 * v for k, v in x.items()}, y)

    @pytest.mark.parametrize("regularizer", ["fisher", "entropy"])
    def test_a_batch_of_one_is_no_outlier(self, regularizer):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        one = {name: value[:1] for name, value in x.items()}
        frozen = keras.optimizers.SGD(0.0)
        model = RegularizedModel(inner, regularizer, seed=0)
        many = fit(model, x, y, optimizer=frozen)["penalty"][0]
        assert fit(model, one, y[:1], optimizer=frozen)["penalty"][0] < (
            100 * many
        )

    def test_the_last_batch_is_smaller(self):
        inner = toys.two_modalities()
        x, y = toys.data(inner, num_examples=11)
        model = RegularizedModel(inner, part(0.3))
        assert all_finite(fit(model, x, y))

    # Beyond, the logits of the plain model overflow.
    @pytest.mark.parametrize(
        "policy, largest", [("float32", 1e6), ("mixed_float16", 2e3)]
    )
    @pytest.mark.parametrize(
        "regularizer, loss",
        [
            ("fisher", toys.LOGITS_LOSS),
            ("poincare", toys.LOGITS_LOSS),
            ("entropy", toys.LOGITS_LOSS),
            ("variance", toys.LOGITS_LOSS),
            ("fisher", "mse"),
        ],
    )
    def test_every_extreme(self, regularizer, loss, policy, largest):
        keras.config.set_dtype_policy(policy)
        inner = toys.linear(None)
        x, y = toys.data(inner)
        y = np.eye(3)[y] if loss == "mse" else y
        model = RegularizedModel(inner, regularizer, seed=0)
        model.compile(keras.optimizers.SGD(0.0), loss)
        constant = {**x, "audio": np.ones_like(x["audio"])}
        zeros = {name: np.zeros_like(value) for name, value in x.items()}
        signs = [np.where(w < 0, -1.0, 1.0) for w in inner.get_weights()]
        for scale in (0.0, 1.0, largest):
            inner.set_weights([scale * sign for sign in signs])
            for inputs in (x, constant, zeros):
                options = {"batch_size": 5, "verbose": 0}
                assert all_finite(model.fit(inputs, y, **options).history)
            assert all(np.isfinite(weight).all() for weight in weights(inner))

    def test_regression_on_a_constant_modality(self):
        inner = toys.linear(None)
        x, _ = toys.data(inner)
        x["audio"] = np.zeros_like(x["audio"])
        self.trained(inner, x, np.zeros((16, 3)), loss="mse")


class TestErrors:
    def test_inner(self):
        with pytest.raises(ValueError, match="`inner` must be a `keras.Model`"):
            RegularizedModel(keras.layers.Dense(3))

    @pytest.mark.parametrize(
        "name", ["train_step", "test_step", "compute_loss", "compute_metrics"]
    )
    def test_training_that_would_not_be_called(self, name):
        def override(self, *args, **kwargs):
            return getattr(keras.Model, name)(self, *args, **kwargs)

        inner = type("Own", (Subclassed,), {name: override})()
        with pytest.raises(ValueError, match=f"Own, which overrides `{name}`"):
            RegularizedModel(inner)

    def test_a_wrapped_model_is_not_wrapped_again(self):
        model = RegularizedModel(toys.linear())
        with pytest.raises(ValueError, match="is a RegularizedModel already"):
            RegularizedModel(model)

    def test_recurrent_kernels_without_a_second_derivative(self, monkeypatch):
        monkeypatch.setattr(checks, "has_gpu", lambda: True)
        a = keras.Input((5, 2), name="a")
        inner = keras.Model(a, keras.layers.LSTM(3, name="lstm")(a))
        with pytest.raises(ValueError, match="'lstm' may run on cuDNN"):
            RegularizedModel(inner)
        RegularizedModel(inner, "variance")
        without = keras.layers.LSTM(3, use_cudnn=False)(a)
        RegularizedModel(keras.Model(a, without))

    def test_stateful_layers(self):
        a = keras.Input(batch_shape=(8, 5, 2), name="a")
        states = keras.layers.SimpleRNN(3, stateful=True, name="rnn")(a)
        for method in ("fisher", "unimodal", "noise", "dropout"):
            with pytest.raises(ValueError, match="'rnn' is stateful"):
                RegularizedModel(keras.Model(a, states), method)

    def test_modalities_and_taps_are_fixed(self):
        model = RegularizedModel(toys.linear())
        for name in ("modalities", "taps"):
            with pytest.raises(AttributeError, match=name):
                setattr(model, name, ["audio"])

    @pytest.mark.parametrize("regularizer", ["poincar", [], ["fisher", 3]])
    def test_regularizer(self, regularizer):
        with pytest.raises(ValueError, match="`regularizer` must"):
            RegularizedModel(toys.linear(), regularizer)

    def test_two_methods_of_one_name(self):
        with pytest.raises(ValueError, match=r"\['fisher'\] more than once"):
            RegularizedModel(toys.linear(), ["fisher", part(0.5)])

    def test_taps(self):
        with pytest.raises(ValueError, match="`taps` must be a dict"):
            RegularizedModel(text_model(), taps=["embedding"])

    def test_probabilities_from_a_linear_layer(self):
        inner = toys.linear(None)
        model = RegularizedModel(inner)
        with pytest.raises(ValueError, match="with `from_logits=True`"):
            fit(model, *toys.data(inner), "sparse_categorical_crossentropy")

    def test_integer_modality(self):
        with pytest.raises(ValueError, match="'text' has dtype int32.*taps="):
            RegularizedModel(text_model())

    def test_integer_tap(self):
        with pytest.raises(ValueError, match="'text' has dtype"):
            RegularizedModel(text_model(), taps={"text": "ids"})

    def test_integer_modality_of_a_subclassed_model(self):
        x, y = text_data()
        with pytest.raises(ValueError, match="taps="):
            fit(RegularizedModel(SubclassedText()), x, y)

    def test_unknown_tap(self):
        with pytest.raises(ValueError, match="'words', which the model does"):
            RegularizedModel(text_model(), taps={"text": "words"})
        with pytest.raises(ValueError, match="'sound', which is not an input"):
            RegularizedModel(text_model(), taps={"sound": "embedding"})

    def test_a_tap_that_does_not_depend_on_its_modality(self):
        with pytest.raises(ValueError, match="0 calls of that layer depend"):
            RegularizedModel(text_model(), taps={"image": "embedding"})

    @pytest.mark.parametrize("modalities", [["sound"], []])
    def test_unknown_modality(self, modalities):
        with pytest.raises(ValueError, match="`modalities` must name"):
            RegularizedModel(toys.linear(), modalities=modalities)

    def test_stddev_for_some_modalities(self):
        regularizer = mmreg.regularizers.FisherInformation(
            stddev={"audio": 0.1}
        )
        with pytest.raises(ValueError, match=r"`stddev`.*\['image'\]"):
            RegularizedModel(toys.linear(None), regularizer)

    @pytest.mark.once
    def test_no_functional_fits(self):
        inner = toys.linear(None)
        before = inner.get_weights()
        x, y = toys.data(inner)
        model = RegularizedModel(inner)
        with pytest.raises(ValueError, match="Pass `functional`"):
            fit(model, x, np.eye(3)[y], loss="hinge")
        for old, new in zip(before, inner.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        assert all_finite(fit(model, x, y))

    def test_unknown_functional(self):
        with pytest.raises(ValueError, match="`functional` .*'crossentropy'"):
            RegularizedModel(toys.linear(), functional="crossentropy")

    def test_a_layer_of_another_model(self):
        model = RegularizedModel(toys.linear())
        inputs = {"audio": keras.Input((4,)), "image": keras.Input((3,))}
        with pytest.raises(ValueError, match="`model.inner`, and wrap that"):
            model(inputs)

    def test_a_modality_without_a_gradient(self):
        audio = keras.Input((4,), name="audio")
        image = keras.Input((3,), name="image")
        blocked = keras.ops.stop_gradient(image)
        merged = keras.layers.Concatenate()([audio, blocked])
        inner = keras.Model(
            {"audio": audio, "image": image}, keras.layers.Dense(3)(merged)
        )
        with pytest.raises(ValueError, match="no gradient by modality 'image'"):
            fit(RegularizedModel(inner), *toys.data(inner))


@pytest.mark.once
class TestReuseOfTheTrainingPass:
    @pytest.mark.parametrize("fraction", [1.0, 0.5])
    def test_changes_no_number(self, fraction):
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        histories = []
        for reuses in (True, False):
            model = RegularizedModel(
                keras.models.clone_model(inner), part(fraction), seed=0
            )
            assert model._trains_as_it_infers
            model._trains_as_it_infers = reuses
            model.inner.set_weights(inner.get_weights())
            model.compile(keras.optimizers.SGD(0.1), toys.LOGITS_LOSS)
            histories.append(
                model.fit(x, y, epochs=3, shuffle=False, verbose=0).history
            )
        for name, values in histories[1].items():
            np.testing.assert_allclose(histories[0][name], values, rtol=1e-4)

    @pytest.mark.parametrize(
        "layer", [keras.layers.Dropout(0.5), keras.layers.BatchNormalization()]
    )
    def test_not_where_training_differs_from_inference(self, layer):
        inputs = keras.Input((4,), name="audio")
        nested = keras.Sequential([keras.layers.Dense(4), layer])
        inner = keras.Model(inputs, keras.layers.Dense(3)(nested(inputs)))
        model = RegularizedModel(inner)
        assert not model._trains_as_it_infers
