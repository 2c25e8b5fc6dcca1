import keras
import numpy as np
import pytest

from keras_mmreg.datasets import NYU_V2_CLASSES
from keras_mmreg.datasets import load_nyu_v2_segmentation
from keras_mmreg.datasets.nyu_v2_segmentation import scenes
from tests.datasets.nyu_v2_segmentation import toys


@pytest.fixture
def short(monkeypatch, tmp_path):
    path = toys.save_annotation(tmp_path / "annotation.npz")
    monkeypatch.setattr(scenes, "ANNOTATION_PATH", path)


@pytest.fixture(scope="module")
def mat(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nyu")
    return toys.save_mat(folder / "nyu_depth_v2_labeled.mat")


def test_the_official_split_and_classes():
    annotation = np.load(scenes.ANNOTATION_PATH)
    is_test, nyu40 = annotation["is_test"], annotation["nyu40"]
    assert len(is_test) == 1449 and is_test.sum() == 654
    # The beginning of `testNdxs`, from 1.
    first = [1, 2, 9, 14, 15, 16, 17, 18, 21, 28]
    assert (np.flatnonzero(is_test)[:10] + 1).tolist() == first
    # 894 labels and 0; each class but the last three is one label.
    assert len(nyu40) == 895 and nyu40[0] == 0 and nyu40[21] == 1
    assert np.bincount(nyu40).tolist() == [1] * 38 + [68, 82, 707]
    assert len(NYU_V2_CLASSES) == 40


@pytest.mark.usefixtures("short")
def test_published_layout(mat):
    data = load_nyu_v2_segmentation(str(mat))
    train, test = data
    assert train.image.tolist() == [0, 2, 3] and test.image.tolist() == [1, 4]
    assert train.x["rgb"].shape == (3, 60, 80, 3)
    assert train.x["depth"].shape == (3, 60, 80, 1)
    assert {x.dtype.name for x in train.x.values()} == {"float32"}
    assert train.y.shape == (3, 60, 80) and train.y.dtype == np.int32
    # Blocks of 8 pixels: red counts the columns, green the rows.
    red, green, blue = np.moveaxis(255 * test.x["rgb"][0], -1, 0)
    np.testing.assert_allclose(
        red, np.tile(10 + np.arange(80), (60, 1)), rtol=1e-5
    )
    np.testing.assert_allclose(green.T, np.tile(10 + np.arange(60), (80, 1)))
    assert not blue.any()
    depth = 2 + (8 * np.arange(60) + 3.5) / 480
    np.testing.assert_allclose(test.x["depth"][0, :, 7, 0], depth, rtol=1e-6)


@pytest.mark.usefixtures("short")
def test_classes(mat):
    data = load_nyu_v2_segmentation(mat)
    expected = np.full((60, 80), 39)
    for split, i, label in (
        (data.train, 0, 0),
        # Other props are no class.
        (data.test, 0, 39),
        (data.train, 1, NYU_V2_CLASSES.index("books")),
    ):
        expected[:30, 10:] = label
        np.testing.assert_array_equal(split.y[i], expected)
    all_classes = load_nyu_v2_segmentation(mat, num_classes=40)
    assert set(np.unique(all_classes.test.y[0])) == {39, 40}
    assert np.all(all_classes.test.y[0, :30, 10:] == 39)


@pytest.mark.usefixtures("short")
def test_size(mat):
    data = load_nyu_v2_segmentation(mat, size=(480, 640))
    variables = toys.variables()
    np.testing.assert_array_equal(
        data.test.x["depth"][1, ..., 0], variables["depths"][4].T
    )
    with pytest.raises(ValueError, match="cannot be divided into 50 x 80"):
        load_nyu_v2_segmentation(mat, size=(50, 80))


def test_arrays(tmp_path):
    arrays = toys.arrays()
    np.savez(tmp_path / "nyu.npz", **arrays)
    test = load_nyu_v2_segmentation(tmp_path / "nyu.npz", size=(6, 8)).test
    np.testing.assert_allclose(
        test.x["rgb"], arrays["rgb"][[1, 4]] / 255, rtol=1e-6
    )
    np.testing.assert_allclose(
        test.x["depth"][..., 0], arrays["depth"][[1, 4]] / 25.5, rtol=1e-6
    )
    np.testing.assert_array_equal(test.y, arrays["label"][[1, 4]])


@pytest.mark.usefixtures("short")
def test_download_is_verified(mat, monkeypatch):
    asked = []

    def get_file(name, origin, file_hash):
        asked.append((origin, file_hash))
        return str(mat)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    assert len(load_nyu_v2_segmentation().train.y) == 3
    assert asked == [(scenes.NYU_URL, scenes.NYU_SHA256)]


def changed(name, place, value):
    values = toys.variables()[name]
    values[place] = value
    return {name: values}


def save_with(path, **changes):
    np.savez(path, **toys.arrays() | changes)


WRONG = {
    "missing": (lambda path: None, "FileNotFoundError"),
    "text.mat": (lambda path: path.write_text("hello"), "OSError"),
    "names.mat": (
        lambda path: toys.save_mat(path, without=["labels"]),
        "no `labels` among",
    ),
    "few.mat": (
        lambda path: toys.save_mat(path, labels=np.zeros((4, 640, 480))),
        r"`labels` of shape \(4, 640, 480\), not \(5, 640, 480\)",
    ),
    "float.mat": (
        lambda path: toys.save_mat(path, labels=np.zeros((5, 640, 480))),
        "`labels` of type float64",
    ),
    "label.mat": (
        lambda path: toys.save_mat(path, **changed("labels", (3, 7, 9), 895)),
        "`labels` 895 in image 3, row 9, column 7, not from 0 to 3",
    ),
    "nan.mat": (
        lambda path: toys.save_mat(path, **changed("depths", 2, np.nan)),
        "`depths` from image 0 on with NaN or infinity",
    ),
    "negative.mat": (
        lambda path: toys.save_mat(path, **changed("depths", 2, -1.0)),
        "`depths` below 0",
    ),
    "label.npz": (
        lambda path: save_with(path, label=np.full((5, 6, 8), 40, "uint8")),
        "`label` 40 in image 0, row 0, column 0, not from 0 to 39",
    ),
    "split.npz": (
        lambda path: save_with(path, split=np.full(5, 2)),
        "`split` 2 in row 0, not from 0 to 1",
    ),
    "depth.npz": (
        lambda path: save_with(path, depth=np.zeros((5, 6, 9), "uint8")),
        r"`depth` of shape \(5, 6, 9\), not \(5, 6, 8\)",
    ),
    "type.npz": (
        lambda path: save_with(path, rgb=np.zeros((5, 6, 8, 3))),
        "`rgb` of type float64",
    ),
}


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name, tmp_path):
    write, found = WRONG[name]
    write(tmp_path / name)
    with pytest.raises(ValueError, match="`path` must be 'download'") as error:
        load_nyu_v2_segmentation(tmp_path / name, size=(6, 8))
    error.match(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (0, 8)}, "`size` must be positive"),
        ({"num_classes": 13}, "`num_classes` must be 39 or 40"),
        ({"num_classes": 40}, "`num_classes` 40 asked for, but"),
    ],
)
def test_errors(options, message, tmp_path):
    np.savez(tmp_path / "nyu.npz", **toys.arrays())
    with pytest.raises(ValueError, match=message):
        load_nyu_v2_segmentation(
            tmp_path / "nyu.npz", **{"size": (6, 8)} | options
        )
