"""Reading MNIST: the shipped sample, a local file, or Keras's download."""

import pathlib
from typing import NamedTuple

import keras
import numpy as np

from keras_mmreg.datasets import reading

MNIST_URL = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
)
SAMPLE_PATH = pathlib.Path(__file__).parent / "mnist_sample.npz"

_EXPECTED = (
    "an `mnist.npz` in the layout of `keras.datasets.mnist` (uint8 arrays "
    "`x_train` and `x_test` of shape (n, 28, 28), integer arrays `y_train` and "
    "`y_test` of shape (n,), from 0 to 9), 'download' to fetch that file, or "
    "None for the sample shipped with keras_mmreg"
)
_NUM_CLASSES = 10
# All of MNIST takes 55 MB.
_MAX_BYTES = 128 * reading.MEBIBYTE


class MNIST(NamedTuple):
    """MNIST as `keras.datasets.mnist` stores it: 8-bit images and labels."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def read_mnist(path: str | pathlib.Path | None = None) -> MNIST:
    """Reads the digits and their labels.

    Args:
        path: `None` for the sample inside the package, `"download"` for
            `keras.datasets.mnist.load_data()`, or the path of an `mnist.npz`
            in that function's layout. Defaults to `None`.

    Returns:
        A named tuple of `x_train`, `y_train`, `x_test` and `y_test`.

    Raises:
        ValueError: If the file cannot be read or is not MNIST.
    """
    if path == "download":
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
        return MNIST(x_train, y_train, x_test, y_test)
    file_path = SAMPLE_PATH if path is None else reading.as_path(path)
    with reading.explained(_EXPECTED, file_path):
        arrays = reading.read_arrays(file_path, MNIST._fields, _MAX_BYTES)
        return MNIST(*_split(arrays, "train"), *_split(arrays, "test"))


def _split(
    arrays: dict[str, np.ndarray], name: str
) -> tuple[np.ndarray, np.ndarray]:
    images, labels = arrays[f"x_{name}"], arrays[f"y_{name}"]
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise ValueError(
            f"`x_{name}` of shape {images.shape} and type {images.dtype}"
        )
    reading.check_integers(
        f"y_{name}", labels, 0, _NUM_CLASSES - 1, len(images)
    )
    return images, labels
