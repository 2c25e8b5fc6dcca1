import pathlib

import numpy as np
import pytest

from keras_mmreg.datasets import load_daquar
from keras_mmreg.datasets.daquar import published

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


def save_arrays(path, **changes):
    rows = published.read_rows(DUMMY_DATA, 894)
    arrays = {
        "question_utf8": text(rows.question),
        "answer_utf8": text(rows.answer),
        "image": rows.image.astype("int16"),
        "split": rows.test["official"].astype("uint8"),
        "cp_split": np.arange(18) % 2,
        "cp_soft": np.arange(18) % 3 == 0,
    }
    np.savez(path, **arrays | changes)
    return path


def text(items):
    return np.frombuffer("\n".join(items).encode(), "uint8")


def test_questions_and_answers():
    data = load_daquar(DUMMY_DATA)
    assert [len(part.y) for part in data[:3]] == [10, 2, 6]
    train = data.train
    assert train.x["question"].shape == (10, 20)
    assert train.x["question"].dtype == train.y.dtype == np.int32
    question = "what is on the left side of the desk"
    assert train.question_text[0] == question
    words = [data.vocabulary[i] for i in train.x["question"][0] if i]
    assert words == question.split()
    assert [data.answers[i] for i in train.y] == train.answer_text.tolist()
    assert train.question_type[:3].tolist() == [
        "what is on",
        "how many chairs",
        "what color is",
    ]


def test_an_answer_that_training_lacks_is_no_class():
    test = load_daquar(DUMMY_DATA).test
    assert (test.y == -1).tolist() == (test.answer_text == "purple").tolist()
    few = load_daquar(DUMMY_DATA, num_answers=2)
    assert len(few.answers) == 2 and few.train.y.min() == 0


def test_validation_has_images_of_its_own():
    data = load_daquar(DUMMY_DATA, validation_split=0.4)
    assert len(data.validation.y) == 4
    assert not set(data.validation.frame) & set(data.train.frame)


def test_arrays_give_the_same(tmp_path):
    path = save_arrays(tmp_path / "daquar.npz")
    parts = load_daquar(path)[:3], load_daquar(DUMMY_DATA)[:3]
    for one, two in zip(*parts, strict=True):
        np.testing.assert_array_equal(one.x["question"], two.x["question"])
        for left, right in zip(one[1:], two[1:], strict=True):
            np.testing.assert_array_equal(left, right)


def test_shipped_splits():
    splits = published.read_cp_splits()
    assert {k: (len(v), v.sum()) for k, v in splits.items()} == {
        "cp": (12468, 4169),
        "cp_soft": (12468, 5000),
    }


def test_shipped_splits_are_for_these_rows_alone(monkeypatch):
    with pytest.raises(ValueError, match="12,468 questions .* in their order"):
        load_daquar(DUMMY_DATA, split="cp_soft")
    digest = published.rows_digest(published.read_rows(DUMMY_DATA, 894))
    monkeypatch.setattr(published, "_ROWS_SHA256", digest)
    mark = np.arange(18) % 3 == 0
    monkeypatch.setattr(published, "read_cp_splits", lambda: {"cp": mark})
    assert len(load_daquar(DUMMY_DATA, split="cp").test.y) == 6


def test_frames(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for number in range(1, 30):
        color = (number, 0, 255 - number)
        image.new("RGB", (8, 6), color).save(tmp_path / f"image{number}.png")
    data = load_daquar(DUMMY_DATA, frames=tmp_path, image_size=(3, 4))
    for part in data[:3]:
        assert part.x["image"].shape == (len(part.y), 3, 4, 3)
        np.testing.assert_array_equal(
            part.x["image"][:, 0, 0, 0], part.frame + 1
        )
    (tmp_path / "image20.png").write_text("no image")
    with pytest.raises(ValueError, match="`frames` must be .*image20.png"):
        load_daquar(DUMMY_DATA, frames=tmp_path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("what is in image3 ?", "train.txt of 1 lines, an odd number"),
        ("what is in image3 ?\nbox\nwhat ?\nbox", "line 3 of qa.894.raw.tr"),
        ("what is in image0 ?\nbox", "line 1 of .* an image from 1 to 1449"),
        ("what is in image1450 ?\nbox", "an image from 1 to 1449"),
        ("what is in image3 ?\n ", "line 1 of .* or has no answer"),
    ],
)
def test_wrong_text(lines, message, tmp_path):
    (tmp_path / "qa.894.raw.train.txt").write_text(lines)
    with pytest.raises(ValueError, match="`path` must be the fold") as error:
        load_daquar(tmp_path)
    error.match(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": np.full(18, 1449)}, "`image` 1449 in row 0, not from 0 to"),
        ({"image": np.zeros(3, int)}, "`image` of 3 entries, not 18"),
        ({"split": np.arange(18)}, "`split` 2 in row 2, not from 0 to 1"),
        ({"answer_utf8": text(["one"])}, "18 questions and 1 answers"),
        ({"answer_utf8": np.zeros(3)}, "text of .* float64, not bytes"),
    ],
)
def test_wrong_arrays(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_daquar(save_arrays(tmp_path / "daquar.npz", **changes))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "hard"}, "`split` must be one of"),
        ({"classes": 10}, "`classes` must be 894 or 37"),
        ({"validation_split": 1.0}, "`validation_split` must be a share"),
        ({"question_length": 0}, "`length` must be a positive"),
        ({"frames": "none.npz"}, "`frames` must be .* FileNotFoundError"),
        ({"path": "nowhere"}, "`path` must be .* FileNotFoundError"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        load_daquar(**{"path": DUMMY_DATA} | options)


def test_soft_split_from_arrays(tmp_path):
    path = save_arrays(tmp_path / "daquar.npz")
    assert len(load_daquar(path, split="cp_soft").test.y) == 6
    assert len(load_daquar(path, split="cp").test.y) == 9
