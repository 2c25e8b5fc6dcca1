"""Reading VQA-CP v2 as published: JSON of questions and of annotations."""

import json
import pathlib
from typing import Any
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading

NUM_PEOPLE = 10
ANSWER_TYPES = ("yes/no", "number", "other")


class Questions(NamedTuple):
    """The questions of a split, ordered by `question_id`.

    Attributes:
        question: n strings.
        answer: n strings, the most frequent answer.
        answers: n lists of ten people's answers.
        question_type: n strings, the question's first words.
        answer_type: n strings from `ANSWER_TYPES`.
        image_file: n strings, the path below COCO's folder.
        image_id: Int32 array `(n,)`, COCO's number.
        question_id: Int32 array `(n,)`.
    """

    question: list[str]
    answer: list[str]
    answers: list[list[str]]
    question_type: list[str]
    answer_type: list[str]
    image_file: list[str]
    image_id: np.ndarray
    question_id: np.ndarray


def read_questions(path: pathlib.Path, split: str) -> Questions:
    """Reads `"train"` or `"test"` from the folder of the published files."""
    names = [
        f"vqacp_v2_{split}_{kind}.json" for kind in ("questions", "annotations")
    ]
    expected = f"the folder of VQA-CP v2's files {' and '.join(names)}"
    with reading.explained(expected, path):
        questions, annotations = (_by_id(path / name) for name in names)
        unmatched = questions.keys() ^ annotations.keys()
        if unmatched:
            raise ValueError(
                f"question {min(unmatched)} in only one of {names[0]} and "
                f"{names[1]}"
            )
        order = sorted(questions)
        rows = [_join(questions[i], annotations[i]) for i in order]
        question, answer, answers, kind, answer_type, file, image = (
            list(column) for column in zip(*rows, strict=True)
        )
        return Questions(
            question,
            answer,
            answers,
            kind,
            answer_type,
            file,
            reading.check_integers("image_id", image, 0),
            reading.check_integers("question_id", order, 0),
        )


def _by_id(path: pathlib.Path) -> dict[int, dict[str, Any]]:
    """Returns the entries of a file by their `question_id`."""
    try:
        with path.open(encoding="utf-8") as file:
            entries = json.load(file)
        # VQA v2's own files wrap the same entries in an object.
        if isinstance(entries, dict):
            entries = entries[path.stem.rpartition("_")[2]]
        found = {entry["question_id"]: entry for entry in entries}
        if not found or len(found) != len(entries):
            raise ValueError(
                f"{len(entries)} entries of {len(found)} question ids"
            )
        wrong = [key for key in found if type(key) is not int]
        if wrong:
            raise ValueError(f"`question_id` {wrong[0]!r}, not an integer")
    except (*reading.READ_ERRORS, RecursionError) as error:
        raise ValueError(
            f"{path.name}: {type(error).__name__}: {error}"
        ) from error
    return found


def _join(question: dict[str, Any], annotation: dict[str, Any]) -> tuple:
    try:
        answers = [str(entry["answer"]) for entry in annotation["answers"]]
        row = (
            question["question"],
            normalize(annotation["multiple_choice_answer"]),
            [normalize(answer) for answer in answers],
            annotation["question_type"],
            annotation["answer_type"],
            image_file(question["coco_split"], question["image_id"]),
            question["image_id"],
        )
        if len(answers) != NUM_PEOPLE:
            raise ValueError(f"{len(answers)} answers, not {NUM_PEOPLE}")
        if annotation["answer_type"] not in ANSWER_TYPES:
            raise ValueError(f"`answer_type` {annotation['answer_type']!r}")
        if annotation["image_id"] != question["image_id"]:
            raise ValueError("an annotation of another image")
    except (*reading.READ_ERRORS, AttributeError) as error:
        raise ValueError(
            f"question {question['question_id']}: {type(error).__name__}: "
            f"{error}"
        ) from error
    return row


def normalize(answer: str) -> str:
    """Returns an answer in lower case, without outer spaces or last period."""
    return answer.strip().lower().removesuffix(".")


def image_file(coco_split: str, image_id: int) -> str:
    """Returns the path of an image in COCO's folder.

    Example:

    >>> image_file("train2014", 9)
    'train2014/COCO_train2014_000000000009.jpg'
    """
    if coco_split not in ("train2014", "val2014"):
        raise ValueError(f"`coco_split` {coco_split!r}")
    return f"{coco_split}/COCO_{coco_split}_{image_id:012d}.jpg"
