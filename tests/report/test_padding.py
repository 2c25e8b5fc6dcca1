"""Padding stays padding under noise."""

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.report.interventions import Change
from keras_mmreg.report.interventions import Window
from keras_mmreg.report.padding import padding_values

pytestmark = pytest.mark.once


def reader():
    series = keras.Input((20, 1), name="series")
    other = keras.Input((3,), name="other")
    known = keras.layers.Masking(-1.0)(series)
    read = keras.layers.GlobalAveragePooling1D()(known)
    merged = keras.layers.Concatenate()([read, other])
    inputs = {"series": series, "other": other}
    return keras.Model(inputs, keras.layers.Dense(1)(merged))


def data():
    rng = np.random.default_rng(0)
    series = rng.normal(3.0, 2.0, (40, 20, 1)).astype("float32")
    series[:, 5:] = -1.0
    return {"series": series, "other": rng.normal(size=(40, 3))}


def test_it_is_found():
    model, x = reader(), data()
    assert padding_values(model, x) == {1: -1.0}
    wrapped = mmreg.models.RegularizedModel(model, "dropout")
    assert padding_values(wrapped, x) == {1: -1.0}
    assert padding_values(model, x["series"]) == {}


def test_noise_leaves_it():
    x = data()
    leaves = {"other": [0], "series": [1]}
    window = Window(x, None, None, leaves, [0], padding={1: -1.0})
    for change in (Change("jitter", 0.5), Change("noise"), Change("mean")):
        series = window.batch({"series": change}, 0, 40)["series"]
        assert (series[:, 5:] == -1.0).all()
        assert not np.allclose(series[:, :5], x["series"][:, :5])
    mean = window.batch({"series": Change("mean")}, 0, 40)["series"]
    np.testing.assert_allclose(
        mean[0, :5], x["series"][:, :5].mean(axis=0), rtol=1e-5
    )


def test_noise_curves_of_series():
    model, x = reader(), data()
    model.compile(loss="mse", metrics=["mae"])
    y = model.predict(x, verbose=0)[:, 0]
    report = mmreg.modality_report(
        model, (x, y), include="noise_curves", verbose=0
    )
    curve = [each.value for each in report.noise_curves["series"].values()]
    weight = abs(float(model.layers[-1].get_weights()[0][0, 0]))
    stddev = x["series"][:, :5].std(axis=0).mean()
    # The mean of five independent values.
    expected = weight * stddev * 0.25 / np.sqrt(5) * np.sqrt(2 / np.pi)
    np.testing.assert_allclose(curve[0], expected, rtol=0.35)
