"""Reading MNIST: the shipped sample, a local file, or Keras's download."""

import pathlib
import zipfile
import zlib
from typing import NamedTuple

import keras
import numpy as np

MNIST_URL = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
)
SAMPLE_PATH = pathlib.Path(__file__).parent / "mnist_sample.npz"

# A missing or broken file, a broken member, a file without the four arrays.
_READ_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    LookupError,
)


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
    file_path = SAMPLE_PATH if path is None else path
    if isinstance(file_path, str):
        file_path = pathlib.Path(file_path)
    try:
        # Not `np.load(path)`: TFDS may hand over a path in the cloud.
        with file_path.open("rb") as file:
            archive = np.load(file)
            mnist = MNIST(*(archive[name] for name in MNIST._fields))
    except _READ_ERRORS as error:
        found = f"{type(error).__name__}: {error}"
        raise _wrong_file(file_path, found) from error
    _check_mnist(mnist, file_path)
    return mnist


def _check_mnist(mnist: MNIST, path: pathlib.Path) -> None:
    for split in ("train", "test"):
        images = getattr(mnist, f"x_{split}")
        labels = getattr(mnist, f"y_{split}")
        if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
            raise _wrong_file(
                path,
                f"`x_{split}` of shape {images.shape} and type {images.dtype}",
            )
        if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
            raise _wrong_file(
                path,
                f"`y_{split}` of shape {labels.shape} and type {labels.dtype}",
            )


def _wrong_file(path: pathlib.Path, found: str) -> ValueError:
    return ValueError(
        "`path` must be an `mnist.npz` in the layout of `keras.datasets.mnist` "
        "(uint8 arrays `x_train` and `x_test` of shape (n, 28, 28), integer "
        "arrays `y_train` and `y_test` of shape (n,)), 'download' to fetch "
        "that file, or None for the sample shipped with keras_mmreg. "
        f"Received: path={str(path)!r}, with {found}"
    )
