import json
import pathlib
import shutil

import numpy as np
import pytest

from keras_mmreg.datasets import load_vqa_cp
from keras_mmreg.datasets import vqa_scores

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


def load(**options):
    return load_vqa_cp(**{"path": DUMMY_DATA} | options)


def test_questions_and_answers():
    data = load()
    assert [len(part.y) for part in data[:3]] == [22, 2, 8]
    assert data.answers == ("2", "yes")
    for part in data[:3]:
        assert part.x["question"].shape == (len(part.y), 14)
        asks_number = part.question_type == "how many"
        np.testing.assert_array_equal(part.answer_type == "number", asks_number)
        # The annotations are in another order than the questions.
        assert part.question_text[asks_number][0] == "How many dogs are there?"
        np.testing.assert_array_equal(part.y == 0, asks_number)
        np.testing.assert_array_equal(part.question_id // 1000, part.image_id)
    words = [data.vocabulary[i] for i in data.train.x["question"][0] if i]
    assert words == ["is", "the", "dog", "black"]


def test_answers_that_are_no_class():
    data = load()
    # Training never says no.
    assert data.test.y.tolist() == [-1, 0] * 4
    assert data.train.answers[0].tolist() == [1] * 7 + [-1] * 3
    assert load(min_answer_count=11).train.answers.shape == (22, 10)


def test_people_count():
    scores = vqa_scores(load(min_answer_count=1).train.answers, 2)
    assert scores[:2].tolist() == [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize("count", range(1, 11))
def test_scores_are_the_official_accuracy(count):
    answers = np.array([[0] * count + [-1] * (10 - count)])
    # min(count / 3, 1), averaged over the choices of nine people.
    subsets = [np.delete(answers[0], person) for person in range(10)]
    expected = np.mean([min((nine == 0).sum() / 3, 1.0) for nine in subsets])
    np.testing.assert_allclose(
        vqa_scores(answers, 3), [[expected, 0.0, 0.0]], rtol=1e-6
    )


def test_images():
    data = load(validation_split=0.5, min_answer_count=1)
    assert len(data.validation.y) == 12
    assert not set(data.validation.image_id) & set(data.train.image_id)
    assert data.test.image_id[0] == 5
    assert data.test.image_file[0] == (
        "train2014/COCO_train2014_000000000005.jpg"
    )
    assert data.test.image_file[2].startswith("val2014/COCO_val2014_0")


def test_features(tmp_path):
    numbers = np.arange(30)[::-1]
    np.savez(
        tmp_path / "some.npz",
        image_id=numbers,
        features=np.stack([numbers, -numbers], axis=1),
    )
    for part in load(features=tmp_path / "some.npz")[:3]:
        assert part.x["image"].dtype == np.float32
        np.testing.assert_array_equal(
            part.x["image"], np.stack([part.image_id, -part.image_id], axis=1)
        )
    np.savez(tmp_path / "few.npz", image_id=[9], features=[[1.0]])
    with pytest.raises(ValueError, match="`features` must be .*no row for"):
        load(features=tmp_path / "few.npz")


def change(folder, kind, place, **changes):
    """The dummy data with another entry, or without a field of it."""
    shutil.copytree(DUMMY_DATA, folder, dirs_exist_ok=True)
    path = folder / f"vqacp_v2_train_{kind}.json"
    entries = json.loads(path.read_text())
    entry = entries[place] | changes
    entries[place] = {k: v for k, v in entry.items() if v is not ...}
    path.write_text(json.dumps(entries))
    return folder


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("questions", {"question_id": 1}, "question 1 in only one of"),
        ("questions", {"question_id": "a"}, "`question_id` 'a', not an int"),
        ("questions", {"question_id": 9001}, "24 entries of 23 question ids"),
        ("questions", {"question_id": ...}, "KeyError: 'question_id'"),
        ("questions", {"coco_split": "x"}, "question 9000: .*`coco_split` 'x'"),
        ("questions", {"image_id": 3}, "an annotation of another image"),
        ("questions", {"question": ...}, "question 9000: KeyError: 'questio"),
        ("annotations", {"answers": []}, "0 answers, not 10"),
        ("annotations", {"answer_type": "some"}, "`answer_type` 'some'"),
        ("annotations", {"multiple_choice_answer": 3}, "AttributeError"),
    ],
)
def test_wrong_entries(kind, changes, message, tmp_path):
    place = 0 if kind == "questions" else -1
    change(tmp_path, kind, place, **changes)
    with pytest.raises(ValueError, match="`path` must be the folder") as error:
        load(path=tmp_path)
    error.match(message)


def test_negative_image_id(tmp_path):
    change(tmp_path, "questions", 0, image_id=-9)
    change(tmp_path / "two", "annotations", -1, image_id=-9)
    name = "vqacp_v2_train_annotations.json"
    shutil.copy(tmp_path / "two" / name, tmp_path / name)
    with pytest.raises(ValueError, match="`image_id` -9 in row 0"):
        load(path=tmp_path)


def test_vqa_files_with_an_object_around(tmp_path):
    shutil.copytree(DUMMY_DATA, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.iterdir():
        kind = path.stem.split("_")[-1]
        path.write_text(json.dumps({kind: json.loads(path.read_text())}))
    assert len(load(path=tmp_path).train.y) == 22


def test_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="`min_answer_count` must leave"):
        load(min_answer_count=12)
    with pytest.raises(ValueError, match="`path` must be .*FileNotFound"):
        load(path=tmp_path)
    (tmp_path / "vqacp_v2_train_questions.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="`path` must be .*RecursionError"):
        load(path=tmp_path)
