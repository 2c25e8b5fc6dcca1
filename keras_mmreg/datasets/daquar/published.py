"""Reading DAQUAR as published: questions, answers, frames."""

import hashlib
import pathlib
import re
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets import texts

NUM_IMAGES = 1449
"""The number of frames of NYUv2, which the questions count from 1."""

# "in the image3", "of image 12", "in this image3": the questions name their
# frame, often more than once.
_IMAGE = re.compile(
    r"\s*(?:\b(?:in|of|on)\s+)?(?:\bth(?:e|is|\se)\s*)?image\s*(\d+)"
)
# Row numbers are valid only for these rows; see `rows_digest`.
_ROWS_SHA256 = (
    "172494da82cc4d06e85855d54e682b83bcb1171dd662202d68fc88199b7fb9f7"
)
_ARRAYS = (
    "question_utf8",
    "answer_utf8",
    "image",
    "split",
    "cp_split",
    "cp_soft",
)
# All frames at their full size of 480 x 640.
_FRAMES_LIMIT = 1300 * reading.MEBIBYTE
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
    expected = (
        f"the folder of qa.{classes}.raw.train.txt and "
        f"qa.{classes}.raw.test.txt (a question that names an image and its "
        "answer in turn), or an .npz file with the arrays "
        f"{', '.join(_ARRAYS)}"
    )
    with reading.explained(expected, path):
        if path.suffix == ".npz":
            return _read_arrays(path)
        return _read_files(path, classes)


def read_cp_splits() -> dict[str, np.ndarray]:
    """Reads the shipped splits with shifted priors; true marks test rows."""
    return reading.read_arrays(
        _SPLITS_PATH, ("cp", "cp_soft"), reading.MEBIBYTE
    )


def rows_digest(rows: Rows) -> str:
    """Returns a digest of rows, to recognize those of the shipped splits."""
    text = "\n".join(
        f"{question}\t{answer}\t{image}"
        for question, answer, image in zip(
            rows.question, rows.answer, rows.image.tolist(), strict=True
        )
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _read_files(path: pathlib.Path, classes: int) -> Rows:
    train, test = (
        _read_file(path / f"qa.{classes}.raw.{part}.txt")
        for part in ("train", "test")
    )
    official = np.repeat([False, True], [len(train[0]), len(test[0])])
    rows = Rows(
        question=train[0] + test[0],
        answer=train[1] + test[1],
        image=np.array(train[2] + test[2], np.int32),
        test={"official": official},
    )
    if rows_digest(rows) == _ROWS_SHA256:
        rows.test.update(read_cp_splits())
    return rows


def _read_file(path: pathlib.Path) -> tuple[list[str], list[str], list[int]]:
    lines = [line.strip() for line in texts.read_lines(path)]
    if len(lines) % 2:
        raise ValueError(f"{path.name} of {len(lines)} lines, an odd number")
    questions, answers, images = [], [], []
    for number in range(0, len(lines), 2):
        question, answer = lines[number : number + 2]
        found = _IMAGE.findall(question)
        if not found or not 1 <= int(found[-1]) <= NUM_IMAGES or not answer:
            raise ValueError(
                f"line {number + 1} of {path.name}, {question!r} with the "
                f"answer {answer!r}, which does not name an image from 1 to "
                f"{NUM_IMAGES}, or has no answer"
            )
        questions.append(_IMAGE.sub("", question).rstrip("? "))
        answers.append(_normalize(answer))
        images.append(int(found[-1]) - 1)
    return questions, answers, images


def _normalize(answer: str) -> str:
    return ", ".join(part.strip() for part in answer.split(","))


def _read_arrays(path: pathlib.Path) -> Rows:
    arrays = reading.read_arrays(path, _ARRAYS, 100 * reading.MEBIBYTE)
    question = texts.text_items(arrays["question_utf8"])
    answer = texts.text_items(arrays["answer_utf8"])
    size = len(question)
    if len(answer) != size:
        raise ValueError(f"{size} questions and {len(answer)} answers")
    names = {"split": "official", "cp_split": "cp", "cp_soft": "cp_soft"}
    return Rows(
        question,
        [_normalize(text) for text in answer],
        reading.check_integers(
            "image", arrays["image"], 0, NUM_IMAGES - 1, size
        ),
        {
            names[name]: reading.check_integers(
                name, arrays[name], 0, 1, size
            ).astype(bool)
            for name in names
        },
    )


def read_frames(
    path: str | pathlib.Path, images: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Reads the frames that questions are about.

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
    expected = (
        f"the folder of image1.png to image{NUM_IMAGES}.png, or an .npz file "
        f"with the uint8 array `rgb` ({NUM_IMAGES}, height, width, 3)"
    )
    with reading.explained(expected, path, "frames"):
        if path.suffix == ".npz":
            rgb = reading.read_arrays(path, ["rgb"], _FRAMES_LIMIT)["rgb"]
            shape = (NUM_IMAGES, None, None, 3)
            reading.check_shape("`rgb`", rgb.shape, shape)
            if rgb.dtype != np.uint8:
                raise ValueError(f"`rgb` of type {rgb.dtype}")
            return rgb[images]
        numbers, place = np.unique(images, return_inverse=True)
        names = [f"image{number + 1}.png" for number in numbers]
        frames = [
            reading.read_image(name, (path / name).read_bytes(), size)
            for name in names
        ]
        return np.stack(frames)[place]
