"""Reading DAQUAR as published: questions, answers, frames."""

import hashlib
import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading

NUM_IMAGES = 1449
"""The frames of NYUv2, which the questions count from 1."""

# "in the image3", "of image 12", "in this image3": the questions name their
# frame, often more than once.
_IMAGE = re.compile(
    r"\s*(?:\b(?:in|of|on)\s+)?(?:\bth(?:e|is|\se)\s*)?image\s*(\d+)"
)
# Row numbers make sense for these rows only; see `rows_digest`.
_ROWS_SHA256 = (
    "172494da82cc4d06e85855d54e682b83bcb1171dd662202d68fc88199b7fb9f7"
)
_SPLITS_PATH = pathlib.Path(__file__).parent / "cp_splits.npz"


class Rows(NamedTuple):
    """All questions, those of the training file first.

    Attributes:
        question: n strings, without the number of the frame.
        answer: n strings; several objects are separated by commas.
        image: Int32 array `(n,)`, the frame, counted from 0.
        test: Dictionary from the name of a split to a boolean array `(n,)`
            that marks its test examples.
    """

    question: list[str]
    answer: list[str]
    image: np.ndarray
    test: dict[str, np.ndarray]


def read_rows(path: pathlib.Path, classes: int) -> Rows:
    """Reads the folder of the published text files, or an `.npz` of them."""
    if path.suffix == ".npz":
        return _read_arrays(path)
    files = [
        path / f"qa.{classes}.raw.{part}.txt" for part in ("train", "test")
    ]
    train, test = (
        _read_file(path / f"qa.{classes}.raw.{part}.txt")
        for part in ("train", "test")
    )
    rows = Rows(
        question=train[0] + test[0],
        answer=train[1] + test[1],
        image=np.array(train[2] + test[2], np.int32),
        test={
            "official": np.repeat([False, True], [len(train[0]), len(test[0])])
        },
    )
    if rows_digest(rows) == _ROWS_SHA256:
        rows.test.update(read_cp_splits())
    return rows


def read_cp_splits() -> dict[str, np.ndarray]:
    """The shipped splits with shifted priors: boolean, true for test."""
    return reading.read_arrays(_SPLITS_PATH, ("cp", "cp_soft"))


def rows_digest(rows: Rows) -> str:
    """Tells whether rows are those that the shipped splits were made for."""
    text = "\n".join(
        f"{question}\t{answer}\t{image}"
        for question, answer, image in zip(
            rows.question, rows.answer, rows.image.tolist(), strict=True
        )
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _read_file(path: pathlib.Path) -> tuple[list[str], list[str], list[int]]:
    """Questions and answers in turn, one a line."""
    lines = reading.read_text(path).rstrip("\n").split("\n")
    if len(lines) % 2:
        raise ValueError(
            f"{str(path)!r} must have a question and its answer on two lines "
            f"each. Received: {len(lines)} lines"
        )
    questions, answers, images = [], [], []
    for number in range(0, len(lines), 2):
        question, answer = lines[number].strip(), lines[number + 1].strip()
        found = _IMAGE.findall(question)
        if not found or not 1 <= int(found[-1]) <= NUM_IMAGES or not answer:
            raise ValueError(
                f"{str(path)!r}, line {number + 1}, must be a question that "
                f"names an image from 1 to {NUM_IMAGES}, followed by its "
                f"answer. Received: {question!r}, {answer!r}"
            )
        questions.append(_IMAGE.sub("", question).rstrip("? "))
        answers.append(_normalize(answer))
        images.append(int(found[-1]) - 1)
    return questions, answers, images


def _normalize(answer: str) -> str:
    return ", ".join(part.strip() for part in answer.split(","))


def _read_arrays(path: pathlib.Path) -> Rows:
    arrays = reading.read_arrays(
        path,
        ("question_utf8", "answer_utf8", "image", "split"),
        ("cp_split", "cp_soft"),
    )
    question, answer = (
        reading.text_items(arrays.pop(f"{name}_utf8"))
        for name in ("question", "answer")
    )
    sizes = {name: len(values) for name, values in arrays.items()}
    if {len(question), len(answer), *sizes.values()} != {len(question)}:
        raise ValueError(
            f"{str(path)!r} must have one entry a question. Received: "
            f"{len(question)} questions, {len(answer)} answers, {sizes}"
        )
    image = arrays["image"].astype(np.int32)
    wrong = np.flatnonzero((image < 0) | (image >= NUM_IMAGES))
    if len(wrong):
        raise ValueError(
            f"{str(path)!r}, row {wrong[0]}: `image` must be from 0 to "
            f"{NUM_IMAGES - 1}. Received: {image[wrong[0]]}"
        )
    names = {"split": "official", "cp_split": "cp", "cp_soft": "cp_soft"}
    test = {
        names[name]: _mark(path, name, arrays[name])
        for name in names
        if name in arrays
    }
    return Rows(question, [_normalize(text) for text in answer], image, test)


def _mark(path: pathlib.Path, name: str, split: np.ndarray) -> np.ndarray:
    wrong = np.flatnonzero((split != 0) & (split != 1))
    if len(wrong):
        raise ValueError(
            f"{str(path)!r}, row {wrong[0]}: `{name}` must be 0 (training) or "
            f"1 (test). Received: {split[wrong[0]]}"
        )
    return split == 1


def read_frames(
    path: str | pathlib.Path, images: np.ndarray, size: Sequence[int]
) -> np.ndarray:
    """The frames that questions are about.

    Args:
        path: The path of the folder with the published `image{n}.png`, or of
            an `.npz` file with the uint8 array `rgb` `(1449, height, width,
            3)`, whose size is kept.
        images: Int array `(n,)`, counted from 0.
        size: Pair of integers, the height and width of frames of a folder.

    Returns:
        Uint8 array `(n, height, width, 3)`.
    """
    path = reading.as_path(path)
    if path.suffix == ".npz":
        frames = reading.read_arrays(path, ["rgb"])["rgb"]
        if frames.dtype != np.uint8 or frames.shape[0] != NUM_IMAGES:
            raise ValueError(
                f"{str(path)!r} must have a uint8 array `rgb` of shape "
                f"({NUM_IMAGES}, height, width, 3). Received: shape "
                f"{frames.shape} of type {frames.dtype}"
            )
        return frames[images]
    pillow = reading.import_optional("PIL.Image", "pillow", "Reading frames")
    names, place = np.unique(images, return_inverse=True)
    frames = np.empty((len(names), *size, 3), np.uint8)
    for frame, name in zip(frames, names, strict=True):
        file = path / f"image{name + 1}.png"
        try:
            with file.open("rb") as content, pillow.open(content) as image:
                frame[:] = image.convert("RGB").resize(size[::-1])
        except reading.READ_ERRORS as error:
            raise ValueError(
                f"Cannot read the frame {str(file)!r}: "
                f"{type(error).__name__}: {error}"
            ) from error
    return frames[place]
