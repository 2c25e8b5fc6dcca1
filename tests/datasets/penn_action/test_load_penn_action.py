import numpy as np
import pytest

from keras_mmreg.datasets import PENN_ACTIONS
from keras_mmreg.datasets import load_penn_action

pytest.importorskip("scipy")
pytest.importorskip("PIL")

from tests.datasets.penn_action import toys

EVERYTHING = ("pose", "box", "frames")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return toys.save_folder(tmp_path_factory.mktemp("data") / "Penn_Action")


def test_published_layout(folder):
    data = load_penn_action(folder, EVERYTHING, num_frames=3)
    train, test = data
    assert train.x["pose"].shape == (2, 3, 13, 3)
    assert train.x["box"].shape == (2, 3, 4)
    assert train.x["frames"].shape == (2, 3, 64, 64, 3)
    assert {x.dtype.name for x in train.x.values()} == {"float32"}
    assert [PENN_ACTIONS[y] for y in train.y] == [
        "baseball_pitch",
        "tennis_serve",
    ]
    assert [PENN_ACTIONS[y] for y in test.y] == ["pullup", "squat"]
    assert train.clip.tolist() == [1, 5] and test.clip.tolist() == [2, 12]
    assert train.view.tolist() == [0, 3] and test.view.tolist() == [2, 1]


def test_pose_and_box(folder):
    train = load_penn_action(str(folder), num_frames=3).train
    # Boxes of 40 pixels height in 100 x 50; at the last frame the box is that
    # of the frame before, a pixel further left.
    joints = np.arange(13)
    for moment, shift in enumerate([0, 0, 1]):
        pose = train.x["pose"][0, moment]
        np.testing.assert_allclose(pose[:, 0], (joints + shift) / 40)
        np.testing.assert_allclose(pose[:, 1], 3 * joints / 40, rtol=1e-6)
        np.testing.assert_array_equal(pose[:, 2], (joints + 1) % 2)
    np.testing.assert_allclose(train.x["box"][0, 0], [0.1, 0.1, 0.3, 0.9])
    np.testing.assert_allclose(
        train.x["box"][0, 2], [0.17, 0.1, 0.37, 0.9], rtol=1e-6
    )


def test_frames(folder):
    options = {"num_frames": 3, "frame_size": (4, 6)}
    train = load_penn_action(folder, ["frames"], **options, dtype="uint8").train
    assert train.x["frames"].dtype == np.uint8
    expected = [[20, 25 * moment, 100] for moment in (0, 4, 8)]
    np.testing.assert_allclose(
        train.x["frames"][0].astype(float),
        np.broadcast_to(np.array(expected)[:, None, None], (3, 4, 6, 3)),
        atol=4,
    )
    floats = load_penn_action(folder, ["frames"], **options).train
    np.testing.assert_allclose(
        floats.x["frames"], train.x["frames"] / 255, rtol=1e-6
    )


def test_poses_without_frames(tmp_path):
    folder = toys.save_folder(tmp_path / "Penn_Action", frames=False)
    assert load_penn_action(folder).test.x["pose"].shape == (2, 16, 13, 3)
    with pytest.raises(ValueError, match="FileNotFoundError"):
        load_penn_action(folder, ["frames"])


def test_arrays(tmp_path):
    arrays = toys.arrays()
    np.savez(tmp_path / "penn.npz", **arrays)
    data = load_penn_action(tmp_path / "penn.npz", num_frames=4)
    assert data.train.clip.tolist() == [2, 3, 5, 6]
    assert data.test.y.tolist() == [0, 3]
    for name in ("pose", "box"):
        found = data.test.x[name]
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, arrays[name][[0, 3]])


def save_with(path, **changes):
    np.savez(path, **toys.arrays() | changes)


def save_mats(path, **changes):
    toys.save_folder(path, frames=False, **changes)


WRONG = {
    "missing": (lambda path: None, "FileNotFoundError"),
    "empty": (lambda path: (path / "labels").mkdir(parents=True), "no file of"),
    "action": (
        lambda path: save_mats(path, action="juggling"),
        "0001.mat: `action` 'juggling', not of",
    ),
    "split": (
        lambda path: save_mats(path, train=7),
        "0001.mat: `train` 7, not of",
    ),
    "length": (
        lambda path: save_mats(path, nframes=-1),
        "0001.mat: `x` of 9 rows for -1 frames",
    ),
    "joints": (
        lambda path: save_mats(path, x=np.zeros((9, 14))),
        r"0001.mat: `x` of shape \(9, 14\), not \(any, 13\)",
    ),
    "nan": (
        lambda path: save_mats(path, y=np.full((9, 13), np.nan)),
        "0001.mat: `y` with NaN or infinity",
    ),
    "size": (
        lambda path: save_mats(path, dimensions=np.zeros((1, 3))),
        "0001.mat: `dimensions` below 1",
    ),
    "action.npz": (
        lambda path: save_with(path, action=np.array([0, 1, 15, 3, 4, 5])),
        "`action` 15 in row 2, not from 0 to 14",
    ),
    "view.npz": (
        lambda path: save_with(path, view=np.full(6, -1)),
        "`view` -1 in row 0, not from 0 to 3",
    ),
    "nan.npz": (
        lambda path: save_with(path, box=np.full((6, 4, 4), np.nan)),
        "`box` with NaN or infinity",
    ),
    "short.npz": (
        lambda path: save_with(path, pose=np.zeros((6, 3, 13, 3))),
        "`pose` of 3 frames a clip, fewer than the 4 asked for",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name, tmp_path):
    write, found = WRONG[name]
    write(tmp_path / name)
    with pytest.raises(ValueError, match="`path` must be the folder") as error:
        load_penn_action(tmp_path / name, num_frames=4)
    error.match(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modalities": ["rgb"]}, "`modalities` must be some of"),
        ({"num_frames": 0}, "`num_frames` must be positive"),
        ({"frame_size": (0, 4)}, "`frame_size` must be positive"),
        ({"dtype": "int8"}, "`dtype` must be 'float32' or"),
        ({"modalities": ["frames"]}, "in the published folder alone"),
    ],
)
def test_errors(options, message, tmp_path):
    np.savez(tmp_path / "penn.npz", **toys.arrays())
    with pytest.raises(ValueError, match=message):
        load_penn_action(tmp_path / "penn.npz", **options)
