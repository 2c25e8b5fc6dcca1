"""What a result depends on: settings, versions, commit and backend."""

import argparse
import functools
import importlib.metadata
import json
import pathlib
import subprocess
from typing import Any

import keras
import numpy as np

import keras_mmreg as mmreg

ROOT = pathlib.Path(__file__).parents[2]


def backend() -> str:
    """The name of the running backend."""
    return keras.config.backend()


def key(settings: dict[str, Any], backend: str | None) -> str:
    """A string that is equal for equal settings on the same backend."""
    return json.dumps([backend, plain(settings)], sort_keys=True)


def plain(value: Any) -> Any:
    """The value as JSON gives it back: tuples become lists."""
    return json.loads(json.dumps(value))


def regularizer_settings(regularizer: Any) -> dict[str, Any]:
    """Every option of a regularizer, the defaults too, with its name.

    Its schedule is left to the study, which has a readable name for it.
    """
    config = dict(regularizer.get_config())
    config.pop("schedule", None)
    return {**config, "name": type(regularizer).__name__}


def from_arguments(
    args: argparse.Namespace, without: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The options of a command that change its numbers.

    Args:
        args: The parsed options.
        without: Names of the others, such as where the results go.
    """
    settings = {
        name: value for name, value in vars(args).items() if name not in without
    }
    return plain(settings)


@functools.cache
def environment() -> dict[str, str]:
    """The backend, the versions, and the commit where there is one."""
    found = {
        "backend": backend(),
        "keras": keras.__version__,
        backend(): importlib.metadata.version(backend()),
        "numpy": np.__version__,
        "keras_mmreg": mmreg.__version__,
    }
    commit = _commit()
    return {**found, "commit": commit} if commit else found


def _commit() -> str | None:
    """The short hash, with a `+` if files have changed since."""
    try:
        return _git("rev-parse", "--short", "HEAD") + (
            "+" if _git("status", "--porcelain", "keras_mmreg") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
