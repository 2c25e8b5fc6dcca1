"""Which score a report has, and whether a high or a low one is good."""

import keras
import numpy as np
import pytest

from keras_mmreg import modality_report
from keras_mmreg.report.choose_score import choose_score
from keras_mmreg.report.task import Task
from tests.report.toys import adder

pytestmark = pytest.mark.once

FAST = {"num_bootstraps": 20, "verbose": 0}


def pinball(y, predictions):
    difference = keras.ops.cast(y, predictions.dtype) - predictions
    return keras.ops.mean(keras.ops.maximum(0.9 * difference, -difference), -1)


def days_off(y, predictions):
    return keras.ops.mean(keras.ops.abs(y - predictions), axis=-1)


@pytest.mark.parametrize(
    "metric, higher",
    [
        ("bce", False),
        ("mse", False),
        ("mean_absolute_error", False),
        (keras.metrics.BinaryCrossentropy(name="b"), False),
        (keras.metrics.MeanSquaredError(name="quality"), False),
        (keras.losses.MeanSquaredError(), False),
        (keras.losses.huber, False),
        (keras.losses.cosine_similarity, False),
        (keras.metrics.CosineSimilarity(), True),
        (keras.metrics.AUC(name="loss_auc"), True),
        (keras.metrics.R2Score(name="error_free"), True),
        (pinball, False),
    ],
)
def test_direction(metric, higher):
    task = Task("regression", 1, False, False)
    score = choose_score(metric, "auto", task, np.zeros((4, 1)))
    assert score.higher_is_better is higher


def test_an_unknown_direction_is_asked_for():
    """A guess would turn every sentence around."""
    model = adder("ab")
    model.compile("sgd", "mse", metrics=[days_off])
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(60, 3)) for name in "ab"}
    y = x["a"] + x["b"]
    with pytest.raises(ValueError, match="pass `mode='max'` or"):
        modality_report(model, (x, y), **FAST)
    report = modality_report(model, (x, y), mode="min", **FAST)
    assert not report.higher_is_better
    assert all(each.cost_low > 0 for each in report.shuffled.values())


@pytest.mark.once(False)
def test_labels_that_only_the_metric_understands():
    """Survival: a label is a time, and whether it is that of an event."""
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(60, 1)).astype("float32") for name in "ab"}
    time = rng.exponential(np.exp(-x["a"]))
    y = np.concatenate([time, rng.random((60, 1)) < 0.7], axis=1)

    def nll(y, p):
        return y[:, 0] * keras.ops.exp(p[:, 0]) - y[:, 1] * p[:, 0]

    model = adder("ab")
    model.compile("sgd", nll)
    with pytest.raises(ValueError, match="pass as `metric` a function"):
        modality_report(model, (x, y), **FAST)
    report = modality_report(model, (x, y), metric=nll, include="all", **FAST)
    risk = (x["a"] + x["b"])[:, 0]
    expected = np.mean(y[:, 0] * np.exp(risk) - y[:, 1] * risk)
    assert report.intact.value == pytest.approx(expected, rel=1e-5)
    assert not report.higher_is_better and not report.baselines
