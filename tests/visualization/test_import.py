import importlib
import pathlib
import sys

import pytest

import keras_mmreg


def test_names():
    for name in keras_mmreg.visualization.__all__:
        assert callable(getattr(keras_mmreg.visualization, name))


def test_missing_matplotlib(monkeypatch):
    for name in list(sys.modules):
        if name.split(".")[0] == "matplotlib":
            monkeypatch.setitem(sys.modules, name, None)
        elif name.startswith("keras_mmreg.visualization"):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"keras-mmreg\[visualization\]"):
        importlib.import_module("keras_mmreg.visualization")


def test_only_figures_need_matplotlib():
    package = pathlib.Path(keras_mmreg.__file__).parent
    users = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if "import matplotlib" in path.read_text(encoding="utf-8")
        or "from matplotlib" in path.read_text(encoding="utf-8")
    }
    # The report's figure is imported when it is drawn.
    assert users == {"visualization", "report"}
