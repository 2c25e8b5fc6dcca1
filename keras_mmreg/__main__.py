"""The command `python -m keras_mmreg`, which reports on a saved model.

```bash
python -m keras_mmreg report model.keras data.npz --html report.html
```
"""

import argparse
import importlib
import pathlib
import re
import sys
import zipfile
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_mmreg.report import modality_report
from keras_mmreg.report.interventions import FILLS
from keras_mmreg.report.settings import INCLUDE

_DESCRIPTION = """\
Reports which modalities a saved Keras model uses.

MODEL is what `model.save("model.keras")` wrote. DATA is what
`numpy.savez("data.npz", y=labels, color=..., shape=...)` wrote: held-out
inputs by their names (nested ones by their path, `text/ids`; the only input of
a model may be called `x`), labels as `y` (of several outputs as `y/NAME`), and
optionally `sample_weight` and `groups`, the subject or speaker of each example.
KERAS_BACKEND chooses the backend.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = _create_parser()
    options = parser.parse_args(arguments)
    models = [pathlib.Path(path) for _, path in options.unimodal]
    for path in (options.model, options.data, *models):
        if not path.exists():
            parser.error(f"no such file: {path}")
    try:
        options.taps = _taps(options.taps)
    except argparse.ArgumentTypeError as error:
        parser.error(f"argument --taps: {error}")
    for path in filter(None, (options.html, options.json)):
        if path.is_dir() or not path.parent.is_dir():
            parser.error(f"no file can be written there: {path}")
    try:
        report = _report(options)
        print(report.summary())
        if options.html:
            report.to_html(options.html)
        if options.json:
            report.to_json(options.json)
    except (OSError, ValueError) as error:
        parser.exit(1, f"error: {error}\n")
    return 0


def _create_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m keras_mmreg")
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser(
        "report",
        help="report which modalities a saved model uses",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument("model", type=pathlib.Path, metavar="MODEL")
    report.add_argument("data", type=pathlib.Path, metavar="DATA")
    report.add_argument("--html", type=pathlib.Path, help="page to write")
    report.add_argument("--json", type=pathlib.Path, help="JSON to write")
    report.add_argument("--metric", help="name of a Keras metric")
    report.add_argument(
        "--mode",
        default="auto",
        choices=["auto", "max", "min"],
        help="whether a high or a low score is good",
    )
    report.add_argument(
        "--output",
        type=_place,
        metavar="NAME",
        help="which output, by its name or its place, if there are several",
    )
    report.add_argument(
        "--include",
        nargs="*",
        default=[],
        choices=[*INCLUDE, "all"],
        help="what else to measure",
    )
    report.add_argument(
        "--missing",
        nargs="+",
        default=["zero"],
        choices=FILLS,
        help="what stands in for a missing modality",
    )
    report.add_argument(
        "--taps",
        nargs="+",
        default=[],
        metavar="MODALITY=LAYER",
        help="where information and linear probes take a modality; `auto` "
        "for the last tensor of each",
    )
    report.add_argument(
        "--unimodal",
        nargs="+",
        default=[],
        type=_pair,
        metavar="MODALITY=MODEL",
        help="saved models of one modality only, to compare with",
    )
    report.add_argument(
        "--import",
        nargs="+",
        default=[],
        metavar="MODULE",
        dest="modules",
        help="modules of yours that register the layers, losses and metrics of "
        "the model (`keras.saving.register_keras_serializable`)",
    )
    report.add_argument("--batch-size", type=int)
    report.add_argument("--seed", type=int, default=0)
    report.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def _pair(text: str) -> tuple[str, str]:
    """Parses `"text=embedding"` as `("text", "embedding")`."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"not of the form NAME=VALUE: {text}")
    return name, value


def _taps(texts: Sequence[str]) -> str | dict[str, str]:
    """Returns `["auto"]` as `"auto"`, and pairs as a dict."""
    return "auto" if texts == ["auto"] else dict(map(_pair, texts))


def _place(text: str) -> str | int:
    """Returns the name of an output, or its index among the outputs."""
    return int(text) if text.isdecimal() else text


def _report(options: argparse.Namespace) -> Any:
    for module in options.modules:
        _import(module)
    model = _load_model(options.model)
    arrays = _load_arrays(options.data)
    y = _pop_labels(arrays)
    weight = arrays.pop("sample_weight", None)
    groups = arrays.pop("groups", None)
    x = _arrange(model, arrays)
    return modality_report(
        model,
        (x, y) if weight is None else (x, y, weight),
        metric=options.metric,
        mode=options.mode,
        include="all" if "all" in options.include else options.include,
        missing=options.missing,
        groups=groups,
        taps=options.taps,
        output=options.output,
        unimodal={name: _load_model(path) for name, path in options.unimodal},
        batch_size=options.batch_size,
        seed=options.seed,
        verbose=0 if options.quiet else 1,
    )


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise  # The module exists but imports one that is missing.
        raise ValueError(f"--import: no module {module!r}") from error


def _load_model(path: str | pathlib.Path) -> keras.Model:
    try:
        return keras.saving.load_model(path)
    except (OSError, TypeError, ValueError) as error:
        reason = str(error)
        # Keras's message quotes the whole model around this sentence.
        unknown = re.search(r"Could not locate (\w+ '.*?')", reason)
        if unknown:
            reason = (
                f"it has the {unknown[1]}, which Keras does not know. Name the "
                "module that registers it by `--import`"
            )
        raise ValueError(
            f"{path} cannot be loaded as a Keras model: {reason}"
        ) from error


def _load_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    if not zipfile.is_zipfile(path):
        raise ValueError(
            "`data` must be what `numpy.savez` wrote, with arrays by name. "
            f"Received: {path}, which is no `.npz` archive"
        )
    try:
        with np.load(path) as file:
            return dict(file)
    except (EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            "`data` must be what `numpy.savez` wrote. "
            f"Received: {path}. {error}"
        ) from error


def _pop_labels(arrays: dict[str, np.ndarray]) -> Any:
    """Removes and returns the array `y`, or a dict of arrays `y/NAME`."""
    if "y" in arrays:
        return arrays.pop("y")
    names = [name for name in arrays if name.startswith("y/")]
    if not names:
        raise ValueError(
            "`data` must have the labels as `y`, or as `y/NAME` of several "
            f"outputs. Received: arrays {sorted(arrays)}"
        )
    return {_place(name[len("y/") :]): arrays.pop(name) for name in names}


def _arrange(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> Any:
    """Arranges arrays by name in the structure of the model's inputs."""
    inputs = getattr(model, "input", None)
    if inputs is None:  # A sequential or subclassed model.
        alone = isinstance(model, keras.Sequential) or set(arrays) == {"x"}
        if alone and len(arrays) == 1:
            return next(iter(arrays.values()))
        return _nested(arrays)
    leaves = keras.tree.flatten_with_path(inputs)
    if len(leaves) == 1 and len(arrays) == 1:
        return keras.tree.pack_sequence_as(inputs, list(arrays.values()))
    names = [
        "/".join(map(str, path)) if isinstance(inputs, dict) else leaf.name
        for path, leaf in leaves
    ]
    lacking = [name for name in names if name not in arrays]
    if lacking:
        raise ValueError(
            f"`data` must have the model's inputs, {names}. Received: arrays "
            f"{sorted(arrays)}"
        )
    return keras.tree.pack_sequence_as(inputs, [arrays[name] for name in names])


def _nested(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Nests arrays: `"text/ids"` becomes the entry "ids" of a dict "text"."""
    nested: dict[str, Any] = {}
    for name, array in arrays.items():
        *folders, last = name.split("/")
        place = nested
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = array
    return nested


if __name__ == "__main__":
    sys.exit(main())
