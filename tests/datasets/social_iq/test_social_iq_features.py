import numpy as np
import pytest

from keras_mmreg.datasets import load_social_iq_features
from keras_mmreg.datasets.social_iq.features import read_folds
from tests.datasets.social_iq import toys


def test_folds():
    folds = read_folds()
    assert {name: len(set(v)) for name, v in folds.items()} == {
        "train": 888,
        "valid": 127,
    }
    assert not set(folds["train"]) & set(folds["valid"])


def test_every_answer_once(tmp_path):
    videos = toys.save(tmp_path)
    data = load_social_iq_features(tmp_path, validation_split=0.3)
    # 6 questions with 4 correct and 3 incorrect answers each.
    assert [len(part.y) for part in data] == [2 * 42, 42, 2 * 42]
    assert set(data.test.video) == set(videos[3:])
    assert set(data.train.video) | set(data.validation.video) == {*videos[:3]}
    for part in data:
        assert part.y.sum() * 7 == len(part.y) * 4
        rows = np.concatenate([part.x["question"], part.x["answer"]], axis=1)
        assert len(np.unique(rows, axis=0)) == len(rows)
        # See `toys.text_vector`: video, question, kind, answer.
        number = [videos.index(video) for video in part.video]
        np.testing.assert_array_equal(part.x["answer"][:, 0], number)
        np.testing.assert_array_equal(part.x["answer"][:, 2], 2 - part.y)
        np.testing.assert_array_equal(
            part.x["question"][:, :2], part.x["answer"][:, :2]
        )
        assert np.bincount(part.question_index).max() == 7
        for name, size in toys.SIZES.items():
            np.testing.assert_array_equal(
                part.x[name], np.tile(np.transpose([number]), size)
            )


def test_values_that_are_not_finite_are_left_out(tmp_path):
    values = np.array([[1, np.nan, np.nan], [3, np.inf, -np.inf], [5, 7, 0]])
    values[2, 2] = np.nan
    toys.save(tmp_path, acoustic=[values.astype("float32")] * 5)
    x = load_social_iq_features(tmp_path, ["acoustic"]).test.x
    assert sorted(x) == ["acoustic", "answer", "question"]
    assert x["acoustic"][0].tolist() == [3.0, 7.0, 0.0]


def test_videos_that_a_file_lacks_are_left_out(tmp_path):
    videos = toys.save(tmp_path, vision=[np.ones((1, 5), "float32")] * 4)
    data = load_social_iq_features(tmp_path)
    assert set(data.test.video) == {videos[3]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": [np.ones((2, 3), "float32")]}, r"shape \(2, 3\), not"),
        ({"question": [np.full((1,) * 3 + (3, 1, 1), np.nan, "float32")]},
         "with NaN or infinity"),
        ({"vision": [np.ones((1, 5)), np.ones((1, 4))]}, "features, not"),
        ({"vision": [np.ones((0, 5))]}, r"of shape \(0, 5\)"),
        ({"vision": [np.ones((2, 5), int)]}, "of type int64"),
        ({"vision": [np.ones((1, 5))]}, "0 of the validation fold"),
    ],
)  # fmt: skip
def test_wrong_files(changes, message, tmp_path):
    toys.save(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        load_social_iq_features(tmp_path)


def test_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="`modalities` must be names"):
        load_social_iq_features(tmp_path, ["smell"])
    with pytest.raises(ValueError, match="`path` must be .*DENSENET161"):
        load_social_iq_features(tmp_path)
    (tmp_path / "SOCIAL_IQ_DENSENET161_1FPS.csd").write_text("hello")
    with pytest.raises(ValueError, match="`path` must be .*OSError"):
        load_social_iq_features(tmp_path)
