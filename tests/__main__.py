"""Runs the tests once for every installed backend: `python -m tests`.

Keras fixes its backend when it is imported, so each backend has a process of
its own. What no backend has a part in runs once: what is in `ONCE`, and tests
that are marked `once`. `--short` runs only what
depends most on Keras's version. All other arguments go to pytest.
"""

import argparse
import collections
import dataclasses
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from xml.etree import ElementTree

BACKENDS = ("jax", "tensorflow", "torch")
# What all backends together take at most on two idle cores.
MINUTES = 12
SHORT_MINUTES = 5
# Reading data, drawing, rules of the code, and what trains by the package that
# is tested on every backend: studies, searches, examples. The last backend runs
# them, because torch compiles nothing.
ONCE = (
    "tests/applications",
    "tests/datasets",
    "tests/hypermodels",
    "tests/tutorials",
    "tests/visualization",
    "tests/test_architecture.py",
    "tests/test_command.py",
    "tests/test_docstrings.py",
    "tests/test_import.py",
)
SHORT = (
    "tests/network",
    "tests/ops",
    "tests/regularizers",
    "tests/schedules",
    "tests/models/test_modality_information.py",
)


@dataclasses.dataclass
class Outcome:
    """What the tests on one backend came to."""

    exit_code: int
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: collections.Counter = dataclasses.field(
        default_factory=collections.Counter
    )
    ran: set[str] = dataclasses.field(default_factory=set)
    left_out: set[str] = dataclasses.field(default_factory=set)


def run(backend: str, arguments: list[str]) -> Outcome:
    """Runs pytest on one backend, and reads its report."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.xml")
        environment = {
            **os.environ,
            "KERAS_BACKEND": backend,
            "CUDA_VISIBLE_DEVICES": "",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            # A core for each of the two processes: threads that share it wait.
            "OMP_NUM_THREADS": "1",
            # Many tests compile the same programs.
            "JAX_COMPILATION_CACHE_DIR": folder,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        command = [sys.executable, "-m", "pytest", "-n", "2"]
        command += ["--dist", "worksteal"]
        start = time.perf_counter()
        exit_code = subprocess.run(
            [*command, f"--junitxml={report}", *arguments], env=environment
        ).returncode
        outcome = Outcome(exit_code, time.perf_counter() - start)
        if report.exists():
            count(report, outcome)
    return outcome


def count(report: pathlib.Path, outcome: Outcome) -> None:
    """Adds what a report says of each test to an outcome."""
    for test in ElementTree.parse(report).getroot().iter("testcase"):
        skipped = test.find("skipped")
        name = f"{test.get('classname')}::{test.get('name')}"
        module = test.get("classname", "")
        if skipped is None:
            # A module that is skipped as a whole is named like this.
            names = (module, module.rpartition(".")[0])  # That of a class, too.
            outcome.ran.update([name, *(f"::{each}" for each in names)])
        elif not name.endswith("::test_session"):  # A helper of TensorFlow's.
            outcome.left_out.add(name)
        if test.find("failure") is not None or test.find("error") is not None:
            outcome.failed += 1
        elif skipped is not None:
            outcome.skipped += 1
            outcome.reasons[skipped.get("message", "")] += 1
        else:
            outcome.passed += 1


def announce(backends: list[str], short: bool) -> None:
    """Prints what will run, how long it takes, and what is left out."""
    minutes = SHORT_MINUTES if short else MINUTES
    print(
        f"Testing on {', '.join(backends)}: at most {minutes} minutes on two "
        "idle cores."
    )
    for backend in BACKENDS:
        if backend not in backends:
            print(f"Left out: {backend}, which is not installed.")
    if short:
        print(f"Only, by --short: {', '.join(SHORT)}.")
    elif len(backends) > 1:
        print(f"On {backends[-1]} alone: {', '.join(ONCE)}.")
        print("On one backend each: tests that are marked `once`.")


def summarize(outcomes: dict[str, Outcome]) -> None:
    """Prints how long each backend took, why tests were skipped, and sums."""
    print()
    for backend, outcome in outcomes.items():
        minutes, seconds = divmod(round(outcome.seconds), 60)
        print(f"{backend}: {minutes} min {seconds:02d} s")
        for reason, number in outcome.reasons.most_common():
            print(f"  {number} skipped: {reason}")
    nowhere = set.union(*(each.left_out for each in outcomes.values()))
    nowhere -= set.union(*(each.ran for each in outcomes.values()))
    if nowhere:
        print(f"Skipped on every backend: {', '.join(sorted(nowhere))}")
    broken = [name for name, outcome in outcomes.items() if outcome.exit_code]
    print("Failed on: " + ", ".join(broken) if broken else "All passed.")
    print(
        ", ".join(
            f"{sum(getattr(o, name) for o in outcomes.values())} {name}"
            for name in ("passed", "failed", "skipped")
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests")
    parser.add_argument(
        "--short",
        action="store_true",
        help="run only what depends most on Keras's version",
    )
    options, arguments = parser.parse_known_args()
    if options.short:
        arguments = [*SHORT, *arguments]
    backends = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if not backends:
        print("No backend is installed: pip install keras-mmreg[jax]")
        return 1
    announce(backends, options.short)
    outcomes = {}
    for backend in backends:
        print(f"\n=== KERAS_BACKEND={backend} ===", flush=True)
        left_out = ONCE if backend != backends[-1] else ()
        share = [f"--ignore={path}" for path in left_out]
        share.append(f"--share={','.join(backends)}")
        outcomes[backend] = run(backend, share + arguments)
    summarize(outcomes)
    return sum(1 for outcome in outcomes.values() if outcome.exit_code)


if __name__ == "__main__":
    sys.exit(main())
