import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

import keras_mmreg as mmreg
from applications.common import callbacks
from applications.common import command
from applications.common import figures
from applications.common import records
from applications.common import runs
from applications.common import settings
from applications.common import tables


def counted(calls, results=None):
    def train():
        calls.append(1)
        return results or {"accuracy": np.float32(0.5)}, {"loss": [1 / 3]}

    return train


def test_a_finished_run_is_not_run_again(tmp_path):
    path = tmp_path / "folder" / "runs.jsonl"
    calls = []
    for _ in range(2):  # As if the study were started twice.
        store = runs.RunStore(path)
        store.run({"method": "fisher", "clip": (0.0, 0.2)}, counted(calls))
        store.run({"method": "none", "clip": (0.0, 0.2)}, counted(calls))
    assert len(calls) == 2
    (first, second) = runs.read_runs(path)
    assert first["method"] == "fisher" and first["accuracy"] == 0.5
    assert first["history"] == {"loss": [0.33333]}
    assert second["environment"]["backend"] == keras.config.backend()
    assert not list(tmp_path.rglob("*.partial"))


def test_another_setting_or_backend_is_another_run(monkeypatch):
    store, calls = runs.RunStore(), []
    store.run({"strength": 0.1}, counted(calls))
    assert {"strength": 0.1} in store
    assert {"strength": 0.1, "momentum": 0.9} not in store
    monkeypatch.setattr(settings, "backend", lambda: "abacus")
    assert {"strength": 0.1} not in store


def test_an_interrupted_run_leaves_the_others(tmp_path):
    path = tmp_path / "runs.jsonl"

    def interrupted():
        raise KeyboardInterrupt

    store = runs.RunStore(path)
    store.run({"seed": 0}, counted([]))
    with pytest.raises(KeyboardInterrupt):
        store.run({"seed": 1}, interrupted)
    assert [run["seed"] for run in runs.read_runs(path)] == [0]


def test_rounded():
    value = {"a": np.array([1 / 3, np.nan]), "b": (np.int64(2), "x", None)}
    assert records.rounded(value, digits=3) == {
        "a": [0.333, None],
        "b": [2, "x", None],
    }


def test_environment_and_regularizer_settings():
    found = settings.environment()
    assert found["keras"] == keras.__version__
    assert {"backend", keras.config.backend(), "numpy"} <= set(found)
    config = settings.regularizer_settings(
        mmreg.regularizers.FisherInformation(strength=0.3, bound="paper")
    )
    assert config["name"] == "FisherInformation"
    assert config["strength"] == 0.3 and config["bound"] == "paper"
    assert {"reduction", "stddev", "perturbation", "momentum"} <= set(config)


def test_tables():
    assert tables.percent([0.5, 0.25, np.nan]) == "37.50 ± 17.68"
    assert tables.mean_and_deviation([None]) == "none"
    assert tables.percent([0.5], digits=1) == "50.0"
    assert tables.header("a", "b") == "| a | b |\n| --- | ---: |"


def test_paired_difference():
    pairs = [(fold, seed) for fold in range(6) for seed in range(5)]
    ours = {pair: 0.5 + 0.01 * pair[1] for pair in pairs}
    theirs = dict.fromkeys([*pairs, (9, 9)], 0.5)
    mean, low, high = tables.paired_difference(ours, theirs)
    np.testing.assert_allclose(mean, 0.02)
    # The deviation of 0, 1, 2, 3, 4 points over the root of 30 is 0.26.
    np.testing.assert_allclose([low, high], [0.015, 0.025], atol=0.0011)
    assert tables.points((mean, low, high)).startswith("+2.0 [+1.")
    assert tables.paired_difference({}, theirs) is None
    assert tables.points(None) == "none"


def test_callbacks():
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3), "float32"), np.array([0, 1, 1, 1])
    stopwatch = callbacks.Stopwatch()
    history = model.fit(
        x,
        np.ones((4, 2)),
        epochs=2,
        callbacks=[stopwatch, callbacks.Accuracies({"test": (x, y)})],
        verbose=0,
    ).history
    assert len(stopwatch.seconds) == 2
    assert stopwatch.seconds_per_epoch == stopwatch.seconds[1]
    predicted = np.argmax(model.predict(x, verbose=0), axis=-1)
    assert history["test"][-1] == np.mean(predicted == y)


def test_figures(tmp_path):
    figure, ax = plt.subplots()
    figures.draw_means(ax, {0.0: [0.5, 0.7], 1.0: [0.2], 2.0: []}, "audio")
    assert ax.lines[0].get_ydata() == pytest.approx([60.0, 20.0])
    figures.save({"worth": figure}, tmp_path / "figures")
    assert (tmp_path / "figures" / "worth.png").exists()
    assert not plt.get_fignums()


def test_command():
    args = command.parser("A study.", "runs.jsonl").parse_args(["--smoke"])
    assert args.smoke and str(args.results) == "runs.jsonl"
