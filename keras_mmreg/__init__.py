"""Regularization against multimodal overfitting for Keras 3.

`datasets`, `hypermodels` and `visualization` are imported when they are first
accessed. The last two need the extras `tuner` and `visualization`.
"""

import importlib
import importlib.util
from typing import Any

try:
    import keras  # noqa: F401
except ModuleNotFoundError as error:
    missing = (error.name or "").split(".")[0]
    if missing not in ("tensorflow", "jax", "torch"):
        raise
    raise ImportError(
        f"Keras runs on {missing} here, which is not installed. Name an "
        "installed backend before Keras is imported: "
        "`KERAS_BACKEND=jax python ...` in the shell, or "
        '`os.environ["KERAS_BACKEND"] = "jax"` as the first lines of a program.'
    ) from error

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

# Each sub-package that is imported on demand, and the module it needs.
_ON_DEMAND = {
    "datasets": "keras",
    "hypermodels": "keras_tuner",
    "visualization": "matplotlib",
}


def __getattr__(name: str) -> Any:
    """Imports a sub-package when it is first accessed."""
    if name in _ON_DEMAND:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Returns all names that are available with the installed extras."""
    found = {
        name
        for name, module in _ON_DEMAND.items()
        if importlib.util.find_spec(module)
    }
    return sorted({*globals(), *found})
