import numpy as np
import pytest

from keras_mmreg.datasets import UTD_MHAD_ACTIONS
from keras_mmreg.datasets import load_utd_mhad

pytest.importorskip("scipy")

from tests.datasets.utd_mhad import toys

SMALL = {"depth_frames": 2, "depth_size": (6, 8)}
SMALL |= {"skeleton_frames": 4, "inertial_samples": 6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return toys.save_zips(tmp_path_factory.mktemp("data") / "UTD-MHAD")


@pytest.fixture
def npz(tmp_path):
    np.savez(tmp_path / "utd.npz", **toys.arrays())
    return tmp_path / "utd.npz"


def test_published_layout(folder):
    data = load_utd_mhad(folder)
    train, test = data
    assert train.x["depth"].shape == (8, 8, 48, 64, 1)
    assert train.x["skeleton"].shape == (8, 32, 20, 3)
    assert train.x["inertial"].shape == (8, 64, 6)
    assert {x.dtype.name for x in train.x.values()} == {"float32"}
    assert train.y.tolist() == [0] * 4 + [26] * 4
    assert train.subject.tolist() == [1, 1, 7, 7] * 2
    assert test.subject.tolist() == [2] * 4
    assert train.trial.tolist() == [1, 2] * 4
    assert train.y.dtype == train.subject.dtype == np.int32


def test_values(folder):
    train = load_utd_mhad(folder, depth_frames=10, skeleton_frames=10).train
    # Action 1, subject 1, trial 1: 111 mm in the left half, 1 mm a frame.
    depth = train.x["depth"][0, ..., 0]
    np.testing.assert_allclose(depth[0, :, :32], 0.111, rtol=1e-6)
    np.testing.assert_allclose(depth[9, :, :32], 0.120, rtol=1e-6)
    assert not depth[:, :, 32:].any()
    skeleton = train.x["skeleton"][0]
    np.testing.assert_allclose(skeleton[0, 1], [111.03, 111.04, 111.05])
    np.testing.assert_allclose(skeleton[:, 0, 0], 111.0 + np.arange(10))
    # The first and last of 80 samples.
    inertial = train.x["inertial"][0]
    np.testing.assert_allclose(inertial[[0, -1], 0], [111.0, 190.0])


def test_interpolation(folder):
    data = load_utd_mhad(folder, depth_frames=4, skeleton_frames=4)
    # 10 frames at 0, 3, 6 and 9, or 80 samples at 64 moments.
    np.testing.assert_allclose(
        data.train.x["skeleton"][0, :, 0, 0], [111.0, 114.0, 117.0, 120.0]
    )
    np.testing.assert_allclose(
        data.train.x["depth"][0, :, 0, 0, 0],
        [0.111, 0.114, 0.117, 0.12],
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        data.train.x["inertial"][0, :, 0],
        111.0 + np.linspace(0, 79, 64),
        rtol=1e-6,
    )


def test_folders_are_as_good_as_archives(folder, tmp_path):
    unpacked = toys.save_folders(tmp_path / "unpacked")
    for split, same in zip(
        load_utd_mhad(folder), load_utd_mhad(str(unpacked)), strict=True
    ):
        np.testing.assert_array_equal(split.y, same.y)
        for name, x in split.x.items():
            np.testing.assert_array_equal(x, same.x[name])


def test_some_modalities(tmp_path):
    folder = toys.save_zips(tmp_path, ["skeleton", "inertial"])
    data = load_utd_mhad(folder, modalities=["inertial"])
    assert list(data.test.x) == ["inertial"]
    with pytest.raises(ValueError, match="a1_s1_t1 as .* alone"):
        load_utd_mhad(folder)


def test_arrays(npz):
    arrays = toys.arrays()
    data = load_utd_mhad(npz, **SMALL)
    for split, odd in zip(data, (1, 0), strict=True):
        assert set(split.subject) == {2 - odd, 4 - odd, 6 - odd, 8 - odd}
        assert np.bincount(split.y).tolist() == [4] * len(UTD_MHAD_ACTIONS)
        for i in (0, 50):
            row = np.flatnonzero(
                (arrays["action"] == split.y[i])
                & (arrays["subject"] == split.subject[i])
            )[0]
            depth = 0.016 * arrays["depth"][row].astype("float32")
            np.testing.assert_allclose(
                split.x["depth"][i, ..., 0], depth, rtol=1e-6
            )
            np.testing.assert_array_equal(
                split.x["skeleton"][i], arrays["skeleton"][row]
            )


def test_subjects(npz):
    data = load_utd_mhad(npz, train_subjects=[1, 3], test_subjects=[2], **SMALL)
    assert set(data.train.subject) == {1, 3} and set(data.test.subject) == {2}


def save_with(path, **changes):
    np.savez(path, **toys.arrays() | changes)


def label(name, row, value):
    labels = toys.arrays()[name].astype(int)
    labels[row] = value
    return {name: labels}


def save_mat(path, name="a1_s1_t1_inertial.mat", **variables):
    path.mkdir()
    (path / name).write_bytes(toys.mat_file(**variables))


WRONG = {
    "missing": (lambda path: None, "FileNotFoundError"),
    "empty": (lambda path: path.mkdir(), "no file of such a name"),
    "action": (
        lambda path: save_mat(path, "a28_s1_t1_inertial.mat", d_iner=[1.0]),
        "a28_s1_t1_inertial.mat, where actions go from 1 to 27",
    ),
    "shape": (
        lambda path: save_mat(path, d_iner=np.zeros((4, 5))),
        r"a1_s1_t1_inertial.mat: `d_iner` of shape \(4, 5\), not \(any, 6\)",
    ),
    "long": (
        lambda path: save_mat(path, d_iner=np.zeros((100_000, 6))),
        r"of shape \(100000, 6\)",
    ),
    "nan": (
        lambda path: save_mat(path, d_iner=np.full((4, 6), np.nan)),
        r"a1_s1_t1_inertial.mat: `d_iner` with NaN or infinity at \[0, 0\]",
    ),
    "name": (lambda path: save_mat(path, x=[1.0]), "no `d_iner` among"),
    "label.npz": (
        lambda path: save_with(path, **label("action", 5, 99)),
        "`action` 99 in row 5, not from 0 to 26",
    ),
    "negative.npz": (
        lambda path: save_with(path, **label("subject", 7, -1)),
        "`subject` -1 in row 7, not from 1 to 8",
    ),
    "float.npz": (
        lambda path: save_with(path, action=np.full(216, np.nan)),
        "`action` of shape .* float64, not integers",
    ),
    "few.npz": (
        lambda path: save_with(path, subject=np.ones(3, int)),
        "`subject` of 3 entries, not 216",
    ),
    "twice.npz": (
        lambda path: save_with(path, subject=np.ones(216, int)),
        "two clips of one action, subject and trial",
    ),
    "frames.npz": (
        lambda path: save_with(path, inertial=np.zeros((216, 5, 6))),
        "`inertial` of 5 frames a clip, fewer than the 6 asked for",
    ),
    "pickle.npz": (
        lambda path: save_with(path, action=np.full(216, None)),
        "Object arrays cannot be loaded",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name, tmp_path):
    write, found = WRONG[name]
    write(tmp_path / name)
    with pytest.raises(ValueError, match="`path` must be a folder") as error:
        modalities = ["inertial"] if "." not in name else toys.MODALITIES
        load_utd_mhad(tmp_path / name, modalities, **SMALL)
    error.match(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modalities": ["rgb"]}, "`modalities` must be some of"),
        ({"modalities": []}, "`modalities` must be some of"),
        ({"train_subjects": [0]}, "`train_subjects` must be integers"),
        ({"test_subjects": []}, "`test_subjects` must be integers"),
        ({"test_subjects": [1, 2]}, "must be none of `train_subjects`"),
        ({"depth_frames": 0}, "`depth_frames` must be positive"),
        ({"depth_size": (4, 8)}, "cannot be divided into 4 x 8 blocks"),
    ],
)
def test_errors(npz, options, message):
    with pytest.raises(ValueError, match=message):
        load_utd_mhad(npz, **SMALL | options)
