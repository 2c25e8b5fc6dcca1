"""Datasets with a modality that does all the work.

The NumPy functions need Keras alone. Where TensorFlow Datasets is installed,
importing this package registers its builders: `tfds.load("colored_mnist")`.
`ColoredMNISTBuilder` and `ColoredMNISTConfig` are imported when asked for.
"""

import contextlib
import importlib
from typing import Any

from keras_mmreg.datasets.colored_mnist import PALETTES
from keras_mmreg.datasets.colored_mnist import ColoredMNIST
from keras_mmreg.datasets.colored_mnist import colorize
from keras_mmreg.datasets.colored_mnist import gray
from keras_mmreg.datasets.colored_mnist import load_colored_mnist
from keras_mmreg.datasets.colored_mnist import permute_colors

__all__ = [
    "PALETTES",
    "ColoredMNIST",
    "colorize",
    "gray",
    "load_colored_mnist",
    "permute_colors",
]

_BUILDER_MODULE = f"{__name__}.colored_mnist.colored_mnist_dataset_builder"
_BUILDER_NAMES = {
    "ColoredMNISTBuilder": "Builder",
    "ColoredMNISTConfig": "ColoredMNISTConfig",
}

# Silent, because most users need no builder; `__getattr__` tells those who
# ask for one what to install.
with contextlib.suppress(ImportError):
    importlib.import_module(_BUILDER_MODULE)


def __getattr__(name: str) -> Any:
    """The names that need TensorFlow Datasets."""
    if name in _BUILDER_NAMES:
        module = importlib.import_module(_BUILDER_MODULE)
        return getattr(module, _BUILDER_NAMES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """All names, those that need TensorFlow Datasets among them."""
    return sorted({*globals(), *_BUILDER_NAMES})
