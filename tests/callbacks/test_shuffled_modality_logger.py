import copy

import keras
import numpy as np
import pytest

from keras_mmreg.callbacks import ShuffledModalityLogger
from keras_mmreg.datasets import permute_colors
from keras_mmreg.models import RegularizedModel
from tests import toys

pytestmark = pytest.mark.eager


def compiled(model, optimizer="sgd"):
    model.compile(optimizer, toys.LOGITS_LOSS, metrics=["accuracy"])
    return model


def fit(model, x, y, logger, **kwargs):
    kwargs = {"epochs": 2, "verbose": 0, **kwargs}
    return model.fit(x, y, callbacks=[logger], **kwargs).history


def color_reader():
    """Tells the label from the color alone, and never learns."""
    color = keras.Input((3,), name="color")
    shape = keras.Input((2,), name="shape")
    ignored = keras.layers.Dense(3, kernel_initializer="zeros")(shape)
    outputs = keras.layers.Add()([10.0 * color, ignored])
    model = keras.Model({"color": color, "shape": shape}, outputs)
    return compiled(model, keras.optimizers.SGD(0.0))


def colored(num_examples=60):
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, num_examples)
    shape = rng.normal(size=(num_examples, 2)).astype("float32")
    return {"color": np.eye(3, dtype="float32")[y], "shape": shape}, y


@pytest.mark.once
def test_a_shortcut_is_found_out():
    x, y = colored()
    model = color_reader()
    logger = ShuffledModalityLogger((x, y))
    history = fit(model, x, y, logger, validation_data=(x, y), epochs=1)
    expected = np.mean(permute_colors(x)["color"].argmax(axis=-1) == y)
    assert history["val_accuracy"] == [1.0]
    assert history["val_shuffled_shape_accuracy"] == [1.0]
    assert history["val_shuffled_color_accuracy"][0] == pytest.approx(expected)
    assert history["val_balanced_accuracy"][0] == pytest.approx(
        (1 + (1 + expected) / 2) / 2
    )


@pytest.mark.parametrize("wrap", [lambda m: m, RegularizedModel])
def test_logs(wrap):
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    model = compiled(wrap(inner))
    logger = ShuffledModalityLogger((x, y), modalities=["audio"], batch_size=8)
    history = fit(model, x, y, logger, validation_data=(x, y))
    assert {name for name in history if name.startswith("val_")} == {
        "val_loss",
        "val_accuracy",
        "val_shuffled_audio_loss",
        "val_shuffled_audio_accuracy",
        "val_balanced_loss",
        "val_balanced_accuracy",
    }
    order = np.random.default_rng(0).permutation(len(y))
    shuffled = {**x, "audio": x["audio"][order]}
    last = model.evaluate(shuffled, y, return_dict=True, verbose=0)
    for name, value in last.items():
        shuffled_value = history[f"val_shuffled_audio_{name}"][-1]
        assert shuffled_value == pytest.approx(value, rel=1e-4)
        assert history[f"val_balanced_{name}"][-1] == pytest.approx(
            (history[f"val_{name}"][-1] + value) / 2, rel=1e-4
        )


@pytest.mark.once
def test_training_and_the_data_are_not_changed():
    histories = []
    for watched in (False, True):
        keras.utils.set_random_seed(0)
        inner = toys.two_modalities()
        x, y = toys.data(inner)
        before = copy.deepcopy(x)
        model = compiled(RegularizedModel(inner, seed=0))
        loggers = [ShuffledModalityLogger((x, y))] if watched else []
        # On torch any evaluation moves the generator that `fit` shuffles with.
        histories.append(fit(model, x, y, loggers, epochs=3, shuffle=False))
        keras.tree.map_structure(np.testing.assert_array_equal, before, x)
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-4)


@pytest.mark.once
def test_list_inputs_are_named_by_the_model_and_weights_count():
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    listed = keras.Model(inner.inputs, inner.outputs[0])
    arrays = [x[tensor.name] for tensor in listed.inputs]
    weight = np.zeros(len(y))
    logger = ShuffledModalityLogger(
        (arrays, y, weight), modalities="image", prefix=""
    )
    history = fit(compiled(listed), arrays, y, logger)
    assert history["shuffled_image_loss"] == [0.0, 0.0]
    assert "shuffled_audio_loss" not in history


def test_dict_inputs_are_named_by_their_keys():
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    image_first = keras.Model(inner.inputs[::-1], inner.outputs[0])
    logger = ShuffledModalityLogger((x, y), modalities=["image"])
    fit(compiled(image_first), x, y, logger, epochs=1)
    shuffled = logger._shuffle(logger._leaves["image"])
    np.testing.assert_array_equal(shuffled["audio"], x["audio"])
    assert not np.array_equal(shuffled["image"], x["image"])


def test_the_parts_of_a_modality_are_shuffled_together():
    parts = {name: keras.Input((1,), name=name) for name in ("a", "b", "c")}
    merged = keras.layers.Concatenate()(list(parts.values()))
    outputs = keras.layers.Dense(3)(merged)
    inputs = {"text": {"a": parts["a"], "b": parts["b"]}, "c": parts["c"]}
    model = compiled(keras.Model(inputs, outputs))
    rows = np.arange(12.0)[:, np.newaxis]
    x = {"text": {"a": rows, "b": rows}, "c": rows}
    logger = ShuffledModalityLogger((x, np.arange(12) % 3), ["text"])
    history = fit(model, x, np.arange(12) % 3, logger, epochs=1)
    assert "val_shuffled_text_loss" in history
    shuffled = logger._shuffle(logger._leaves["text"])
    np.testing.assert_array_equal(shuffled["text"]["a"], shuffled["text"]["b"])
    assert not np.array_equal(shuffled["text"]["a"], rows)
    np.testing.assert_array_equal(shuffled["c"], rows)


def test_tensors_and_vector_metrics():
    inner = toys.linear()
    x, y = toys.data(inner)
    labels = np.eye(3, dtype="float32")[y]
    inner.compile("sgd", "mse", metrics=[keras.metrics.F1Score()])
    tensors = keras.tree.map_structure(toys.tensor, x)
    logger = ShuffledModalityLogger((tensors, labels), ["audio"])
    history = fit(inner, x, labels, logger, epochs=1)
    (balanced,) = history["val_balanced_f1_score"]
    assert type(balanced) is type(history["f1_score"][0])
    assert balanced.shape == (3,)
    assert type(history["val_balanced_loss"][0]) is float


@toys.needs_strings
def test_strings():
    import tensorflow as tf

    text = keras.Input((), dtype="string", name="text")
    to_ids = keras.layers.TextVectorization(output_sequence_length=2)
    to_ids.adapt(["a b", "c d"])
    vectors = keras.layers.Embedding(to_ids.vocabulary_size(), 3)(to_ids(text))
    outputs = keras.layers.GlobalAveragePooling1D()(vectors)
    model = compiled(keras.Model({"text": text}, outputs))
    strings = keras.ops.convert_to_tensor(["a b", "c d", "a d"])
    x, y = {"text": strings}, np.arange(3)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(2)
    for data in ((x, y), dataset):
        history = fit(model, x, y, ShuffledModalityLogger(data), epochs=1)
        assert "val_shuffled_text_accuracy" in history


@pytest.mark.parametrize("modalities", [["video"], ["aud"], []])
def test_an_unknown_modality_stops_before_training(modalities):
    inner = compiled(toys.linear())
    x, y = toys.data(inner)
    with pytest.raises(ValueError, match=r"one of \['audio', 'image'\]"):
        fit(inner, x, y, ShuffledModalityLogger((x, y), modalities))


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, size=8):
        super().__init__()
        self.x, self.y, self.size = x, y, size

    @property
    def num_batches(self):
        return len(self.y) // self.size

    def __getitem__(self, index):
        rows = slice(index * self.size, (index + 1) * self.size)
        return {name: self.x[name][rows] for name in self.x}, self.y[rows]


@pytest.mark.once
def test_a_dataset_is_shuffled_within_windows():
    x, y = colored(64)
    batches = Batches(x, y)
    logger = ShuffledModalityLogger(batches, window=32)
    history = fit(color_reader(), x, y, logger)
    assert history["val_shuffled_shape_accuracy"] == [1.0, 1.0]
    first, second = history["val_shuffled_color_accuracy"]
    assert first == second == pytest.approx(1 / 3, abs=0.2)
    assert history["val_balanced_accuracy"][0] == pytest.approx(
        (1 + (1 + first) / 2) / 2
    )
    few = ShuffledModalityLogger(batches, ["shape"], steps=1, prefix="few_")
    assert "few_shuffled_shape_loss" in fit(color_reader(), x, y, few)


@pytest.mark.once
def test_only_some_epochs_are_evaluated():
    x, y = colored(32)
    logger = ShuffledModalityLogger((x, y), ["color"], frequency=2)
    history = fit(color_reader(), x, y, logger, epochs=5)
    assert len(history["val_balanced_accuracy"]) == 3


def test_a_dataset_must_be_read_again():
    batches = (each for each in [(np.ones((2, 2)), np.ones(2))])
    with pytest.raises(ValueError, match="begins anew"):
        ShuffledModalityLogger(batches)


@pytest.mark.parametrize("data", [None, {"x": 1}, ([1],), [1, 2]])
def test_data_that_cannot_be_shuffled(data):
    with pytest.raises(ValueError, match=r"`data` must be a tuple `\(x, y\)`"):
        ShuffledModalityLogger(data)


class Prepared(keras.Model):
    """A model that takes colors in hundredths."""

    preprocessor = "hundredths"

    def preprocess_samples(self, x, y=None, sample_weight=None):
        x = {**x, "color": x["color"] / 100.0}
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)


@pytest.mark.once("jax")
def test_batches_are_prepared_as_the_model_does():
    x, y = colored(64)
    plain = color_reader()
    task = compiled(Prepared(plain.input, plain.output))
    hundreds = {**x, "color": 100.0 * x["color"]}
    logged = []
    for model, data in (
        (plain, Batches(x, y)),
        (task, Batches(hundreds, y)),
        (compiled(RegularizedModel(task, "dropout")), Batches(hundreds, y)),
    ):
        logger, logs = ShuffledModalityLogger(data, ["color"]), {}
        logger.set_model(model)
        logger.on_train_begin()
        logger.on_epoch_end(0, logs)
        logged.append(logs)
    assert logged[0]["val_shuffled_color_accuracy"] < 0.7
    for logs in logged[1:]:
        assert logs == pytest.approx(logged[0], rel=1e-5)


@pytest.mark.once
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": -1},
        {"frequency": 0},
        {"seed": -1},
        {"steps": -3},
        {"steps": 2},
        {"window": 64},
    ],
)
def test_arguments_out_of_range_or_without_effect(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ShuffledModalityLogger(({"a": np.ones((4, 2))}, np.ones(4)), **options)
