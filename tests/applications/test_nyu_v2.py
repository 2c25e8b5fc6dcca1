import pathlib

import numpy as np
import pytest

from applications.common import runs
from applications.nyu_v2 import study
from applications.nyu_v2 import tables
from applications.nyu_v2 import training

FOLDER = pathlib.Path(study.__file__).parent


def test_smoke(capsys):
    study.main(["--smoke"])
    assert "| Ours | " in capsys.readouterr().out


def test_the_published_tables():
    readme = (FOLDER / "README.md").read_text()
    found = tables.markdown(study.read_parts(FOLDER / "results"))
    assert not set(found.splitlines()) - set(readme.splitlines())


def test_mean_iou_leaves_out_what_has_no_class():
    labels = np.array([0, 0, 1, 1, training.NUM_CLASSES])
    taken = np.array([0, 1, 1, 2, 0])
    confusion = training.count(labels, taken)
    assert confusion.sum() == 4
    # Class 0: 1 of 2; class 1: 1 of 3; class 2 does not occur.
    assert training.mean_iou(confusion) == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_search_holds_out_the_last_fifth(monkeypatch):
    seen = []

    class Model:
        modalities = ("rgb",)

        def predict(self, x, **kwargs):
            return np.zeros((len(x["rgb"]), 60, 80, training.NUM_CLASSES))

    class Own:
        model = Model()

    def fit(settings, scenes):
        seen.append(len(scenes.y))
        return Own(), {"complementary_rgb": [100.0], "zeta": [0.0]}

    monkeypatch.setattr(training, "fit", fit)
    data = study.made_up()
    for select in (True, False):
        settings = training.Settings(method="rgb", select=select)
        results, _ = training.train(settings, data)
        assert 0.0 <= results["miou"] <= 1.0
    assert seen == [8, 10]


def test_the_best_held_out_strength_is_chosen(monkeypatch):
    def train(settings, data):
        return {"miou": 0.1 - abs(settings.strength - 0.01)}, {}

    monkeypatch.setattr(study, "train", train)
    shared, store = training.Settings(epochs=1), runs.RunStore()
    with pytest.raises(SystemExit, match="run `--search` first"):
        study.chosen(shared, store)
    study.search_strength(shared, store, None)
    assert study.chosen(shared, store) == 0.01
    with pytest.raises(SystemExit, match="run `--search` first"):
        study.chosen(training.Settings(epochs=2), store)
