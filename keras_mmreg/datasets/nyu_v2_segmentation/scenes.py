"""Reading NYU Depth v2: the labeled MATLAB file, or arrays made from it."""

import pathlib
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets.resampling import block_centers
from keras_mmreg.datasets.resampling import block_means

NYU_URL = (
    "http://horatio.cs.nyu.edu/mit/silberman/nyu_depth_v2/"
    "nyu_depth_v2_labeled.mat"
)
# The publisher states no hash; independent users recorded this one.
NYU_SHA256 = "2d724b0c0ab358aa1ce5df855e5bd14a2279ab7202efe22f32a30d612dcb86aa"

CLASSES = (
    "wall",
    "floor",
    "cabinet",
    "bed",
    "chair",
    "sofa",
    "table",
    "door",
    "window",
    "bookshelf",
    "picture",
    "counter",
    "blinds",
    "desk",
    "shelves",
    "curtain",
    "dresser",
    "pillow",
    "mirror",
    "floor mat",
    "clothes",
    "ceiling",
    "books",
    "refrigerator",
    "television",
    "paper",
    "towel",
    "shower curtain",
    "box",
    "whiteboard",
    "person",
    "night stand",
    "toilet",
    "sink",
    "lamp",
    "bathtub",
    "bag",
    "other structure",
    "other furniture",
    "other prop",
)
# `is_test`, which of the 1,449 images are in the official test set, as in the
# publisher's `splits.mat`, and `nyu40`, the class from 1 to 40 of each of the
# file's 894 labels (0 is unlabeled), as in `classMapping40.mat`.
ANNOTATION_PATH = pathlib.Path(__file__).parent / "annotation.npz"

EXPECTED = (
    "'download', the file nyu_depth_v2_labeled.mat, or an .npz file with the "
    "arrays `rgb`, `depth`, `label` and `split`"
)

_HEIGHT, _WIDTH = 480, 640
_MAX_DEPTH = 10.0
_MAX_ARRAY_BYTES = 2**13 * reading.MEBIBYTE
_BATCH_SIZE = 16


class Scenes(NamedTuple):
    """All images, in the order of the file.

    Attributes:
        rgb: Float32 array `(n, height, width, 3)` in [0, 1].
        depth: Float32 array `(n, height, width)` in meters.
        label: Int32 array `(n, height, width)`.
        is_test: Boolean array `(n,)`.
    """

    rgb: np.ndarray
    depth: np.ndarray
    label: np.ndarray
    is_test: np.ndarray


def read_scenes(
    path: str | pathlib.Path, size: tuple[int, int], num_classes: int
) -> Scenes:
    """Reads all images, see `load_nyu_v2_segmentation`."""
    if path == "download":
        path = keras.utils.get_file(
            "nyu_depth_v2_labeled.mat", NYU_URL, file_hash=NYU_SHA256
        )
    path = reading.as_path(path)
    with reading.explained(EXPECTED, path):
        if path.suffix == ".npz":
            return _read_arrays(path, size, num_classes)
        return _read_mat(path, size, num_classes)


def _read_arrays(
    path: pathlib.Path, size: tuple[int, int], num_classes: int
) -> Scenes:
    if num_classes == len(CLASSES):
        raise ValueError(
            "`num_classes` 40 asked for, but the last label of an .npz file "
            "stands for other props and for unlabeled pixels"
        )
    arrays = reading.read_arrays(
        path, ["rgb", "depth", "label", "split"], _MAX_ARRAY_BYTES
    )
    shape = arrays["label"].shape
    reading.check_shape("`label`", shape, (None, None, None))
    for name, expected in (("rgb", (*shape, 3)), ("depth", shape)):
        reading.check_shape(f"`{name}`", arrays[name].shape, expected)
    for name in ("rgb", "depth", "label"):
        if arrays[name].dtype != np.uint8:
            raise ValueError(f"`{name}` of type {arrays[name].dtype}")
    _check_labels("`label`", arrays["label"], num_classes)
    split = reading.check_integers("split", arrays["split"], 0, 1, shape[0])
    return Scenes(
        _colors(np.moveaxis(arrays["rgb"], -1, 1), size),
        block_means(arrays["depth"], size) * np.float32(_MAX_DEPTH / 255.0),
        block_centers(arrays["label"], size).astype(np.int32),
        split == 1,
    )


def _read_mat(
    path: pathlib.Path, size: tuple[int, int], num_classes: int
) -> Scenes:
    annotation = reading.read_arrays(
        ANNOTATION_PATH, ["is_test", "nyu40"], reading.MEBIBYTE
    )
    is_test = annotation["is_test"]
    classes = _class_of_labels(annotation["nyu40"], num_classes)
    h5py = reading.import_optional("h5py", "h5py", "MATLAB 7.3 files")
    with path.open("rb") as file, h5py.File(file, "r") as mat:
        _check_variables(mat, len(is_test))
        parts = [
            _read_batch(mat, start, size, classes)
            for start in range(0, len(is_test), _BATCH_SIZE)
        ]
    rgb, depth, label = map(np.concatenate, zip(*parts, strict=True))
    return Scenes(rgb, depth, label, is_test)


def _class_of_labels(nyu40: np.ndarray, num_classes: int) -> np.ndarray:
    """For each of the file's labels a class from 0, or `num_classes`."""
    known = (nyu40 >= 1) & (nyu40 <= num_classes)
    return np.where(known, nyu40.astype(np.int32) - 1, num_classes)


def _check_variables(mat: Any, num_images: int) -> None:
    # MATLAB counts columns first, so that HDF5 has width before height.
    shapes = {
        "images": (num_images, 3, _WIDTH, _HEIGHT),
        "depths": (num_images, _WIDTH, _HEIGHT),
        "labels": (num_images, _WIDTH, _HEIGHT),
    }
    kinds = {"images": "u", "depths": "f", "labels": "u"}
    for name, shape in shapes.items():
        if name not in mat:
            raise ValueError(f"no `{name}` among {sorted(mat)}")
        reading.check_shape(f"`{name}`", mat[name].shape, shape)
        if mat[name].dtype.kind != kinds[name]:
            raise ValueError(f"`{name}` of type {mat[name].dtype}")


def _read_batch(
    mat: Any, start: int, size: tuple[int, int], classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    images, depths, labels = (
        np.swapaxes(mat[name][start : start + _BATCH_SIZE], -1, -2)
        for name in ("images", "depths", "labels")
    )
    reading.check_finite(f"`depths` from image {start} on", depths)
    if depths.min() < 0.0:
        raise ValueError(f"`depths` below 0 from image {start} on")
    _check_labels("`labels`", labels, len(classes) - 1, start)
    return (
        _colors(images, size),
        block_means(depths, size),
        classes[block_centers(labels, size)],
    )


def _colors(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Channels last, from 0 to 1."""
    means = np.moveaxis(block_means(images, size), 1, -1)
    return means / np.float32(255.0)


def _check_labels(
    name: str, labels: np.ndarray, high: int, start: int = 0
) -> None:
    if labels.max() > high:
        place = np.argwhere(labels > high)[0]
        raise ValueError(
            f"{name} {labels[tuple(place)]} in image {start + place[0]}, row "
            f"{place[1]}, column {place[2]}, not from 0 to {high}"
        )
