"""Regularisation against multimodal overfitting for Keras 3."""

import importlib
from typing import Any

from keras_mmreg import callbacks
from keras_mmreg import layers
from keras_mmreg import metrics
from keras_mmreg import models
from keras_mmreg import ops
from keras_mmreg import regularizers
from keras_mmreg import schedules
from keras_mmreg.models.modality_information import modality_information
from keras_mmreg.report import ModalityReport
from keras_mmreg.report import modality_report
from keras_mmreg.version import __version__

__all__ = [
    "ModalityReport",
    "__version__",
    "callbacks",
    "layers",
    "metrics",
    "modality_information",
    "modality_report",
    "models",
    "ops",
    "regularizers",
    "schedules",
]

_OPTIONAL = ("datasets", "hypermodels", "visualization")


def __getattr__(name: str) -> Any:
    """Imports what needs more than Keras when it is first asked for."""
    if name in _OPTIONAL:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """All names, those that are imported on demand among them."""
    return sorted({*globals(), *_OPTIONAL})
