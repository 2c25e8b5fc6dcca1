import keras
import numpy as np
import pytest

from keras_mmreg.report.further_scores import CalibrationError
from keras_mmreg.report.further_scores import ClassRecall
from keras_mmreg.report.keras_scores import KerasMetric
from keras_mmreg.report.keras_scores import Mean
from keras_mmreg.report.scores import Accuracy
from keras_mmreg.report.scores import MeanIoU
from keras_mmreg.report.scores import RSquared
from keras_mmreg.report.task import Task
from keras_mmreg.report.task import infer_task

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(50, 4)).astype("float32")
LABELS = RNG.integers(0, 4, 50)
WEIGHTS = RNG.random(50)


def total(score, y, predictions, weight=None, parts=5):
    """The score of sums over batches."""
    sums = 0.0
    for rows in np.array_split(np.arange(len(y)), parts):
        part = None if weight is None else weight[rows]
        statistics = score.statistics(y[rows], predictions[rows], part)
        sums = sums + statistics.sum(axis=0)
    return float(score.value(sums))


def task(y, predictions, loss=None):
    return infer_task(loss, y, predictions)


@pytest.mark.parametrize("weight", [None, WEIGHTS])
def test_accuracy_of_classes(weight):
    right = LOGITS.argmax(axis=1) == LABELS
    expected = np.average(right, weights=weight)
    one_hot = np.eye(4)[LABELS]
    for y in (LABELS, LABELS[:, np.newaxis], one_hot):
        score = Accuracy(task(y, LOGITS))
        assert total(score, y, LOGITS, weight) == pytest.approx(expected)


@pytest.mark.parametrize("from_logits", [True, False])
def test_accuracy_of_binary_labels(from_logits):
    y = RNG.integers(0, 2, (50, 4))
    predictions = LOGITS if from_logits else 1 / (1 + np.exp(-LOGITS))
    loss = keras.losses.BinaryCrossentropy(from_logits=from_logits)
    score = Accuracy(task(y, predictions, loss))
    expected = np.mean((LOGITS > 0) == y)
    assert total(score, y, predictions) == pytest.approx(expected)
    shares = y.mean(axis=0)
    chance = score.chance(score.label_statistics(y, None))
    assert chance == pytest.approx(np.maximum(shares, 1 - shares).mean())


def test_ignored_classes_do_not_count():
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=3)
    score = Accuracy(task(LABELS, LOGITS, loss))
    kept = LABELS != 3
    expected = np.mean((LOGITS.argmax(axis=1) == LABELS)[kept])
    assert total(score, LABELS, LOGITS) == pytest.approx(expected)
    counts = score.label_statistics(LABELS, None)
    np.testing.assert_array_equal(counts, [*np.bincount(LABELS)[:3], 0])


def test_mean_iou():
    logits = RNG.normal(size=(6, 5, 5, 4)).astype("float32")
    y = RNG.integers(0, 3, (6, 5, 5))
    predicted = logits.argmax(axis=-1)
    expected = [
        np.sum((predicted == each) & (y == each))
        / np.sum((predicted == each) | (y == each))
        for each in range(4)
    ]
    score = MeanIoU(task(y, logits))
    value = total(score, y, logits, parts=2)
    assert value == pytest.approx(np.mean(expected))
    share = np.bincount(y.ravel()).max() / y.size
    chance = score.chance(score.label_statistics(y, None))
    assert chance == pytest.approx(share / 3)


@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 3)])
@pytest.mark.parametrize("weight", [None, WEIGHTS])
def test_r_squared(shape, weight):
    # Far from 0, where sums of squares would cancel.
    y = RNG.normal(1000, 1, shape)
    predictions = y + RNG.normal(0, 0.5, shape)
    columns = y.reshape(50, -1)
    weights = np.ones(50) if weight is None else weight
    error = np.average(
        (columns - predictions.reshape(50, -1)) ** 2, axis=0, weights=weights
    )
    mean = np.average(columns, axis=0, weights=weights)
    variance = np.average((columns - mean) ** 2, axis=0, weights=weights)
    expected = np.mean(1 - error / variance)
    score = RSquared(y)
    assert total(score, y, predictions, weight) == pytest.approx(expected)
    assert score.chance(np.zeros(1)) == 0.0


@pytest.mark.parametrize("count", [29, 30, 31, 299])
@pytest.mark.parametrize("rare", [0.1, 0.7, 3.0])
def test_r_squared_of_equal_labels_is_unknown(count, rare):
    y = np.ones((count, 1), "float32")
    y[4] += rare
    rest = np.delete(y, 4, axis=0)
    for score in (
        RSquared(y),
        KerasMetric(keras.metrics.R2Score(), "r2", True),
    ):
        known = score.value(score.statistics(y, y + 0.1, None).sum(axis=0))
        drawn = score.value(score.statistics(rest, rest, None).sum(axis=0))
        assert np.isfinite(known).all() and np.isnan(drawn).all()


def test_r_squared_of_targets_that_vary():
    y = RNG.normal(size=(50, 2))
    predictions = y + RNG.normal(0, 0.5, (50, 2))
    expected = total(RSquared(y), y, predictions)
    constant = np.ones((50, 1))
    wider = np.hstack([y, constant])
    found = total(RSquared(wider), wider, np.hstack([predictions, constant]))
    assert found == pytest.approx(expected)
    assert np.isnan(total(RSquared(constant), constant, constant))


def test_functions_are_averaged():
    y = RNG.normal(size=(50, 2)).astype("float32")
    predictions = RNG.normal(size=(50, 2)).astype("float32")
    score = Mean(keras.losses.mean_absolute_error, "mae", False, False)
    expected = np.abs(y - predictions).mean()
    assert total(score, y, predictions) == pytest.approx(expected, rel=1e-5)


def test_a_function_gets_labels_of_the_shape_of_its_predictions():
    y = RNG.normal(size=50).astype("float32")
    score = Mean(keras.losses.mean_squared_error, "mse", False, False)
    assert total(score, y, y[:, np.newaxis]) == pytest.approx(0.0)


def test_a_keras_metric_is_summed():
    y = RNG.integers(0, 2, (50, 1))
    predictions = RNG.random((50, 1)).astype("float32")
    metric = keras.metrics.AUC()
    metric.update_state(y, predictions)
    expected = float(metric.result())
    score = KerasMetric(metric, "metric", higher_is_better=True)
    assert total(score, y, predictions) == pytest.approx(expected, rel=1e-5)
    assert float(metric.result()) == expected, "the given metric is not used"


class Last(keras.metrics.Metric):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.last = self.add_weight(name="last", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.last.assign(keras.ops.max(y_pred))

    def result(self):
        return self.last


def test_a_metric_that_is_no_sum_is_refused():
    score = KerasMetric(Last(), "last", higher_is_better=True)
    with pytest.raises(ValueError, match="`metric` must be the sum"):
        score.statistics(LABELS, 1 + np.abs(LOGITS), None)


class NotRebuilt(Last):
    def __init__(self, size):
        super().__init__(name="not_rebuilt")


def test_a_metric_without_a_config_is_refused():
    with pytest.raises(ValueError, match="`metric` must be rebuilt"):
        KerasMetric(NotRebuilt(3), "fresh", higher_is_better=True)


def test_calibration_error():
    known = Task("sparse", False, False, 2)
    probabilities = np.tile([[0.8, 0.2]], (10, 1))
    y = np.array([0] * 6 + [1] * 4)
    assert total(CalibrationError(known), y, probabilities) == pytest.approx(
        0.2
    )
    binary = Task("binary", False, False, 1)
    sure = np.full((10, 1), 0.2)
    assert total(CalibrationError(binary), y, sure) == pytest.approx(0.2)


def test_recall_of_each_class():
    score = ClassRecall(Task("sparse", True, False, 4))
    sums = score.statistics(LABELS, LOGITS, None).sum(axis=0)
    right = LOGITS.argmax(axis=1) == LABELS
    expected = [right[LABELS == each].mean() for each in range(4)]
    np.testing.assert_allclose(score.value(sums), expected)


@pytest.mark.parametrize(
    "loss, y, shape, kind, name",
    [
        (None, np.array([0, 2]), (2, 3), "sparse", "classification"),
        (None, np.eye(3)[:2], (2, 3), "one_hot", "classification"),
        (None, np.array([[1, 1, 0]]), (1, 3), "binary", "multi-label"),
        (None, np.array([0.0, 1.0]), (2, 1), "binary", "binary"),
        (None, np.array([0.5, 1.7]), (2, 1), "regression", "regression"),
        ("mse", np.array([0.0, 1.0]), (2, 1), "regression", "regression"),
        (None, np.zeros((2, 4, 4), int), (2, 4, 4, 3), "sparse", "dense"),
        ("poisson", np.array([0.0, 1.0]), (2, 1), "regression", "regression"),
        ("hinge", np.array([0.0, 1.0]), (2, 1), "binary", "binary"),
    ],
)
def test_tasks(loss, y, shape, kind, name):
    known = infer_task(loss, y, RNG.normal(size=shape))
    assert known.kind == kind and known.name.startswith(name)


def test_what_a_hinge_is_for_lies_around_0():
    known = infer_task("hinge", np.array([0, 1]), np.array([[0.1], [0.4]]))
    assert known.from_logits


@pytest.mark.parametrize("labels", [[-1, 1], [1, 2], [0.1, 0.9]])
def test_binary_labels_are_0_or_1(labels):
    with pytest.raises(ValueError, match="labels that are 0 or 1"):
        infer_task("binary_crossentropy", np.array(labels), np.ones((2, 1)))


def test_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="labels that fit the model's output"):
        infer_task("mse", np.ones((2, 3)), np.ones((2, 1)))


@pytest.mark.parametrize(
    "function", [lambda y, p: 0.5, lambda y, p: np.ones(3)]
)
def test_a_function_returns_a_value_for_each_example(function):
    score = Mean(function, "mine", True, False)
    with pytest.raises(ValueError, match="must return a value for each"):
        score.statistics(LABELS, LOGITS, None)


@pytest.mark.parametrize(
    "metric", [keras.metrics.AUC(), keras.metrics.Recall(), "f1"]
)
def test_nothing_to_find_is_no_score(metric):
    if metric == "f1":
        metric = keras.metrics.F1Score(average="micro", threshold=0.5)
    score = KerasMetric(metric, "metric", True)
    y, predictions = np.zeros((6, 1)), np.linspace(0, 1, 6)[:, None]
    assert np.isnan(score.value(score.statistics(y, predictions, None)))[0]
    y[5] = 1
    assert score.value(score.statistics(y, predictions, None))[0] > 0


def test_a_metric_of_other_labels():
    score = KerasMetric(keras.metrics.AUC(), "auc", True)
    with pytest.raises(ValueError, match="`metric` 'auc' cannot compare"):
        score.statistics(np.arange(8) % 3, np.ones((8, 3)) / 3, None)


def test_weights_of_positions_that_labels_lack():
    score = Accuracy(infer_task(None, np.arange(8) % 3, np.ones((8, 3))))
    with pytest.raises(ValueError, match="one weight for each example"):
        score.statistics(np.arange(8) % 3, np.ones((8, 3)), np.ones((8, 2)))
