"""Reading the questions of Social-IQ 2.0 as published."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets import texts

NUM_ANSWERS = 4

_COMMIT = "62a5c4b51840dee214c1e0a20d2d914f39d94141"
URLS = {
    part: "https://raw.githubusercontent.com/abwilf/Social-IQ-2.0-Challenge/"
    f"{_COMMIT}/siq2/qa/qa_{part}.json"
    for part in ("train", "val")
}
"""The files that have labels: JSON, with one object per line."""

HASHES = {
    "train": "0922589505dc4580cd24f4121a3c9414647a97b6cedfb175aa1b84fd9e4a1f3e",
    "val": "de68f5fc7bc2f60e7c9e9a9f4f3b6cb4b210540613105ec3d2013ef91860c659",
}
"""SHA-256 of these files at that commit."""

_ARRAYS = (
    "question_utf8",
    "answers_utf8",
    "types_utf8",
    "correct",
    "video",
    "split",
)
_LIMIT = 100 * reading.MEBIBYTE

Paths = str | pathlib.Path | Mapping[str, str | pathlib.Path]


class Questions(NamedTuple):
    """All questions, those of the training file first.

    Attributes:
        question: n strings.
        answers: Four strings per question, 4 n in all.
        types: The source of each answer: `"corr"` is the correct one,
            `"matched"` answers another question, `"rewrite"` is a correct one
            rewritten to be false.
        correct: Int32 array `(n,)`, from 0 to 3.
        video: String array `(n,)`.
        test: Boolean array `(n,)`, true for the published validation set.
    """

    question: list[str]
    answers: list[str]
    types: list[str]
    correct: np.ndarray
    video: np.ndarray
    test: np.ndarray


def read_questions(path: Paths) -> Questions:
    """Reads a folder, two files, an `.npz`, or downloads the two files."""
    if isinstance(path, str) and path == "download":
        path = {
            part: keras.utils.get_file(
                f"social_iq_2_qa_{part}.json", url, file_hash=HASHES[part]
            )
            for part, url in URLS.items()
        }
    expected = (
        "'download', the folder of qa_train.json and qa_val.json (one object "
        "a line), a dictionary of these two files under 'train' and 'val', or "
        f"an .npz file with the arrays {', '.join(_ARRAYS)}"
    )
    with reading.explained(expected, str(path)):
        if isinstance(path, Mapping):
            files = {part: reading.as_path(path[part]) for part in URLS}
            return _read_files(files)
        path = reading.as_path(path)
        if path.suffix == ".npz":
            return _read_arrays(path)
        return _read_files({part: path / f"qa_{part}.json" for part in URLS})


def _read_files(files: Mapping[str, pathlib.Path]) -> Questions:
    rows, test = [], []
    for part, file in files.items():
        for number, line in enumerate(texts.read_lines(file), start=1):
            rows.append(_parse(line, f"line {number} of {file.name}"))
            test.append(part == "val")
    return Questions(
        question=[row["q"] for row in rows],
        answers=[row[f"a{k}"] for row in rows for k in range(NUM_ANSWERS)],
        types=[name for row in rows for name in row["idx_types"]],
        correct=np.array([row["answer_idx"] for row in rows], np.int32),
        video=np.array([row["vid_name"] for row in rows]),
        test=np.array(test),
    )


def _parse(line: str, where: str) -> dict[str, Any]:
    """Parses a row; checks that its fields exist and have the right types."""
    try:
        row = json.loads(line)
        strings = ["q", "vid_name", *(f"a{k}" for k in range(NUM_ANSWERS))]
        wrong = [name for name in strings if not isinstance(row[name], str)]
        types = row["idx_types"]
        if wrong or not row["vid_name"]:
            raise ValueError(f"no text in {wrong or ['vid_name']}")
        if row["answer_idx"] not in range(NUM_ANSWERS):
            raise ValueError(f"`answer_idx` {row['answer_idx']}, not 0 to 3")
        if len(types) != NUM_ANSWERS or types[row["answer_idx"]] != "corr":
            raise ValueError(f"`idx_types` {types}")
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise ValueError(f"{where}: {type(error).__name__}: {error}") from error
    return row


def _read_arrays(path: pathlib.Path) -> Questions:
    arrays = reading.read_arrays(path, _ARRAYS, _LIMIT)
    question, answers, types = (
        texts.text_items(arrays[name]) for name in _ARRAYS[:3]
    )
    size = len(question)
    if {len(answers), len(types)} != {NUM_ANSWERS * size}:
        raise ValueError(
            f"{size} questions with {len(answers)} answers of {len(types)} "
            f"types, not {NUM_ANSWERS} each"
        )
    video = reading.check_integers("video", arrays["video"], 0, size=size)
    last = NUM_ANSWERS - 1
    return Questions(
        question,
        answers,
        types,
        reading.check_integers("correct", arrays["correct"], 0, last, size),
        video.astype(str),
        reading.check_integers("split", arrays["split"], 0, 1, size) == 1,
    )
