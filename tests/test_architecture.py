"""Imports run one way: from high ranks to lower ones."""

import ast
import pathlib
import subprocess
import sys

import keras
import pytest

import keras_mmreg

PACKAGE = pathlib.Path(keras_mmreg.__file__).parent
RANKS = {
    "version": 0,
    "types": 0,
    "checks": 0,
    "configs": 0,
    "backend": 1,
    "ops": 2,
    "network": 3,
    "information": 4,
    "schedules": 5,
    "metrics": 5,
    "layers": 6,
    "interventions": 6,
    "regularizers": 7,
    "models": 8,
    "visualization": 9,
    "report": 10,
    "callbacks": 11,
    "hypermodels": 12,
    "datasets": 0,
}
LONGEST_FILE = 367
TOP_LEVEL = {
    "LICENSE",
    "README.md",
    "applications",
    "keras_mmreg",
    "pyproject.toml",
    "tests",
    "tutorials",
}
NAMED_TUPLE = {"_asdict", "_fields", "_replace"}
"""Public, whatever their names look like."""
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


def test_training_imports_keras_and_the_backend_alone():
    """To serialize, Keras would import TensorFlow: longer than a first step."""
    optional = {
        "keras_tuner",
        "matplotlib",
        "sklearn",
        "tensorflow_datasets",
    }
    code = (
        "import sys; import keras; before = set(sys.modules)\n"
        "from tests import toys; import keras_mmreg as mmreg\n"
        "inner = toys.two_modalities(); x, y = toys.data(inner)\n"
        "model = mmreg.models.RegularizedModel(inner, ['fisher', 'dropout'])\n"
        "model.compile('sgd', toys.LOGITS_LOSS, metrics=['accuracy'])\n"
        "model.fit(x, y, validation_data=(x, y), verbose=0); repr(model)\n"
        "mmreg.modality_information(model, x)\n"
        "mmreg.modality_report(model, (x, y), verbose=0)\n"
        f"print(sorted((set(sys.modules) - before) & {optional}))\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    loaded, has_tensorflow = done.stdout.splitlines()
    assert loaded == "[]", done.stderr
    is_backend = keras.config.backend() == "tensorflow"
    assert has_tensorflow == str(is_backend), done.stderr


def private_attributes(path):
    """Underscore attributes of anything but the object's own class."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            own = getattr(node.value, "id", "") in ("self", "cls")
            special = node.attr.startswith("__")
            if not (own or special or node.attr in NAMED_TUPLE):
                yield ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_only_one_file_touches_what_keras_does_not_make_public(path):
    if path.name != "keras_internals.py":
        assert "keras.src" not in path.read_text()
        assert not [*private_attributes(path)]


@pytest.mark.parametrize("folder", ["keras_mmreg", "applications"])
def test_files_are_short(folder):
    for path in (PACKAGE.parent / folder).rglob("*.py"):
        length = len(path.read_text().splitlines())
        assert length <= LONGEST_FILE, f"{path} has {length} lines"


def test_the_top_level_holds_nothing_else():
    done = subprocess.run(
        ["git", "ls-files"], cwd=PACKAGE.parent, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip("This is no git checkout.")
    names = {line.split("/")[0] for line in done.stdout.splitlines()}
    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL
