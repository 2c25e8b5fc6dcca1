"""What can be imported without the extras, and what is said of the rest."""

import importlib
import os
import subprocess
import sys

import keras
import pytest

import keras_mmreg
from keras_mmreg.checks import check_installed

EXTRAS = ("keras_tuner", "matplotlib", "sklearn", "tensorflow_datasets")


def run_without(packages, code, **environment):
    """Runs code in a process in which some packages cannot be imported."""
    hide = f"import sys; sys.modules.update(dict.fromkeys({list(packages)}));"
    return subprocess.run(
        [sys.executable, "-c", hide + code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def forget(package, monkeypatch):
    """Makes the next import of a package start from its files."""
    for name in list(sys.modules):
        if name == package or name.startswith(f"{package}."):
            monkeypatch.delitem(sys.modules, name)


def test_an_unknown_backend_is_refused(monkeypatch):
    forget("keras_mmreg", monkeypatch)
    monkeypatch.setattr(keras.config, "backend", lambda: "abacus")
    with pytest.raises(
        ValueError, match="keras_mmreg runs on the Keras backends"
    ):
        importlib.import_module("keras_mmreg")


def test_help_and_members_need_no_extra():
    done = run_without(
        EXTRAS,
        "import inspect, pydoc, keras_mmreg\n"
        "print(pydoc.render_doc(keras_mmreg)[:60])\n"
        "print(sorted(dict(inspect.getmembers(keras_mmreg))))",
    )
    assert not done.returncode, done.stderr
    assert "package keras_mmreg" in done.stdout
    assert "'datasets'" in done.stdout
    assert "'visualization'" not in done.stdout


def test_names_imported_on_demand_are_listed():
    pytest.importorskip("keras_tuner")
    pytest.importorskip("matplotlib")
    names = {"datasets", "hypermodels", "visualization"}
    assert names < set(dir(keras_mmreg))


@pytest.mark.parametrize(
    "name, module, extra",
    [
        ("hypermodels", "keras_tuner", "tuner"),
        ("visualization", "matplotlib", "visualization"),
    ],
)
def test_a_missing_extra_is_named(name, module, extra, monkeypatch):
    forget(f"keras_mmreg.{name}", monkeypatch)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError) as error:
        importlib.import_module(f"keras_mmreg.{name}")
    assert str(error.value) == (
        f"`keras_mmreg.{name}` needs `{module}`. Install it with "
        f'`pip install "keras-mmreg[{extra}]"`.'
    )


def test_an_error_inside_an_installed_package_is_passed_on(
    tmp_path, monkeypatch
):
    (tmp_path / "keras_tuner.py").write_text("import six_that_is_missing")
    monkeypatch.syspath_prepend(str(tmp_path))
    forget("keras_tuner", monkeypatch)
    forget("keras_mmreg.hypermodels", monkeypatch)
    with pytest.raises(ModuleNotFoundError, match="six_that_is_missing"):
        importlib.import_module("keras_mmreg.hypermodels")


def test_a_missing_backend_is_named_with_the_remedy():
    backend = keras.config.backend()
    done = run_without([backend], "import keras_mmreg", KERAS_BACKEND=backend)
    assert f"ImportError: Keras runs on {backend} here" in done.stderr
    assert "KERAS_BACKEND" in done.stderr.splitlines()[-1]


def test_check_installed():
    check_installed("numpy", "everything", extra="none")
    with pytest.raises(ImportError, match=r"`a` needs `no_such_module`.*\[b\]"):
        check_installed("no_such_module", "a", extra="b")
