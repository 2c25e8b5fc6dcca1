"""What the benchmarks share: their common options and their results files.

A results file is a list of rows, one for each measurement.
"""

import argparse
import json
import os
import pathlib
from collections.abc import Callable

Rows = list[dict]


def parser(description: str) -> argparse.ArgumentParser:
    """The options of every benchmark."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--backend", choices=["jax", "tensorflow", "torch"])
    action.add_argument(
        "--table",
        type=pathlib.Path,
        nargs="+",
        metavar="RESULTS",
        help="print results as Markdown and measure nothing",
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--results", type=pathlib.Path, help="a JSON file")
    return parser


def run(
    args: argparse.Namespace,
    benchmark: Callable[[argparse.Namespace], Rows],
    markdown: Callable[[Rows], str],
) -> None:
    """Measures, or reads what was measured; then prints the tables."""
    if args.table:
        rows = [row for path in args.table for row in _read(path)]
    else:
        os.environ["KERAS_BACKEND"] = args.backend  # Keras reads it once.
        rows = benchmark(args)
    print(markdown(rows))


def _read(path: pathlib.Path) -> Rows:
    return json.loads(path.read_text())


def write(path: pathlib.Path | None, rows: Rows) -> None:
    """Saves the rows so far, if there is a path to save them to."""
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows, indent=1))


def by_machine(rows: Rows) -> dict[str, Rows]:
    """The rows of each backend and device."""
    groups: dict[str, Rows] = {}
    for row in rows:
        where = f"{row['backend']} on {row['device']} ({row['versions']})"
        groups.setdefault(where, []).append(row)
    return groups
