import argparse
import pathlib

import numpy as np
import pytest

from applications.common import runs
from applications.dogs_cats import study
from applications.dogs_cats import tables
from applications.dogs_cats import training

FOLDER = pathlib.Path(study.__file__).parent


def test_smoke(capsys):
    study.main(["--smoke"])
    printed = capsys.readouterr().out
    assert "Trained on TB1 (bright dogs, dark cats), tested on TB2:" in printed
    assert "| TB1 | noise (Eq. 6) | 1 |" in printed


def test_the_published_tables():
    readme = (FOLDER / "README.md").read_text()
    found = tables.markdown(study.read_parts(FOLDER / "results"))
    assert not set(found.splitlines()) - set(readme.splitlines())


def test_colors_are_exchanged():
    image = np.random.default_rng(0).uniform(0.4, 0.6, (5, 4, 4, 3))
    image = image.astype("float32")
    exchanged = training.exchange_colors(image)
    means = [each.mean(axis=(1, 2)) for each in (image, exchanged)]
    order = np.random.default_rng(0).permutation(5)
    np.testing.assert_allclose(means[1], means[0][order], atol=1e-6)
    np.testing.assert_allclose(
        exchanged - means[1][:, None, None],
        image - means[0][:, None, None],
        atol=1e-6,
    )


def test_a_search_looks_at_the_biased_set_alone():
    sets = study.made_up()
    settings = training.Settings(num_examples=6, select=True, seed=3)
    examples, looked_at = training.examples_of(settings, sets)
    assert len(examples.y) == 6 and set(looked_at) == {"own", "exchanged"}
    # The first tenth is held out.
    assert len(looked_at["own"][1]) == 2
    assert examples.groups.min() >= 2


def test_the_strongest_value_within_two_points_is_chosen():
    accuracies = {1e-5: 0.87, 1e-3: 0.865, 1e-1: 0.5}
    searched = [
        {"train_on": "tb1", "method": method, "strength": strength}
        | {"own_accuracy": accuracy}
        for method, strength, accuracy in [
            ("plain", None, 0.88),
            *(("fisher", each, accuracies[each]) for each in accuracies),
        ]
    ]
    assert study.chosen("fisher", "tb1", searched) == 1e-3
    assert study.chosen("amsgrad", "tb1", searched) is None
    with pytest.raises(SystemExit, match="run `--search`"):
        study.chosen("fisher", "tb2", searched)


def test_a_finished_trial_is_not_run_again(monkeypatch):
    trained = []

    def train(settings, sets, verbose):
        trained.append(settings)
        return {"own_accuracy": 0.5}, {}

    monkeypatch.setattr(study, "train", train)
    args = study.parse_arguments(
        ["--method", "plain", "fisher", "amsgrad", "--train-on", "tb2"]
    )
    assert isinstance(args, argparse.Namespace)
    store = runs.RunStore()
    for _ in range(2):
        study.search_all(args, store, {})
    values = {(each.method, each.strength) for each in trained}
    assert len(trained) == 4 and values == {
        ("plain", None),
        *(("fisher", each) for each in training.STRENGTHS["fisher"]),
    }
    assert all(each.select and each.train_on == "tb2" for each in trained)
