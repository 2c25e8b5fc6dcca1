"""Every tutorial runs from top to bottom, for a moment, on one backend."""

import os
import pathlib
import runpy
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import pytest

matplotlib.use("Agg")

from tutorials.gallery.__main__ import FOLDER
from tutorials.gallery.__main__ import TUTORIALS

# It is for JAX, whose number of devices is fixed when it starts.
ALONE = "devices"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")


def check(name, output):
    last = output.strip().splitlines()[-1]
    assert last.endswith("."), last
    figures = [*pathlib.Path().glob(f"{name}*.png")]
    assert figures and all(path.stat().st_size > 5_000 for path in figures)


def test_all_are_in_the_gallery():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(TUTORIALS)


@pytest.mark.parametrize("name", [n for n in TUTORIALS if n != ALONE])
def test_it_runs(name, monkeypatch, capsys):
    path = str(FOLDER / f"{name}.py")
    monkeypatch.setattr(sys, "argv", [path, "--smoke"])
    runpy.run_path(path, run_name="__main__")
    check(name, capsys.readouterr().out)


def test_it_runs_on_several_devices():
    pytest.importorskip("jax")
    path = str(FOLDER / f"{ALONE}.py")
    done = subprocess.run(
        [sys.executable, path, "--smoke"],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    check(ALONE, done.stdout)
