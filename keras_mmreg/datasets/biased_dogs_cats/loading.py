"""Biased Dogs & Cats in NumPy arrays, ready for `model.fit`."""

import pathlib
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets.biased_dogs_cats.colors import SETS
from keras_mmreg.datasets.biased_dogs_cats.colors import SPECIES
from keras_mmreg.datasets.biased_dogs_cats.colors import kaggle_ids

_EXPECTED = (
    "Kaggle's train.zip of Dogs vs. Cats, a folder with it or with its images "
    "(cat.0.jpg and so on, at any depth), or a folder with "
    "dogs_cats_TB1.npz and dogs_cats_TB2.npz, arrays `jpeg`, `off`, `y` and "
    "`kaggle_id`"
)
_IMAGE_NAME = re.compile(r"(cat|dog)\.(\d{1,5})\.jpg")
_MAX_FILE_BYTES = 16 * reading.MEBIBYTE
_MAX_ARCHIVE_BYTES = 2**12 * reading.MEBIBYTE

Key = tuple[int, int]


class Examples(NamedTuple):
    """The examples of a set.

    Attributes:
        x: `{"image": (n, size, size, 3)}`, float32 in [0, 1] or uint8.
        y: Int32 `(n,)`: 0 is a cat, 1 a dog.
        kaggle_id: Int32 `(n,)`: the number in Kaggle's file name.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    kaggle_id: np.ndarray


class BiasedDogsCats(NamedTuple):
    """The two sets, each an `Examples` tuple: train on one, test on the other.

    Attributes:
        tb1: Bright dogs (5,299) and dark cats (4,748).
        tb2: Dark dogs (3,652) and bright cats (3,086).
    """

    tb1: Examples
    tb2: Examples


def load_biased_dogs_cats(
    path: str | pathlib.Path, size: int = 64, dtype: str = "float32"
) -> BiasedDogsCats:
    """Loads the biased Dogs & Cats of Kim et al., TB1 and TB2.

    In TB1 dogs are bright and cats are dark, in TB2 the other way round. So a
    classifier that learns the color on one set is wrong on the other. The
    package includes the list of images in each set; the images are Kaggle's.
    Download train.zip by hand, after accepting the rules, from
    https://www.kaggle.com/c/dogs-vs-cats/data.

    Args:
        path: The path of Kaggle's train.zip; of a folder with it or with its
            images `cat.0.jpg` and so on, at any depth; or of a folder with
            `dogs_cats_TB1.npz` and `dogs_cats_TB2.npz`. Each of these holds
            `jpeg`, the concatenated bytes of square JPEG files; `off`, the
            offset of each file, and the end; `y` (0 cat, 1 dog) and
            `kaggle_id`.
        size: Integer. Images are resized to `size` x `size` pixels, without
            keeping their aspect ratio. Defaults to `64`.
        dtype: `"float32"` for values in [0, 1], or `"uint8"` for 0 to 255,
            which takes a quarter of the memory. Defaults to `"float32"`.

    Returns:
        A `BiasedDogsCats` named tuple of `tb1` and `tb2`, with cats before
        dogs: shuffle the examples for training.

    Raises:
        ValueError: If an argument is out of range, images are missing, or files
            do not have the expected content.
        ImportError: If Pillow is missing.

    Example:

    ```python
    data = keras_mmreg.datasets.load_biased_dogs_cats("dogs-vs-cats/train.zip")
    model.fit(data.tb1.x, data.tb1.y, validation_split=0.0)
    model.evaluate(data.tb2.x, data.tb2.y)
    ```

    References:

    - [Kim et al., "Learning Not to Learn: Training Deep Neural Networks with
      Biased Data", CVPR 2019](https://arxiv.org/abs/1812.10352)
    - [Gat et al., "Removing Bias in Multi-modal Classifiers: Regularization
      by Maximizing Functional Entropies", NeurIPS 2020, section 6.4](
      https://arxiv.org/abs/2010.10802)
    """
    if size < 1:
        raise ValueError(f"`size` must be positive. Received: size={size}")
    if dtype not in ("float32", "uint8"):
        raise ValueError(
            f"`dtype` must be 'float32' or 'uint8'. Received: dtype={dtype!r}"
        )
    path = reading.as_path(path)
    with reading.explained(_EXPECTED, path):
        images = _read(path, size)
        return BiasedDogsCats(
            *(_examples(name, images, dtype) for name in SETS)
        )


def _read(path: pathlib.Path, size: int) -> dict[Key, np.ndarray]:
    """Returns all listed images by species and number, as uint8 arrays."""
    wanted = {
        (SPECIES.index(species), int(number))
        for name in SETS
        for species, numbers in kaggle_ids(name).items()
        for number in numbers
    }
    return {
        key: reading.read_image(f"{SPECIES[key[0]]}.{key[1]}.jpg", jpeg, size)
        for key, jpeg in _jpegs(path)
        if key in wanted
    }


def _jpegs(path: pathlib.Path) -> Iterator[tuple[Key, bytes]]:
    if not path.exists():
        raise FileNotFoundError("no such file or folder")
    arrays = [path / f"dogs_cats_{name.upper()}.npz" for name in SETS]
    zipped = path / "train.zip" if path.is_dir() else path
    if path.is_dir() and all(file.exists() for file in arrays):
        for file in arrays:
            yield from _jpegs_of_arrays(file)
    elif zipped.exists():
        for name, content in reading.read_zip(
            zipped, _IMAGE_NAME, _MAX_ARCHIVE_BYTES, _MAX_FILE_BYTES
        ):
            yield _key_of(name), content
    else:
        for file in reading.files_below(path, _IMAGE_NAME):
            yield _key_of(file.name), file.read_bytes()


def _key_of(name: str) -> Key:
    species, number, _ = name.split(".")
    return SPECIES.index(species), int(number)


def _jpegs_of_arrays(path: pathlib.Path) -> Iterator[tuple[Key, bytes]]:
    arrays = reading.read_arrays(
        path, ["jpeg", "off", "y", "kaggle_id"], _MAX_ARCHIVE_BYTES
    )
    jpeg = arrays["jpeg"]
    if jpeg.dtype != np.uint8 or jpeg.ndim != 1:
        raise ValueError(f"{path.name}: `jpeg` of type {jpeg.dtype}")
    y = reading.check_integers("y", arrays["y"], 0, len(SPECIES) - 1)
    numbers = reading.check_integers(
        "kaggle_id", arrays["kaggle_id"], 0, size=len(y)
    )
    off = reading.check_integers(
        "off", arrays["off"], 0, len(jpeg), size=len(y) + 1
    )
    if np.any(np.diff(off) <= 0):
        raise ValueError(f"{path.name}: `off` that does not ascend")
    for i, key in enumerate(zip(y.tolist(), numbers.tolist(), strict=True)):
        yield key, jpeg[off[i] : off[i + 1]].tobytes()


def _examples(name: str, images: dict[Key, np.ndarray], dtype: str) -> Examples:
    keys = [
        (SPECIES.index(species), int(number))
        for species, numbers in kaggle_ids(name).items()
        for number in numbers
    ]
    if missing := [key for key in keys if key not in images]:
        species, number = missing[0]
        raise ValueError(
            f"{len(missing)} of the {len(keys)} images of {name} missing, "
            f"among them {SPECIES[species]}.{number}.jpg"
        )
    image = np.stack([images[key] for key in keys])
    if dtype == "float32":
        image = image / np.float32(255.0)
    y, kaggle_id = np.array(keys, np.int32).T
    return Examples({"image": image}, y.copy(), kaggle_id.copy())
