import pathlib

import keras
import numpy as np
import pytest

from keras_mmreg.datasets import load_digits
from keras_mmreg.datasets.digits import svhn
from tests.datasets.digits import toys

pytest.importorskip("scipy")

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


def load(**options):
    paths = {"mnist": DUMMY_DATA / "mnist.npz", "svhn": DUMMY_DATA}
    return load_digits(
        **paths | {"train_pairs": 200, "held_out_pairs": 20} | options
    )


def save_arrays(path, **changes):
    arrays = dict(zip(("x_train", "y_train"), toys.svhn(120), strict=True))
    arrays |= zip(("x_test", "y_test"), toys.svhn(20), strict=True)
    np.savez(path, **arrays | changes)
    return path


def test_pairs_share_the_label():
    for examples, size in zip(load(), (200, 20, 20), strict=True):
        assert examples.x["mnist"].shape == (size, 28, 28, 1)
        assert examples.x["svhn"].shape == (size, 32, 32, 3)
        assert {x.dtype.name for x in examples.x.values()} == {"float32"}
        assert np.bincount(examples.y).tolist() == [size // 10] * 10
        np.testing.assert_array_equal(examples.mnist_index % 10, examples.y)
        np.testing.assert_array_equal(examples.svhn_index % 10, examples.y)
        # Every image has its own brightness.
        brightness = np.rint(255 * examples.x["svhn"][:, 10, 10, 0])
        np.testing.assert_array_equal(brightness, examples.svhn_index)


def test_splits_share_no_images():
    data = load()
    for name in ("mnist_index", "svhn_index"):
        assert getattr(data.train, name).max() < 100
        held_out = set(getattr(data.validation, name))
        assert held_out == set(range(100, 120))
        assert set(getattr(data.test, name)) == set(range(20))
    # 100 images for 200 pairs.
    assert np.bincount(data.train.svhn_index).tolist() == [2] * 100


def test_seed():
    first, again, other = (load(seed=seed).train for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.svhn_index, again.svhn_index)
    assert np.any(first.svhn_index != other.svhn_index)


def test_all_forms_give_the_same(tmp_path, monkeypatch):
    expected = load().test
    files = tuple(DUMMY_DATA / name for name in svhn.FILES)
    asked = {}

    def get_file(name, origin, file_hash):
        asked[origin] = file_hash
        return str(DUMMY_DATA / name.removeprefix("svhn_"))

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    arrays = save_arrays(tmp_path / "svhn.npz")
    for path in (files, str(DUMMY_DATA), "download", arrays):
        found = load(svhn=path).test
        np.testing.assert_array_equal(found.x["svhn"], expected.x["svhn"])
        np.testing.assert_array_equal(found.y, expected.y)
    assert asked == {svhn.URL + name: svhn.HASHES[name] for name in svhn.FILES}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": np.full(120, 10)}, "`y_train` 10 in row 0, not from 0 to"),
        ({"y_test": np.zeros(3, int)}, "`y_test` of 3 entries, not 20"),
        ({"x_test": np.zeros((20, 8, 8, 3))}, r"x_test of shape \(20, 8, 8"),
        ({"x_test": np.zeros((20, 32, 32, 3))}, "x_test of type float64"),
    ],
)
def test_wrong_arrays(changes, message, tmp_path):
    path = save_arrays(tmp_path / "svhn.npz", **changes)
    with pytest.raises(ValueError, match="`svhn` must be 'down") as error:
        load(svhn=path)
    error.match(message)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (toys.svhn(20)[0], np.full(20, 11), "`y` 11 in row 0, not from 1 to"),
        (toys.svhn(20)[0], np.full(20, 1.5), "`y` of .* not integers"),
        (toys.svhn(20)[0], np.full(3, 1), r"`y` of shape \(3, 1\)"),
        (np.zeros((20, 9, 9, 3)), np.full(20, 1), r"`X` of shape \(9, 9, 3,"),
    ],
)
def test_wrong_mat_files(images, labels, message, tmp_path):
    toys.save_mat(tmp_path / "train_32x32.mat", images, labels)
    with pytest.raises(ValueError, match=message):
        load(svhn=tmp_path)


def test_a_missing_digit(tmp_path):
    path = save_arrays(tmp_path / "svhn.npz", y_test=np.ones(20, int))
    with pytest.raises(ValueError, match="`svhn` must have every digit.*no 0"):
        load(svhn=path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_pairs": 15}, "`train_pairs` must be a positive multiple"),
        ({"held_out_pairs": 0}, "`held_out_pairs` must be a positive"),
        ({"svhn": "nowhere"}, "`svhn` must be .*FileNotFoundError"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        load(**options)
