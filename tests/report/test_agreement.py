"""A report's score is what `evaluate` says, and leaves the same out."""

import keras
import numpy as np
import pytest

from keras_mmreg import modality_report
from tests.report.toys import adder

pytestmark = [pytest.mark.eager, pytest.mark.once]

RNG = np.random.default_rng(0)
FAST = {"num_bootstraps": 20}
layers = keras.layers


def joined(outputs):
    """A model of two vectors, by what makes outputs of both."""
    a = keras.Input((3,), name="a")
    b = keras.Input((4,), name="b")
    merged = layers.Concatenate()([a, b])
    return keras.Model({"a": a, "b": b}, outputs(merged))


def data(num_examples=60):
    y = np.arange(num_examples) % 3
    a = np.eye(3)[y] + 0.5 * RNG.normal(size=(num_examples, 3))
    b = RNG.normal(size=(num_examples, 4))
    return {"a": a.astype("float32"), "b": b.astype("float32")}, y


@pytest.mark.parametrize("loss", ["mse", "cosine_similarity"])
@pytest.mark.parametrize(
    "units, activation, label",
    [
        (3, "softmax", lambda y: np.eye(3)[y]),
        (1, "sigmoid", lambda y: (y == 0).astype("float32")),
        (1, None, lambda y: (y == 0).astype("float32")),
    ],
)
def test_accuracy_of_a_classifier_that_regresses(
    loss, units, activation, label
):
    model = joined(layers.Dense(units, activation=activation))
    x, y = data()
    model.compile("adam", loss, metrics=["accuracy"])
    expected = model.evaluate(x, label(y), verbose=0)[1]
    report = modality_report(model, (x, label(y)), **FAST)
    assert report.metric == "accuracy"
    assert report.intact.value == pytest.approx(expected)


def test_accuracy_of_numbers_is_none():
    model = joined(layers.Dense(1))
    x, _ = data()
    model.compile("adam", "mse", metrics=["accuracy"])
    numbers = x["a"].sum(axis=1)
    assert modality_report(model, (x, numbers), **FAST).metric == "R²"
    with pytest.raises(ValueError, match="needs labels that are classes"):
        modality_report(model, (x, numbers), metric="accuracy")


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "mae"])
@pytest.mark.parametrize("weighted", [False, True])
def test_masked_positions_do_not_count(loss, weighted):
    ids = keras.Input((6,), dtype="int32", name="ids")
    b = keras.Input((6, 2), name="b")
    words = layers.Embedding(10, 4, mask_zero=True)(ids)
    merged = layers.Concatenate()([words, layers.Masking()(b)])
    outputs = layers.Dense(3, activation="softmax")(merged)
    model = keras.Model({"ids": ids, "b": b}, outputs)
    x = {
        "ids": RNG.integers(1, 10, (40, 6)),
        "b": RNG.normal(size=(40, 6, 2)).astype("float32"),
    }
    y = RNG.integers(0, 3, (40, 6))
    for values in (x["ids"], x["b"], y):
        values[:, 4:] = 0
    if loss == "mae":
        y = np.eye(3, dtype="float32")[y]
    weight = RNG.random((40, 6)) if weighted else None
    metric = "mae" if loss == "mae" else "accuracy"
    model.compile("adam", loss, weighted_metrics=[metric])
    expected = model.evaluate(x, y, sample_weight=weight, verbose=0)[1]
    labeled = (x, y, weight) if weighted else (x, y)
    report = modality_report(model, labeled, metric=metric, **FAST)
    assert report.intact.value == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("output", ["kind", 0, "size", 1])
def test_outputs_in_a_list_have_names_and_places(output):
    a = keras.Input((3,), name="a")
    b = keras.Input((4,), name="b")
    merged = layers.Concatenate()([a, b])
    kind = layers.Dense(3, activation="softmax", name="kind")(merged)
    size = layers.Dense(1, name="size")(merged)
    model = keras.Model([a, b], [kind, size])
    loss = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    model.compile("adam", loss, metrics={"size": ["mae"]})
    x, y = data()
    x, y = [x["a"], x["b"]], {"kind": y, "size": x["a"].sum(1, keepdims=True)}
    wanted = "accuracy" if output in ("kind", 0) else "mae"
    for labels in (y, list(y.values())):
        report = modality_report(model, (x, labels), output=output, **FAST)
        assert report.metric == wanted
        assert not report.takes_gate
    if wanted == "mae":
        logs = model.evaluate(x, y, return_dict=True, verbose=0)
        assert report.intact.value == pytest.approx(logs["size_mae"])


@pytest.mark.parametrize("output", [2, -1, "weight"])
def test_an_output_that_is_not_there(output):
    x, y = data()
    model = joined(layers.Dense(3, name="kind"))
    with pytest.raises(ValueError, match="`output` must be"):
        modality_report(model, (x, y), output=output)


def test_a_loss_function_of_ones_own_may_take_logits():
    def loss(y, logits):
        return keras.losses.binary_crossentropy(y, logits, from_logits=True)

    model = joined(layers.Dense(1))
    model.compile("adam", loss)
    x, y = data()
    y = (y == 0).astype("float32")
    right = (model.predict(x, verbose=0)[:, 0] > 0) == y
    report = modality_report(model, (x, y), **FAST)
    assert report.intact.value == pytest.approx(right.mean())


def test_classes_on_another_axis_add_up():
    inputs = {name: keras.Input((3, 4), name=name) for name in ("a", "b")}
    total = layers.Add()(list(inputs.values()))
    model = keras.Model(inputs, layers.Softmax(axis=1)(total))
    model.compile("adam", keras.losses.CategoricalCrossentropy(axis=1))
    x = {name: RNG.normal(size=(50, 3, 4)) for name in inputs}
    classes = model.predict(x, verbose=0).argmax(axis=1)
    y = np.moveaxis(np.eye(3)[classes], -1, 1)
    report = modality_report(
        model, (x, y), metric="accuracy", include="interaction", **FAST
    )
    assert report.intact.value == report.additive.value == 1.0


def test_a_metric_that_its_config_does_not_describe():
    class Above(keras.metrics.Mean):
        def __init__(self, threshold=0.1, **kwargs):
            super().__init__(**kwargs)
            self.threshold = threshold

        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(
                keras.ops.cast(y_pred > self.threshold, "float32")
            )

    x, y = data()
    metric = Above(0.9, name="above")
    metric.update_state(y, np.ones((4, 3), "float32"))
    with pytest.raises(ValueError, match="rebuilt from its config"):
        modality_report(
            joined(layers.Dense(3)), (x, y), metric=metric, mode="max"
        )
    assert float(metric.result()) == 1.0, "it is left as it was"


def test_inputs_that_the_model_does_not_take():
    x, y = data()
    report = modality_report(
        adder(["a"]), ({**x, "number": np.arange(60)}, y), **FAST
    )
    assert report.modalities == ["a"]
    assert report.unasked == []


def test_a_model_that_remembers_is_refused():
    inputs = keras.Input(batch_shape=(4, 5, 2), name="a")
    outputs = layers.Dense(2)(layers.SimpleRNN(3, stateful=True)(inputs))
    with pytest.raises(ValueError, match="stateful"):
        modality_report(
            keras.Model(inputs, outputs), (np.ones((8, 5, 2)), np.arange(8) % 2)
        )


# Raised by Keras on JAX.
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
def test_means_of_counts_are_no_integers():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    model = keras.Model(
        {"a": a, "b": b}, layers.Softmax()(layers.Add()([a, b]))
    )
    model.compile("sgd", "categorical_crossentropy")
    y = np.eye(3, dtype="float32")[RNG.integers(0, 3, 12)]
    data = {"a": 5 * y, "b": 0 * y}, y
    found = [
        modality_report(model, data, metric=metric, num_permutations=20, **FAST)
        for metric in (keras.metrics.OneHotMeanIoU(3), "mean_iou")
    ]
    ours, keras_ = (report.shuffled["a"].value for report in found)
    assert ours == pytest.approx(keras_, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("BinaryAccuracy", keras.metrics.BinaryAccuracy(threshold=0.0)),
        ("AUC", keras.metrics.AUC(from_logits=True)),
        ("precision", keras.metrics.Precision(thresholds=0.0)),
    ],
)
def test_names_of_metrics_follow_the_loss(name, metric):
    inputs = {key: keras.Input((3,), name=key) for key in ("a", "b")}
    outputs = layers.Dense(2)(layers.Concatenate()(list(inputs.values())))
    model = keras.Model(inputs, outputs)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    x = {key: RNG.normal(size=(60, 3)).astype("float32") for key in inputs}
    y = RNG.integers(0, 2, (60, 2))
    metric.update_state(y, model.predict(x, verbose=0))
    report = modality_report(model, (x, y), metric=name, **FAST)
    assert report.intact.value == pytest.approx(float(metric.result()))


def test_a_loss_that_no_gate_understands():
    def own(y, outputs):
        return keras.ops.mean(keras.ops.square(outputs - y) ** 1.5, axis=-1)

    model = joined(layers.Dense(3))
    x, y = data()
    model.compile("sgd", own)
    report = modality_report(model, (x, np.eye(3)[y]), metric="mse", **FAST)
    assert not report.takes_gate
    model.compile("sgd", "mse")
    report = modality_report(model, (x, np.eye(3)[y]), **FAST)
    assert report.takes_gate


@pytest.mark.parametrize("name", [None, "auc_9", "own_9"])
def test_numbers_that_keras_adds_to_names_are_left_out(name):
    keras.metrics.AUC()  # The next has a number.
    model = joined(layers.Dense(1, activation="sigmoid"))
    x, y = data()
    report = modality_report(
        model, (x, y > 0), metric=keras.metrics.AUC(name=name), **FAST
    )
    assert report.metric == (name if name == "own_9" else "auc")
