import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("PIL")

from keras_mmreg.datasets import load_rml
from keras_mmreg.datasets.rml import clips
from keras_mmreg.datasets.rml.loading import split_of
from tests.datasets.rml import toys


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return toys.save(tmp_path_factory.mktemp("rml") / "RML")


def test_subjects(folder):
    data = load_rml(folder, dtype="uint8")
    assert data.train.name.tolist() == [
        "s1/an1.avi",
        "s1/ha1.avi",
        "s2/english/su2.avi",
    ]
    assert data.train.subject.tolist() == [1, 1, 2]
    assert data.train.y.tolist() == [0, 3, 5]
    assert data.validation.subject.tolist() == [6]
    assert data.test.subject.tolist() == [7, 8]
    assert data.test.y.tolist() == [1, 4]
    image, audio = data.train.x["image"], data.train.x["audio"]
    assert image.shape == (3, 128, 128, 3) and image.dtype == np.uint8
    np.testing.assert_allclose(image[1, 64, 64], [40, 100, 40], atol=12)
    # 160 of 190 columns have the color.
    np.testing.assert_allclose(image[1, 64, 2, :2], [128, 128], atol=12)
    assert audio.shape == (3, 256, 256, 1) and audio.dtype == np.float32


def test_clips(folder):
    found = clips.list_clips(folder)
    many = found._replace(file=found.file * 10)
    parts = split_of(many, "clips")
    assert [int(part.sum()) for part in parts.values()] == [48, 6, 6]
    assert (sum(part.astype(int) for part in parts.values()) == 1).all()


def test_large_frames_and_long_sounds(tmp_path):
    path = toys.clips.save(tmp_path / "s1/an1.avi", size=(640, 480))
    face, _ = clips.read_clip(path)
    # 320 of 380 columns have the color.
    assert face[64, 2, 0] < 150 < face[64, 64, 0]
    path = toys.clips.save(
        tmp_path / "s1/an2.avi", size=(320, 240), num_frames=90
    )
    _, audio = clips.read_clip(path)
    # 2.5 seconds are 227 frames; the others are mirrored.
    np.testing.assert_array_equal(audio[:, 14], audio[:, 16])


WRONG = {
    "missing": (lambda path: None, "FileNotFoundError"),
    "empty": (lambda path: path.mkdir(), "no file of such a name"),
    "outside": (
        lambda path: toys.save(path, ["actor/an1"], num_frames=1),
        "an1.avi outside of the folders s1 to s8",
    ),
    "twice": (
        lambda path: toys.save(path, ["a/s1/an1", "b/s1/an1"], num_frames=1),
        "s1/an1.avi twice",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name, tmp_path):
    write, found = WRONG[name]
    write(tmp_path / name)
    with pytest.raises(ValueError, match="`path` must be a folder") as error:
        load_rml(tmp_path / name)
    error.match(found)


def test_errors(folder):
    with pytest.raises(ValueError, match="`split` must be one of"):
        load_rml(folder, "random")
    with pytest.raises(ValueError, match="`dtype` must be"):
        load_rml(folder, dtype="int8")
