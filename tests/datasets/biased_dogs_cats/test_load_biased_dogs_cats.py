import sys

import numpy as np
import pytest

from keras_mmreg.datasets import load_biased_dogs_cats
from keras_mmreg.datasets.biased_dogs_cats import colors

pytest.importorskip("PIL")

from tests.datasets.biased_dogs_cats import toys

SAVE = {
    "train.zip": toys.save_zip,
    "folder": toys.save_folder,
    "arrays": toys.save_arrays,
}


@pytest.fixture
def short_list(monkeypatch, tmp_path):
    path = toys.save_colors(tmp_path / "colors.npz")
    monkeypatch.setattr(colors, "COLORS_PATH", path)


def test_the_published_lists():
    sizes = {"tb1": (4748, 5299), "tb2": (3086, 3652)}
    everything = set()
    for name, (cats, dogs) in sizes.items():
        ids = colors.kaggle_ids(name)
        assert (len(ids["cat"]), len(ids["dog"])) == (cats, dogs)
        everything |= {(s, i) for s in ids for i in ids[s].tolist()}
    # Nothing is in both; the numbers are Kaggle's.
    assert len(everything) == 10_047 + 6738
    assert {i for _, i in everything} <= set(range(12_500))
    # The first lines of the authors' lists.
    assert colors.kaggle_ids("tb2")["cat"][0] == 0
    assert {10007, 10009} <= set(colors.kaggle_ids("tb2")["cat"].tolist())
    assert {10001, 10002} <= set(colors.kaggle_ids("tb1")["cat"].tolist())


@pytest.mark.usefixtures("short_list")
@pytest.mark.parametrize("name", SAVE)
def test_layouts(name, tmp_path):
    path = SAVE[name](tmp_path / name)
    data = load_biased_dogs_cats(path, size=6)
    for examples, names in zip(data, (toys.TB1, toys.TB2), strict=True):
        image = examples.x["image"]
        assert image.shape == (len(names), 6, 6, 3)
        assert image.dtype == np.float32
        found = [
            f"{('cat', 'dog')[y]}.{i}"
            for y, i in zip(examples.y, examples.kaggle_id, strict=True)
        ]
        assert found == names
        for pixels, key in zip(image, names, strict=True):
            species, number = key.split(".")
            gray = toys.gray_of(species, int(number)) / 255
            np.testing.assert_allclose(pixels, gray, atol=2 / 255)


@pytest.mark.usefixtures("short_list")
def test_eight_bits_and_a_folder_with_the_archive(tmp_path):
    toys.save_zip(tmp_path / "train.zip")
    floats = load_biased_dogs_cats(str(tmp_path)).tb1.x["image"]
    integers = load_biased_dogs_cats(tmp_path, dtype="uint8").tb1.x["image"]
    assert integers.dtype == np.uint8 and integers.shape == (5, 64, 64, 3)
    np.testing.assert_allclose(floats, integers / 255, rtol=1e-6)


def save_broken(path):
    folder = toys.save_folder(path) / "train"
    (folder / "dog.3.jpg").write_bytes(toys.jpeg("dog", 3)[:200])


WRONG = {
    "missing": (lambda path: None, "FileNotFoundError"),
    "empty": (lambda path: path.mkdir(), "5 of the 5 images of tb1 missing"),
    "few.zip": (
        lambda path: toys.save_zip(path, without=["dog.0.jpg"]),
        "1 of the 3 images of tb2 missing, among them dog.0.jpg",
    ),
    "text.zip": (lambda path: path.write_text("hello"), "BadZipFile"),
    "broken": (save_broken, "dog.3.jpg: .*runcated"),
    "label": (
        lambda path: toys.save_arrays(path, y=np.array([0, 1, 99, 1, 1])),
        "`y` 99 in row 2, not from 0 to 1",
    ),
    "offsets": (
        lambda path: toys.save_arrays(path, off=np.array([0, 9, 8, 9, 10, 11])),
        "`off` that does not ascend",
    ),
    "beyond": (
        lambda path: toys.save_arrays(path, off=10**6 * np.arange(6)),
        "`off` 1000000 in row 1",
    ),
}


@pytest.mark.usefixtures("short_list")
@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name, tmp_path):
    write, found = WRONG[name]
    write(tmp_path / name)
    with pytest.raises(ValueError, match="`path` must be Kaggle's") as error:
        load_biased_dogs_cats(tmp_path / name, size=6)
    error.match(found)


@pytest.mark.usefixtures("short_list")
def test_errors(monkeypatch, tmp_path):
    path = toys.save_zip(tmp_path / "train.zip")
    with pytest.raises(ValueError, match="`size` must be positive"):
        load_biased_dogs_cats(path, size=0)
    with pytest.raises(ValueError, match="`dtype` must be 'float32' or"):
        load_biased_dogs_cats(path, dtype="int8")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match="`pip install pillow`"):
        load_biased_dogs_cats(path)
