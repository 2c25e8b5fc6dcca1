"""What the benchmarks share: their common options and their results files.

A results file has a row for each measurement, one a line.
"""

import argparse
import os
import pathlib
from collections.abc import Callable

from applications.common import records

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
    parser.add_argument(
        "--results", type=pathlib.Path, help="a JSON lines file"
    )
    return parser


def run(
    args: argparse.Namespace,
    benchmark: Callable[[argparse.Namespace], Rows],
    markdown: Callable[[Rows], str],
) -> None:
    """Measures, or reads what was measured; then prints the tables."""
    if args.table:
        rows = records.read_records(*args.table)
    else:
        os.environ["KERAS_BACKEND"] = args.backend  # Keras reads it once.
        rows = benchmark(args)
    print(markdown(rows))


def write(path: pathlib.Path | None, rows: Rows) -> None:
    """Saves the rows so far, if there is a path to save them to."""
    if path:
        records.write_records(path, map(records.rounded, rows))


def by_machine(rows: Rows) -> dict[str, Rows]:
    """The rows of each backend and device."""
    groups: dict[str, Rows] = {}
    for row in rows:
        where = f"{row['backend']} on {row['device']} ({row['versions']})"
        groups.setdefault(where, []).append(row)
    return groups
