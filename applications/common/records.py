"""JSON lines: one record a line, written at once. No Keras needed."""

import json
import math
import os
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

Path = str | pathlib.Path


def read_records(*paths: Path) -> list[dict]:
    """The records of all files, in their order."""
    return [
        json.loads(line)
        for path in paths
        for line in pathlib.Path(path).read_text("utf-8").splitlines()
    ]


def write_records(path: Path, records: Iterable[dict]) -> None:
    """Replaces the file at once: it is never half written."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".partial")
    lines = (json.dumps(record, allow_nan=False) + "\n" for record in records)
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def rounded(value: Any, digits: int = 8) -> Any:
    """The value in JSON's own types, floats to some significant digits.

    What is not finite becomes `None`: JSON has no word for it.
    """
    if isinstance(value, dict):
        return {name: rounded(each, digits) for name, each in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [rounded(each, digits) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    return value
