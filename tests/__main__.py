"""Runs the tests once for every installed backend: `python -m tests`.

Keras fixes its backend when it is imported, so each backend has a process of
its own. Arguments go to pytest.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

REPORT = "report.xml"


def run(backend: str, folder: pathlib.Path) -> int:
    """Pytest's exit code; the report and what XLA compiles go to a folder."""
    report = folder / REPORT
    command = [sys.executable, "-m", "pytest", "-n", "2"]
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # Many tests compile the same programs.
        "JAX_COMPILATION_CACHE_DIR": str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    return subprocess.run(
        [*command, f"--junitxml={report}", *sys.argv[1:]], env=environment
    ).returncode


def count(report: pathlib.Path) -> dict[str, int]:
    """How many tests passed, failed and were skipped."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    total = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in suites:
        for name in total:
            total[name] += int(suite.get(name, 0))
    failed = total["failures"] + total["errors"]
    passed = total["tests"] - failed - total["skipped"]
    return {"passed": passed, "failed": failed, "skipped": total["skipped"]}


def main() -> int:
    backends = [
        name
        for name in ("jax", "tensorflow", "torch")
        if importlib.util.find_spec(name)
    ]
    if not backends:
        print("No backend is installed: pip install keras-mmreg[jax]")
        return 1
    failed = []
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for backend in backends:
        print(f"\n=== KERAS_BACKEND={backend} ===", flush=True)
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            if run(backend, folder):
                failed.append(backend)
            if (folder / REPORT).exists():
                for name, number in count(folder / REPORT).items():
                    total[name] += number
    print("\nFailed on: " + ", ".join(failed) if failed else "\nAll passed.")
    print(", ".join(f"{number} {name}" for name, number in total.items()))
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
