import importlib
import json
import pathlib
import sys

import numpy as np
import pytest

from tests.datasets.av_digits import toys

FOLDER = pathlib.Path(__file__).parents[2] / "applications" / "av_digits"


SHORT = (
    "--train-pairs 120 --held-out-pairs 10 --epochs 1 --steps-per-epoch 2 "
    "--batch-size 20 --num-embeddings 8"
).split()
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


@pytest.fixture(scope="module")
def scripts():
    """The scripts, imported from their folder by name."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(FOLDER))
        yield importlib.import_module
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


def run(module, *arguments):
    with pytest.MonkeyPatch.context() as monkeypatch:
        argv = [module.__name__, *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", argv)
        module.main()


@pytest.fixture(scope="module")
def train(scripts, tmp_path_factory):
    """Trains, and returns the objects of the results file."""
    folder = tmp_path_factory.mktemp("av_digits")
    mnist = toys.save_mnist(folder / "mnist.npz")
    fsdd = toys.save_fsdd_arrays(folder / "fsdd.npz")
    results = folder / "results" / "runs.json"

    def call(*arguments):
        paths = ["--mnist", mnist, "--fsdd", fsdd, "--results", results]
        run(scripts("train"), *SHORT, *paths, *arguments)
        return json.loads(results.read_text())

    return call


KINDS = ("image", "audio", "concat", "cm_vqvae_unregularized", "cm_vqvae")
"""One method for each kind of model; the package's tests have them all."""


@pytest.fixture(scope="module")
def results(train):
    return train("--method", *KINDS, "--folds", 3, "--probe")


def test_every_kind_of_method(results):
    assert tuple(result["method"] for result in results) == KINDS
    for result in results:
        assert FIELDS <= set(result)
        assert 0.0 <= result["accuracy"] <= 1.0
        names = {result["method"]} & {"image", "audio"} or {"image", "audio"}
        assert set(result["complementary"]) == names
        coded = result["method"] not in ("concat", "config_i", "config_iii")
        assert set(result["perplexity"]) == (names if coded else set())


def test_probe(results):
    probed = [result for result in results if "separability" in result]
    assert {"cm_vqvae", "cm_vqvae_unregularized"} <= {
        result["method"] for result in probed
    }
    for result in probed:
        for attribute in ("speaker", "digit"):
            for parts in result["separability"][attribute].values():
                assert set(parts) == {
                    "complementary",
                    "contradictory",
                    "chance",
                }


@pytest.fixture
def study_folder(results, tmp_path):
    """The files of a study with one run of each kind."""
    masked = [run for run in results if run["method"].startswith("cm_vqvae")]
    single = [run | {"num_groups": 1} for run in masked]
    files = {
        "select/healthy-0.01": results[-1:],
        "worth/grouped-0.5": results,
        "worth/single-0.5": single,
        "accuracy/healthy-3": results,
        "accuracy/useless_image-3": results,
        "accuracy/audio_shortcut-3": results,
        "single/single-3": single,
        "transfer/scratch-3": masked,
        "transfer/transfer-3": masked,
    }
    for name, runs in files.items():
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(runs))
    return tmp_path


def test_tables(scripts, study_folder, capsys):
    run(scripts("table"), study_folder)
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert sum(line.startswith("| CM-VQVAE |") for line in rows) == 5
    same = "| transfer: with - without the term | "
    assert any(line.startswith(same) for line in rows)
    assert "one training speaker, 1 pairs:" in lines


def test_paired_difference(scripts):
    table = scripts("table")
    pairs = [(fold, seed) for fold in range(6) for seed in range(5)]
    ours = {pair: {"accuracy": 0.5 + 0.01 * pair[1]} for pair in pairs}
    theirs = {pair: {"accuracy": 0.5} for pair in pairs}
    difference = table.paired_difference(ours, theirs, "accuracy")
    mean, low, high = (
        float(number.strip("[],")) for number in difference.split()
    )
    assert mean == 2.0
    # The deviation of 0, 1, 2, 3, 4 points over the root of 30 is 0.26.
    np.testing.assert_allclose([low, high], [1.5, 2.5], atol=0.11)


def test_figures(scripts, study_folder):
    run(scripts("figures"), study_folder, "--output", study_folder / "figures")
    names = {path.name for path in (study_folder / "figures").iterdir()}
    assert names == {"worth.png", "accuracy.png", "shares.png"}


def test_a_run_starts_anew(scripts, monkeypatch):
    train = scripts("train")
    monkeypatch.setattr(sys, "argv", ["train.py", *SHORT])
    args = train.parse_arguments()
    trainer = train.Trainer(args, "config_iii")
    fresh = train.build_model(args, "config_iii")
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
    (result,) = train("--method", "config_iii", "--select")
    assert "accuracy" not in result
    assert 0.0 <= result["validation_accuracy_last"] <= 1.0


def test_transfer(train):
    (result,) = train(
        *("--method", "config_iii", "--train-speakers", 2),
        *("--pretrain-speakers", 2, "--pretrain-pairs", 40),
    )
    assert result["pretrain_speakers"] == 2


def test_study_runs_what_is_missing(scripts, monkeypatch, tmp_path):
    study = scripts("study")
    commands = []

    def fake_run(command, check):
        commands.append(" ".join(map(str, command)))
        path = pathlib.Path(command[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        strength = float(command[command.index("--strength") + 1])
        accuracy = 0.5 - abs(strength - 0.01)
        one = {"strength": strength, "validation_accuracy_last": accuracy}
        path.write_text(json.dumps([one]))

    monkeypatch.setattr(study.subprocess, "run", fake_run)
    options = ["--mnist", "a.npz", "--fsdd", "b.npz", "--output", tmp_path]
    with pytest.raises(SystemExit, match="No strengths yet"):
        run(study, *options, "--parts", "accuracy")
    run(study, *options)
    names = {str(path.relative_to(tmp_path)) for path in study_files(tmp_path)}
    assert len(names) == len(commands)
    assert {"select/healthy-0.01.json", "accuracy/healthy-5.json"} <= names
    assert not list(tmp_path.rglob("*.partial"))
    later = [command for command in commands if "--select" not in command]
    assert all("--strength 0.01" in command for command in later)

    commands.clear()
    run(study, *options)
    assert not commands


def study_files(folder):
    return sorted(folder.rglob("*.json"))
