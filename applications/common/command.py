"""The options that every study has."""

import argparse
import contextlib
import pathlib
import tempfile
from collections.abc import Iterator

WITHOUT_EFFECT = ("results", "table", "figures", "smoke", "verbose")
"""Options that change no number."""


def parser(description: str, results: str) -> argparse.ArgumentParser:
    """The options of every study.

    Args:
        description: What the study asks.
        results: Where the runs go unless said otherwise.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--results",
        type=pathlib.Path,
        default=pathlib.Path(results),
        help="a JSON lines file; runs that it has are not run again",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--table",
        type=pathlib.Path,
        nargs="+",
        metavar="RESULTS",
        help="print the tables of these files, and train nothing",
    )
    action.add_argument(
        "--figures",
        type=pathlib.Path,
        nargs="+",
        metavar="RESULTS",
        help="draw the figures of these files, and train nothing",
    )
    action.add_argument(
        "--smoke",
        action="store_true",
        help="everything in seconds, on a handful of examples; the numbers "
        "mean nothing and are not kept",
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("figures"),
        help="the folder of the figures",
    )
    parser.add_argument("--verbose", type=int, default=0, choices=[0, 1, 2])
    return parser


@contextlib.contextmanager
def temporary_folder() -> Iterator[pathlib.Path]:
    """A folder for what `--smoke` writes."""
    with tempfile.TemporaryDirectory() as folder:
        yield pathlib.Path(folder)
