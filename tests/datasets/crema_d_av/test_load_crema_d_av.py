import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("PIL")

from keras_mmreg.datasets import load_crema_d_av
from keras_mmreg.datasets.crema_d_av import clips
from keras_mmreg.datasets.crema_d_av.loading import split_of
from tests.datasets.crema_d_av import toys


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return toys.save(tmp_path_factory.mktemp("crema_d") / "CREMA-D")


def test_authors_split(folder):
    data = load_crema_d_av(folder, "authors")
    assert data.validation.name.tolist() == ["1001_DFA_DIS_XX"]
    assert data.test.name.tolist() == ["1063_IOM_FEA_XX"]
    train = data.train
    assert train.name.tolist() == ["1063_IEO_ANG_HI", "1091_WSI_SAD_XX"]
    labels = (train.y, train.actor, train.sentence, train.level, train.sex)
    assert [label.tolist() for label in (*labels, train.race)] == [
        [0, 5],
        [1063, 1091],
        [0, 11],
        [2, 3],
        [0, 0],
        [0, 1],
    ]
    assert train.y.dtype == np.int32


def test_faces_and_voices(folder):
    train = load_crema_d_av(folder, "authors", dtype="uint8").train
    image, audio = train.x["image"], train.x["audio"]
    assert image.shape == (2, 128, 128, 3) and image.dtype == np.uint8
    np.testing.assert_allclose(image[0, 64, 64], [80, 100, 40], atol=12)
    assert audio.shape == (2, 256, 256, 1) and audio.dtype == np.float32
    # The tone of 1 kHz.
    loudest = audio[0, ..., 0].mean(axis=1).argmax()
    centers = clips.mel_spectrogram(np.sin(np.arange(9000) * 0.1425), 44_100)
    assert abs(loudest - centers.mean(axis=1).argmax()) <= 1
    floats = load_crema_d_av(folder, "authors").train.x["image"]
    np.testing.assert_allclose(floats, image / 255, rtol=1e-6)


def test_frames_around_the_middle(folder):
    first, again, other = (
        load_crema_d_av(folder, "authors", "uint8", frame_seed=seed)
        for seed in (0, 0, 3)
    )
    blues = [
        [part.x["image"][0, 64, 64, 2] for part in data]
        for data in (first, again, other)
    ]
    assert blues[0] == blues[1] != blues[2]


def test_actors_are_on_one_side():
    random = np.random.default_rng(0)
    actor = np.repeat(np.arange(1001, 1092), 4).astype("int32")
    found = clips.Clips(
        [None] * 364, actor.astype(str), *random.permuted(np.stack([actor] * 6))
    )._replace(actor=actor)
    parts = split_of(found, "actors")
    sides = [set(actor[part]) for part in parts.values()]
    assert [len(side) for side in sides] == [73, 9, 9]
    assert len(set.union(*sides)) == 91
    assert not (split_of(found, "actors", 1)["test"] == parts["test"]).all()


def test_the_authors_lists():
    lists = clips.read_authors_split()
    assert [len(lists[part]) for part in ("validation", "test")] == [744, 744]
    assert not lists["validation"] & lists["test"]


WRONG = {
    "missing": (lambda path: None, "FileNotFoundError"),
    "empty": (
        lambda path: (toys.save(path, ()) / "VideoFlash").mkdir(),
        "no file of such a name",
    ),
    "actor": (
        lambda path: toys.save(path, ["1092_DFA_ANG_XX"]),
        "1092_DFA_ANG_XX.flv, whose actor",
    ),
    "people": (
        lambda path: toys.save(path, (), toys.PEOPLE.replace("Male", "M")),
        "VideoDemographics.csv, line 2: actor '1001', sex 'M' and race",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name, tmp_path):
    write, found = WRONG[name]
    write(tmp_path / name)
    with pytest.raises(ValueError, match="`path` must be the folder") as error:
        load_crema_d_av(tmp_path / name)
    error.match(found)


def test_errors(folder):
    with pytest.raises(ValueError, match="`split` must be one of"):
        load_crema_d_av(folder, "random")
    with pytest.raises(ValueError, match="`dtype` must be"):
        load_crema_d_av(folder, dtype="int8")
    path = toys.clips.save(folder / "1001_DFA_ANG_XX.flv", size=(64, 64))
    with pytest.raises(ValueError, match="frames of 64 rows, not 360"):
        clips.read_clip(path)
