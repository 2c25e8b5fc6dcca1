import importlib
import json
import pathlib
import sys

import numpy as np
import pytest

from tests.datasets.av_digits import toys

FOLDER = pathlib.Path(__file__).parents[2] / "applications" / "av_digits"


@pytest.fixture
def scripts(monkeypatch):
    """The scripts, imported from their folder by name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def data(tmp_path):
    mnist = toys.save_mnist(tmp_path / "mnist.npz")
    fsdd = toys.save_fsdd_arrays(tmp_path / "fsdd.npz")
    return ["--mnist", str(mnist), "--fsdd", str(fsdd)]


SHORT = (
    "--train-pairs 40 --held-out-pairs 10 --epochs 1 --steps-per-epoch 2 "
    "--batch-size 20 --num-embeddings 8"
).split()


def run(module, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
    module.main()


@pytest.fixture
def train(scripts, monkeypatch, data, tmp_path):
    """Trains, and returns the objects of the results file."""
    results = tmp_path / "results" / "runs.json"

    def call(*arguments):
        module = scripts("train")
        arguments = [*data, *SHORT, *arguments, "--results", results]
        run(module, monkeypatch, *arguments)
        return json.loads(results.read_text())

    return call


FIELDS = {
    "method",
    "seed",
    "fold",
    "accuracy",
    "accuracy_last",
    "complementary",
    "zeta",
    "perplexity",
    "usage",
    "epochs",
    "seconds_per_epoch",
}


def test_every_method(scripts, train):
    methods = scripts("train").METHODS
    results = train("--method", *methods, "--folds", 3)
    assert [result["method"] for result in results] == list(methods)
    for result in results:
        assert FIELDS <= set(result)
        assert 0.0 <= result["accuracy"] <= 1.0
        names = {result["method"]} & {"image", "audio"} or {"image", "audio"}
        assert set(result["complementary"]) == names
        coded = result["method"] not in ("concat", "config_i", "config_iii")
        assert set(result["perplexity"]) == (names if coded else set())


def test_a_run_starts_anew(scripts, monkeypatch):
    module = scripts("train")
    monkeypatch.setattr(sys, "argv", ["train.py", *SHORT])
    args = module.parse_arguments()
    trainer = module.Trainer(args, "cm_vqvae")
    fresh = module.build_model(args, "cm_vqvae")
    images = np.ones((20, 28, 28, 1), "float32")
    audio = np.ones((20, 32, 32, 1), "float32")
    for _ in range(2):
        trainer.start_from(fresh)
        for ours, new in zip(
            trainer.model.get_weights(), fresh.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, new)
        assert int(trainer.model.optimizer.iterations) == 0
        trainer.model.fit(
            {"image": images, "audio": audio}, np.zeros(20), verbose=0
        )
        assert int(trainer.model.optimizer.iterations) == 1


def test_selection_does_not_touch_the_test_speaker(train):
    (result,) = train("--select")
    assert "accuracy" not in result
    assert 0.0 <= result["validation_accuracy_last"] <= 1.0


def test_probe_and_transfer(train):
    (result,) = train(
        "--probe",
        *("--train-speakers", 2, "--train-pairs", 120),
        *("--pretrain-speakers", 2, "--pretrain-pairs", 40),
    )
    for attribute in ("speaker", "digit"):
        parts = result["separability"][attribute]["audio"]
        assert set(parts) == {"complementary", "contradictory", "chance"}


def test_study_runs_what_is_missing(scripts, monkeypatch, tmp_path):
    study = scripts("study")
    commands = []

    def fake_run(command, check):
        commands.append(" ".join(map(str, command)))
        path = pathlib.Path(command[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        strength = float(command[command.index("--strength") + 1])
        accuracy = 0.5 + strength  # The strongest is the best.
        one = {"strength": strength, "validation_accuracy_last": accuracy}
        path.write_text(json.dumps([one]))

    monkeypatch.setattr(study.subprocess, "run", fake_run)
    options = ["--mnist", "a.npz", "--fsdd", "b.npz", "--output", tmp_path]
    with pytest.raises(SystemExit, match="No strengths yet"):
        run(study, monkeypatch, *options, "--parts", "accuracy")
    run(study, monkeypatch, *options)
    names = {str(path.relative_to(tmp_path)) for path in study_files(tmp_path)}
    assert len(names) == len(commands)
    assert {"select/healthy-0.01.json", "accuracy/healthy-5.json"} <= names
    assert not list(tmp_path.rglob("*.partial"))
    later = [command for command in commands if "--select" not in command]
    assert all("--strength 0.01" in command for command in later)

    commands.clear()
    run(study, monkeypatch, *options)
    assert not commands


def study_files(folder):
    return sorted(folder.rglob("*.json"))
