"""Tiny files in Kaggle's layout, a short list, and arrays of them."""

import io
import zipfile

import numpy as np
import PIL.Image

# 0: other, 1: bright, 2: dark; the place is the number.
CAT = np.array([1, 2, 0, 2, 1], "uint8")
DOG = np.array([2, 1, 1, 1, 0], "uint8")
TB1 = ["cat.1", "cat.3", "dog.1", "dog.2", "dog.3"]
TB2 = ["cat.0", "cat.4", "dog.0"]


def save_colors(path):
    np.savez(path, cat=CAT, dog=DOG)
    return path


def gray_of(species, number):
    return 20 * (number + 1) + 100 * (species == "dog")


def jpeg(species, number, height=20, width=30):
    """A plain image whose gray tells which one it is."""
    content = io.BytesIO()
    gray = gray_of(species, number)
    image = PIL.Image.new("RGB", (width, height), (gray, gray, gray))
    image.save(content, "JPEG", quality=95)
    return content.getvalue()


def files():
    for species in ("dog", "cat"):
        for number in range(5):
            yield f"{species}.{number}.jpg", jpeg(species, number)


def save_zip(path, without=()):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train/7.jpg", b"of the test set")
        for name, content in files():
            if name not in without:
                archive.writestr(f"train/{name}", content)
    return path


def save_folder(folder):
    (folder / "train").mkdir(parents=True)
    for name, content in files():
        (folder / "train" / name).write_bytes(content)
    return folder


def arrays(names):
    keys = [name.split(".") for name in names]
    images = [jpeg(s, int(n), height=8, width=8) for s, n in keys]
    return {
        "jpeg": np.frombuffer(b"".join(images), "uint8"),
        "off": np.cumsum([0, *map(len, images)]),
        "y": np.array([s == "dog" for s, _ in keys], "uint8"),
        "kaggle_id": np.array([int(n) for _, n in keys], "int32"),
    }


def save_arrays(folder, **changes):
    folder.mkdir()
    np.savez(folder / "dogs_cats_TB1.npz", **arrays(TB1[::-1]) | changes)
    np.savez(folder / "dogs_cats_TB2.npz", **arrays(TB2))
    return folder
