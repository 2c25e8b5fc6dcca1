"""The report, and the ways to show it."""

import json
import math
import pathlib
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import fields
from typing import Any

from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.page import render
from keras_mmreg.report.result import Finding
from keras_mmreg.report.result import Result
from keras_mmreg.report.text import summarize


@dataclass(frozen=True)
class ModalityReport(Result):
    """The result of `keras_mmreg.modality_report`, and ways to show it.

    Its attributes are those of `Result`.

    Example:

    >>> loss = Measurement(0.4, 0.3, 0.5, cost=0.5, cost_low=0.4, cost_high=0.6)
    >>> report = ModalityReport(
    ...     model="digits",
    ...     task="classification",
    ...     metric="accuracy",
    ...     percent=True,
    ...     higher_is_better=True,
    ...     confidence=0.95,
    ...     num_examples=100,
    ...     num_groups=None,
    ...     chance=0.1,
    ...     window=None,
    ...     passes=2,
    ...     modalities=["image"],
    ...     intact=Measurement(0.9, 0.8, 1.0),
    ...     shuffled={"image": loss},
    ...     alone={"image": Measurement(0.9, 0.8, 1.0)},
    ...     missing={},
    ... )
    >>> ModalityReport.from_json(report.to_json()) == report
    True
    """

    def summary(self) -> str:
        """Returns the report as text for a terminal."""
        return summarize(self)

    def plot(self, ax: Any = None) -> Any:
        """Draws the score under each intervention, with matplotlib.

        Args:
            ax: The matplotlib `Axes` to draw on. Defaults to `None`, a new
                figure.

        Returns:
            The matplotlib `Figure`.
        """
        # Imported here because matplotlib is optional.
        from keras_mmreg.report.figure import plot_report

        return plot_report(self, ax)

    def to_html(self, path: Any = None) -> str:
        """Returns the report as one self-contained HTML page.

        Args:
            path: The file to write. Defaults to `None`, which writes no file.

        Returns:
            The HTML as a string.
        """
        return _written(render(self), path)

    def to_json(self, path: Any = None) -> str:
        """Returns the report as JSON, which `from_json` can read.

        Args:
            path: The file to write. Defaults to `None`, which writes no file.

        Returns:
            The JSON as a string; unknown numbers are `null`.
        """
        text = json.dumps(_without_nan(asdict(self)), indent=1)
        return _written(text, path)

    @classmethod
    def from_json(cls, text: str | pathlib.Path) -> "ModalityReport":
        """Returns the report that `to_json` wrote.

        Args:
            text: The JSON, or the `pathlib.Path` of its file.
        """
        if isinstance(text, pathlib.Path):
            text = text.read_text(encoding="utf-8")
        values = json.loads(text)
        names = [each.name for each in fields(cls)]
        if not isinstance(values, dict) or not {"intact", "model"} <= set(
            values
        ):
            raise ValueError(
                "`text` must be the JSON of a `ModalityReport`, or the "
                f"`pathlib.Path` of its file. Received: {str(text)[:60]!r}"
            )
        values = {name: values[name] for name in names if name in values}
        for name in _PLAIN_NUMBERS & values.keys():
            values[name] = _with_nan(values[name])
        findings = [Finding(**each) for each in values.pop("findings", [])]
        return cls(**_with_measurements(values), findings=findings)

    def __str__(self) -> str:
        return self.summary()


def _written(text: str, path: Any) -> str:
    if path is not None:
        pathlib.Path(path).write_text(text, encoding="utf-8")
    return text


_MEASUREMENT = {each.name for each in fields(Measurement)}
_PLAIN_NUMBERS = {"information", "calibration", "per_class"}
"""The attributes that contain numbers without an interval."""


def _with_measurements(values: Any) -> Any:
    """Converts values that look like a `Measurement` back to one."""
    if isinstance(values, list):
        return [_with_measurements(each) for each in values]
    if not isinstance(values, dict):
        return values
    if set(values) == _MEASUREMENT:
        return Measurement(**_with_nan(values))
    return {name: _with_measurements(each) for name, each in values.items()}


def _with_nan(values: Any) -> Any:
    """Replaces `None`, which stands for NaN in JSON."""
    if isinstance(values, dict):
        return {name: _with_nan(each) for name, each in values.items()}
    if isinstance(values, list):
        return [_with_nan(each) for each in values]
    return math.nan if values is None else values


def _without_nan(values: Any) -> Any:
    """Replaces NaN and infinity, which JSON does not have."""
    if isinstance(values, dict):
        return {name: _without_nan(each) for name, each in values.items()}
    if isinstance(values, list | tuple):
        return [_without_nan(each) for each in values]
    known = not isinstance(values, float) or math.isfinite(values)
    return values if known else None
