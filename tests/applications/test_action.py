import dataclasses
import pathlib

import numpy as np
import pytest

from applications.action import study
from applications.action import tables
from applications.action import tasks
from applications.action import training
from tests.datasets.penn_action import toys as penn_toys

FOLDER = pathlib.Path(study.__file__).parent


def test_smoke(capsys):
    study.main(["--smoke"])
    printed = capsys.readouterr().out
    assert "UTD-MHAD, inertial + skeleton, three people train:" in printed
    assert "| Ours | transfer |" in printed


def test_the_published_tables():
    readme = (FOLDER / "README.md").read_text()
    found = tables.markdown(study.read_parts(FOLDER / "results"))
    assert not set(found.splitlines()) - set(readme.splitlines())


@pytest.mark.parametrize("regime, count", [("odd", 3), ("two", 2)])
def test_people_are_apart(regime, count):
    data = tasks.TASKS["inertial_skeleton"].made_up()
    for fold in range(tasks.NUM_FOLDS):
        splits = tasks.split(*data, regime, fold)
        people = [set(part.groups) for part in splits[:3]]
        assert [len(each) for each in people] == [count, 1, 4]
        assert not people[0] & people[1] and people[2] == {2, 4, 6, 8}
        np.testing.assert_allclose(
            splits.train.x["skeleton"].mean((0, 1, 2)), 0.0, atol=1e-5
        )


def test_data_are_read(tmp_path):
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(6, 16, 13, 3)).astype("float16")
    box = rng.uniform(size=(6, 16, 4)).astype("float16")
    changes = {"pose": pose, "box": box}
    np.savez(tmp_path / "penn.npz", **penn_toys.arrays() | changes)
    train, test = tasks.TASKS["box_pose"].read(tmp_path / "penn.npz")
    np.testing.assert_array_equal(train.x["box"], box[[1, 2, 4, 5]])
    assert len(train.y) == 4 and len(set(train.groups)) == 4
    assert len(test.y) == 2


def test_new_people_and_new_actions(monkeypatch):
    seen = []
    monkeypatch.setattr(
        training,
        "fit",
        lambda own, settings, train, looked_at: seen.append(train),
    )
    data = tasks.TASKS["inertial_skeleton"].made_up()
    settings = training.Settings("inertial_skeleton", start="new", fold=1)
    splits = tasks.split(*data, "odd", 1)
    target, _ = training.prepare_transfer(None, settings, splits, None)
    assert [set(part.groups) for part in target[:3]] == [{4}, {6}, {2, 8}]
    assert all(set(part.y) == {25, 26} for part in target[:3])
    assert not seen


def test_study_runs_what_is_missing(monkeypatch, tmp_path):
    trained = []

    def train(settings, data):
        trained.append(settings)
        accuracy = 0.5 - abs(settings.strength - 0.01)
        return {"validation_accuracy_last": accuracy}, {}

    monkeypatch.setattr(study, "train", train)
    task = dataclasses.replace(tasks.TASKS["box_pose"], read=lambda path: None)
    monkeypatch.setitem(study.TASKS, "box_pose", task)
    options = ["--results", str(tmp_path), "--tasks", "box_pose"]
    options += ["--penn", "penn.npz", "--parts", "accuracy"]
    with pytest.raises(SystemExit, match="run `--search` first"):
        study.main(options)
    study.main([*options, "--search"])
    assert len(trained) == 12 and all(each.select for each in trained)
    trained.clear()
    study.main(options)
    assert {each.strength for each in trained} == {0.01}
    assert len(trained) == 4 * len(training.METHODS)
    trained.clear()
    study.main(options)
    assert not trained
