"""Runs a tutorial cell by cell, in a process and a folder of its own."""

import ast
import base64
import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import types
from typing import Any

from tutorials.gallery.script import Script
from tutorials.gallery.script import read_script

ROOT = pathlib.Path(__file__).parents[2]
RESULT = "gallery_result.json"


def run(script: Script, arguments: list[str]) -> str:
    """Fills in what each cell printed and drew.

    A process for each tutorial: Keras's backend, its seeds and the number of
    devices are fixed in it.

    Returns:
        What went wrong, empty if nothing did.
    """
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(script.path.resolve())]
            + [folder, *arguments],
            cwd=ROOT,
            env={**os.environ, "MPLBACKEND": "Agg"},
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            return done.stderr
        results = json.loads(pathlib.Path(folder, RESULT).read_text())
    script.seconds = time.perf_counter() - start
    for cell, result in zip(script.cells, results, strict=True):
        cell.output = result["output"]
        cell.figures = [base64.b64decode(png) for png in result["figures"]]
    return ""


def execute(script: Script) -> list[dict[str, Any]]:
    """Runs the cells in this process and the current folder."""
    # As if it were run by itself: what it defines is found by its module.
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    results = []
    known = pngs()
    for cell in script.cells:
        printed = io.StringIO()
        if cell.code:
            code = ast.Module(cell.code, type_ignores=[])
            with contextlib.redirect_stdout(printed):
                exec(compile(code, str(script.path), "exec"), vars(module))
        now = pngs()
        new = [name for name in now if now[name] != known.get(name)]
        known = now
        figures = [
            base64.b64encode(pathlib.Path(name).read_bytes()).decode()
            for name in sorted(new, key=lambda name: now[name])
        ]
        results.append({"output": printed.getvalue(), "figures": figures})
    return results


def pngs() -> dict[str, int]:
    """The figures in the current folder, and when they were written."""
    return {
        path.name: path.stat().st_mtime_ns
        for path in pathlib.Path().glob("*.png")
    }


def main(path: str, folder: str, *arguments: str) -> None:
    script = read_script(pathlib.Path(path))
    os.chdir(folder)
    sys.argv = [path, *arguments]
    results = execute(script)
    pathlib.Path(RESULT).write_text(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
