"""Reading the cropped digits of Street View House Numbers."""

import pathlib
from typing import NamedTuple

import keras
import numpy as np

from keras_mmreg.datasets import reading

FILES = ("train_32x32.mat", "test_32x32.mat")
URL = "http://ufldl.stanford.edu/housenumbers/"
HASHES = {
    "train_32x32.mat": (
        "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"
    ),
    "test_32x32.mat": (
        "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"
    ),
}
"""The SHA-256 digests that TensorFlow Datasets states for its own builder."""

# The largest published file, `extra_32x32.mat`, has 531,131 images.
_MAX_IMAGES = 600_000
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class SVHN(NamedTuple):
    """8-bit images `(n, 32, 32, 3)`, and int32 labels from 0 to 9."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def read_svhn(path: str | pathlib.Path | tuple[pathlib.Path, ...]) -> SVHN:
    """Reads SVHN.

    Args:
        path: `"download"`, the path of the folder of `train_32x32.mat` and
            `test_32x32.mat`, both files' paths in this order, or the path of
            an `.npz` file with the arrays `x_train`, `y_train`, `x_test` and
            `y_test`, whose labels are from 0 to 9.
    """
    expected = (
        f"'download', the folder of {' and '.join(FILES)}, or an .npz file "
        f"with the arrays {', '.join(_ARRAYS)}"
    )
    if isinstance(path, str) and path == "download":
        path = tuple(
            pathlib.Path(
                keras.utils.get_file(
                    f"svhn_{name}", URL + name, file_hash=HASHES[name]
                )
            )
            for name in FILES
        )
    with reading.explained(expected, str(path), "svhn"):
        if isinstance(path, tuple):
            return SVHN(*_read_mat(path[0]), *_read_mat(path[1]))
        path = reading.as_path(path)
        if path.suffix == ".npz":
            return _read_arrays(path)
        return SVHN(*(a for name in FILES for a in _read_mat(path / name)))


def _read_mat(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    shapes = {"X": (32, 32, 3, None), "y": (None, 1)}
    found = reading.read_mat(path.name, path, shapes, _MAX_IMAGES)
    images, labels = found["X"], found["y"]
    reading.check_shape("`y`", labels.shape, (images.shape[-1], 1))
    labels = reading.check_integers("y", labels[:, 0], 1, 10)
    # Digit 0 has the label 10.
    return _check(path.name, np.moveaxis(images, -1, 0), labels % 10)


def _read_arrays(path: pathlib.Path) -> SVHN:
    arrays = reading.read_arrays(path, _ARRAYS, 4096 * reading.MEBIBYTE)
    parts: list[np.ndarray] = []
    for split in ("train", "test"):
        images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
        name = f"y_{split}"
        labels = reading.check_integers(name, labels, 0, 9, len(images))
        parts += _check(f"x_{split}", images, labels)
    return SVHN(*parts)


def _check(
    name: str, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    reading.check_shape(f"images of {name}", images.shape, (None, 32, 32, 3))
    if images.dtype != np.uint8:
        raise ValueError(f"images of {name} of type {images.dtype}")
    return images, labels
