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


def run(backend: str, report: pathlib.Path) -> int:
    """Pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist=worksteal"]
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
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
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "report.xml"
            if run(backend, report):
                failed.append(backend)
            if report.exists():
                for name, number in count(report).items():
                    total[name] += number
    print("\nFailed on: " + ", ".join(failed) if failed else "\nAll passed.")
    print(", ".join(f"{number} {name}" for name, number in total.items()))
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
