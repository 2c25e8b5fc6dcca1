import keras
import numpy as np
import pytest

from keras_mmreg.datasets import colorize
from keras_mmreg.datasets import load_colored_mnist
from keras_mmreg.datasets.colored_mnist.mnist_archive import SAMPLE_PATH
from keras_mmreg.datasets.colored_mnist.mnist_archive import read_mnist


@pytest.fixture(scope="module")
def data():
    return load_colored_mnist()


@pytest.fixture(scope="module")
def mnist():
    return read_mnist()


def rows(images):
    return {image.tobytes() for image in images}


def save_train_subset(mnist, indices, path):
    arrays = mnist._asdict() | {
        "x_train": mnist.x_train[indices],
        "y_train": mnist.y_train[indices],
    }
    np.savez(path, **arrays)
    return path


def test_sample(mnist):
    assert mnist.x_train.shape == (5000, 28, 28)
    assert mnist.x_test.shape == (1000, 28, 28)
    assert np.bincount(mnist.y_train).tolist() == [500] * 10
    assert np.bincount(mnist.y_test).tolist() == [100] * 10
    assert len(rows(mnist.x_train) | rows(mnist.x_test)) == 6000
    assert SAMPLE_PATH.stat().st_size < 1_100_000


@pytest.mark.parametrize(
    ("split", "size"), [("train", 4500), ("validation", 500), ("test", 1000)]
)
def test_splits(data, split, size):
    x, y = getattr(data, split)
    assert x["color"].shape == (size, 3)
    assert x["shape"].shape == (size, 28, 28, 1)
    assert x["color"].dtype == x["shape"].dtype == np.float32
    assert y.dtype == np.int32
    assert np.bincount(y).tolist() == [size // 10] * 10
    np.testing.assert_array_equal(x["color"], colorize(x["shape"], y)["color"])


def test_validation_is_the_rest_of_train(data, mnist):
    train = rows(np.rint(255 * data.train[0]["shape"]).astype("uint8"))
    held_out = rows(np.rint(255 * data.validation[0]["shape"]).astype("uint8"))
    assert not train & held_out
    assert train | held_out == rows(mnist.x_train)


def test_gray_sets_are_the_test_digits(data):
    assert list(data.test_gray) == [0.0, 0.5, 1.0]
    for value, (x, y) in data.test_gray.items():
        assert np.all(x["color"] == value)
        np.testing.assert_array_equal(x["shape"], data.test[0]["shape"])
        np.testing.assert_array_equal(y, data.test[1])


def test_seed_changes_colors_only(data):
    other = load_colored_mnist(seed=1)
    for split in ("train", "validation", "test"):
        (x, y), (x_other, y_other) = getattr(data, split), getattr(other, split)
        np.testing.assert_array_equal(x["shape"], x_other["shape"])
        np.testing.assert_array_equal(y, y_other)
        assert np.all(np.any(x["color"] != x_other["color"], axis=1))


def test_options():
    data = load_colored_mnist(
        validation_split=0.25,
        color_stddev=0.0,
        palette=np.full((10, 3), 0.25),
        gray_values=[0.75],
    )
    assert len(data.train[1]) == 3750 and len(data.validation[1]) == 1250
    assert np.all(data.train[0]["color"] == 0.25)
    assert list(data.test_gray) == [0.75]


def test_no_validation():
    data = load_colored_mnist(validation_split=0.0)
    assert len(data.train[1]) == 5000 and len(data.validation[1]) == 0


@pytest.fixture
def unbalanced(mnist, tmp_path):
    few_threes = np.r_[
        np.flatnonzero(mnist.y_train != 3)[:1000],
        np.flatnonzero(mnist.y_train == 3)[:7],
    ]
    return save_train_subset(mnist, few_threes, tmp_path / "mnist.npz")


def test_local_file_is_stratified(unbalanced):
    data = load_colored_mnist(unbalanced, validation_split=0.2)
    train, held_out = (
        np.bincount(y, minlength=10) for _, y in (data.train, data.validation)
    )
    assert held_out.sum() == round(0.2 * 1007)
    assert np.all(np.abs(held_out - 0.2 * (train + held_out)) <= 1.0)
    by_string = load_colored_mnist(str(unbalanced), validation_split=0.2)
    np.testing.assert_array_equal(data.train[1], by_string.train[1])


def test_validation_does_not_depend_on_the_order(mnist, tmp_path):
    order = np.random.default_rng(0).permutation(5000)
    path = save_train_subset(mnist, order, tmp_path / "shuffled.npz")
    split, shuffled = load_colored_mnist(), load_colored_mnist(path)
    assert rows(split.validation[0]["shape"]) == rows(
        shuffled.validation[0]["shape"]
    )
    assert rows(split.train[0]["color"]) == rows(shuffled.train[0]["color"])


def test_download_is_that_of_keras(mnist, monkeypatch):
    monkeypatch.setattr(
        keras.datasets.mnist,
        "load_data",
        lambda: ((mnist.x_train, mnist.y_train), (mnist.x_test, mnist.y_test)),
    )
    data = load_colored_mnist("download")
    assert len(data.train[1]) == 4500 and len(data.test[1]) == 1000


@pytest.mark.parametrize("share", [-0.1, 1.0, 6000])
def test_validation_split_error(share):
    with pytest.raises(ValueError, match="`validation_split` must be a share"):
        load_colored_mnist(validation_split=share)


def save_one_array(path, array):
    with path.open("wb") as file:
        np.save(file, array)


def label(arrays, row, value):
    labels = arrays["y_test"].astype(type(value))
    labels[row] = value
    return {"y_test": labels}


def wrong_files(arrays):
    """Writes files that are not MNIST, with what the error says of each."""
    images = np.zeros((3, 32, 32), "uint8")
    return {
        "missing": (lambda path: None, "FileNotFoundError"),
        "text": (lambda path: path.write_text("hello"), "ValueError"),
        "cut": (
            lambda path: path.write_bytes(SAMPLE_PATH.read_bytes()[:1000]),
            "BadZipFile",
        ),
        "one array": (
            lambda path: save_one_array(path, images),
            "IndexError",
        ),
        "other names": (lambda path: np.savez(path, x=images), "x_train"),
        "other shape": (
            lambda path: np.savez(path, **arrays | {"x_test": images}),
            r"`x_test` of shape \(3, 32, 32\)",
        ),
        "other type": (
            lambda path: np.savez(
                path, **arrays | {"x_train": arrays["x_train"] / 255.0}
            ),
            "`x_train` of shape .* float64",
        ),
        "too few labels": (
            lambda path: np.savez(
                path, **arrays | {"y_train": arrays["y_train"][1:]}
            ),
            "`y_train` of 4999 entries, not 5000",
        ),
        "label 99": (
            lambda path: np.savez(path, **arrays | label(arrays, 3, 99)),
            "`y_test` 99 in row 3, not from 0 to 9",
        ),
        "label -1": (
            lambda path: np.savez(path, **arrays | label(arrays, 0, -1)),
            "`y_test` -1 in row 0, not from 0 to 9",
        ),
        "labels of floats": (
            lambda path: np.savez(path, **arrays | label(arrays, 0, np.nan)),
            "`y_test` of shape .* float64, not integers",
        ),
        "bomb": (
            lambda path: np.savez_compressed(
                path, x_train=np.zeros((180_000, 28, 28), "uint8")
            ),
            "unpacks to .* bytes, more than 134217728",
        ),
    }


@pytest.mark.parametrize("case", list(wrong_files({})))
def test_wrong_file(case, mnist, tmp_path):
    write, found = wrong_files(mnist._asdict())[case]
    path = tmp_path / "mnist.npz"
    write(path)
    with pytest.raises(ValueError, match="`path` must be an `mnist.npz`") as e:
        load_colored_mnist(path)
    e.match(found)
