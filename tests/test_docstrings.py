"""The examples in the docstrings run, and say what they print."""

import doctest
import importlib
import pathlib
import pkgutil

import pytest

import keras_mmreg

MODULES = [
    module.name
    for module in pkgutil.walk_packages(
        keras_mmreg.__path__, f"{keras_mmreg.__name__}."
    )
    if not module.name.startswith("keras_mmreg.backend.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = pathlib.Path(importlib.util.find_spec(name).origin).read_text()
    if ">>>" not in source:
        return
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert results.attempted and not results.failed
