"""The studies of CREMA-D, RML and Digits, on made-up data."""

import dataclasses
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from applications.common.complementary import figures
from applications.common.complementary import made_up
from applications.common.complementary import tables
from applications.common.complementary.training import JOINT_METHODS
from applications.common.complementary.training import Settings
from applications.common.complementary.training import build
from applications.crema_d import study as crema_d
from applications.digits import study as digits
from applications.rml import study as rml


def test_smoke(capsys):
    """With Table 5's probes, and with Table 6's transfer."""
    crema_d.main(["--smoke"])
    printed = capsys.readouterr().out
    assert "From scratch:" in printed
    assert "| Ours | image | race |" in printed
    rml.main(["--smoke"])
    assert "After the other data set:" in capsys.readouterr().out


class Data(NamedTuple):
    """What the loaders return."""

    train: SimpleNamespace
    validation: SimpleNamespace
    test: SimpleNamespace


def data(shapes):
    """Splits of two examples."""
    part = SimpleNamespace(
        x={
            name: np.zeros((2, *shape), "float32")
            for name, shape in shapes.items()
        },
        y=np.array([0, 1], "int32"),
        actor=np.array([1001, 1002]),
        race=np.array([0, 1]),
        sex=np.array([0, 1]),
    )
    return Data(part, part, part)


@pytest.mark.parametrize(
    ("task", "shapes"),
    [
        (crema_d.task, {"image": (128, 128, 3), "audio": (256, 256, 1)}),
        (digits.task, {"mnist": (28, 28, 1), "svhn": (32, 32, 3)}),
    ],
)
def test_the_nets_fit_their_data(task, shapes):
    own = task(data(shapes))
    model = build(Settings("cm_vqvae", 0, 1e-3, 1, 2, 8), own)
    for name, decoder in model.decoders.items():
        assert decoder.output_shape[1:] == own.splits.train.x[name].shape[1:]


@pytest.mark.parametrize("method", ["first", *JOINT_METHODS])
def test_rows(method):
    task = made_up.task(("first", "second"))
    model = build(Settings(method, 0, 1e-3, 1, 2, 8), task)
    names = ["first"] if method == "first" else ["first", "second"]
    assert list(model.modalities) == names


def test_no_source():
    settings = Settings("cm_vqvae", 0, 1e-3, 1, 2, 8, transfer=True)
    task = made_up.task(("first", "second"))
    with pytest.raises(SystemExit, match="no other data set"):
        crema_d.study.train(settings, task)
    assert dataclasses.replace(task, source=task).source is task


def test_tables_and_figures(tmp_path):
    runs = [
        {
            "method": "cm_vqvae",
            "seed": 0,
            "strength": strength,
            "select": True,
            "validation_accuracy": strength,
            "complementary": {"image": 10.0, "audio": 20.0},
            "zeta": 0.5,
            "transfer": False,
            "history": {"zeta": [1.0, 0.5]},
        }
        for strength in (0.1, 0.01)
    ]
    printed = tables.markdown(runs, ("image", "audio"))
    assert "| 0.01 | 1.0 | 30.0 |\n| 0.1 | 10.0 | 30.0 |" in printed
    figures.save(runs, ("image", "audio"), tmp_path)
    assert (tmp_path / "strength.png").exists()


@pytest.mark.parametrize("study", [crema_d, rml])
def test_where_the_data_are(study):
    with pytest.raises(SystemExit, match="as `--path`"):
        study.main([])
