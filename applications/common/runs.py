"""Runs on disk: one record a line, so that a study can be interrupted.

A record says what was run (`settings`), where (`environment`), and what came
of it (`results`, and the curves of `history`).
"""

import json
import pathlib
from collections.abc import Callable
from typing import Any

from applications.common import settings as settings_module
from applications.common.records import Path
from applications.common.records import read_records
from applications.common.records import rounded
from applications.common.records import write_records

Outcome = tuple[dict[str, Any], dict[str, list[float]]]
"""The results of a run, and its curves by name."""


class RunStore:
    """The runs of a file, to which finished ones are added.

    A run is known by all its settings and its backend: what has finished is
    not run again, and whatever changes is another run. One process writes a
    file; for several at once, give each a file of its own.

    Args:
        path: The JSON lines file, which need not exist; `None` keeps the runs
            in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = None if path is None else pathlib.Path(path)
        exists = self.path is not None and self.path.exists()
        self.records: list[dict] = read_records(self.path) if exists else []

    def __contains__(self, settings: dict[str, Any]) -> bool:
        key = settings_module.key(settings, settings_module.backend())
        return key in map(_key, self.records)

    def run(
        self, settings: dict[str, Any], train: Callable[[], Outcome]
    ) -> None:
        """Calls `train` and saves what it returns, unless that is there."""
        if settings in self:
            return
        results, history = train()
        self.records.append(
            {
                "settings": settings,
                "environment": settings_module.environment(),
                "results": rounded(results),
                "history": rounded(history, digits=5),
            }
        )
        named = {
            name: settings[name]
            for name in ("method", "fold", "seed")
            if name in settings
        }
        print(json.dumps(named | self.records[-1]["results"]), flush=True)
        if self.path is not None:
            write_records(self.path, self.records)

    @property
    def runs(self) -> list[dict]:
        """The records, flat."""
        return [flat(record) for record in self.records]


def read_runs(*paths: Path) -> list[dict]:
    """The runs of all files, flat: `run["seed"]`, not by way of `settings`."""
    return [flat(record) for record in read_records(*paths)]


def flat(record: dict) -> dict:
    """Settings and results in one dict, with `history` and `environment`."""
    rest = {key: record.get(key, {}) for key in ("history", "environment")}
    return {**record["settings"], **record["results"], **rest}


def _key(record: dict) -> str:
    return settings_module.key(
        record["settings"], record.get("environment", {}).get("backend")
    )
