"""Imports run one way: from high ranks to lower ones."""

import ast
import pathlib
import subprocess
import sys

import pytest

import keras_mmreg

PACKAGE = pathlib.Path(keras_mmreg.__file__).parent
RANKS = {
    "version": 0,
    "types": 0,
    "checks": 0,
    "backend": 1,
    "ops": 2,
    "schedules": 2,
    "regularizers": 3,
    "layers": 3,
    "losses": 3,
    "metrics": 3,
    "models": 4,
    "visualization": 5,
    "report": 6,
    "callbacks": 7,
    "hypermodels": 8,
    "datasets": 0,
}
FRAMEWORKS = {"tensorflow", "jax", "torch"}
FILES = sorted(PACKAGE.glob("*/**/*.py"))


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def folder_of(module):
    return module.split(".")[1]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_imports_lower_ranks_or_its_own_folder(path):
    own = path.relative_to(PACKAGE).parts[0]
    for module in imported_modules(path):
        if module.startswith("keras_mmreg."):
            other = folder_of(module)
            assert other == own or RANKS[other] < RANKS[own], (
                f"{path.name} in {own}/ imports {module}"
            )


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_only_the_backend_folder_imports_frameworks(path):
    own = path.relative_to(PACKAGE).parts[0]
    roots = {module.split(".")[0] for module in imported_modules(path)}
    if own not in ("backend", "datasets"):
        assert not roots & FRAMEWORKS


def test_importing_the_package_needs_keras_alone():
    optional = [
        "tensorflow_datasets",
        "keras_tuner",
        "matplotlib",
        "sklearn",
    ]
    code = (
        "import sys, keras; before = set(sys.modules); import keras_mmreg; "
        f"print(sorted((set(sys.modules) - before) & set({optional})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_an_unknown_backend_is_refused():
    code = (
        "import keras; keras.config.backend = lambda: 'abacus'; "
        "import keras_mmreg"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert "ValueError: keras_mmreg runs on the Keras backends" in done.stderr
