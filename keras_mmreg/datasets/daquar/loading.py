"""DAQUAR in NumPy arrays, ready for `model.fit`."""

import pathlib
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets import texts
from keras_mmreg.datasets.daquar.published import read_frames
from keras_mmreg.datasets.daquar.published import read_rows
from keras_mmreg.datasets.splitting import hold_out_groups

SPLITS = ("official", "cp_soft", "cp")


class Examples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"question": int32 (n, question_length)}`, word ids padded with 0;
            with frames also `"image": uint8 (n, height, width, 3)`.
        y: Index of the answer in `DAQUAR.answers`, int32 `(n,)`, or -1 if it is
            not among them.
        question_text: The questions as strings `(n,)`.
        answer_text: The answers as strings `(n,)`.
        question_type: The questions' first three words, strings `(n,)`.
        frame: The frame of NYUv2, counted from 0, int32 `(n,)`.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    question_text: np.ndarray
    answer_text: np.ndarray
    question_type: np.ndarray
    frame: np.ndarray


class DAQUAR(NamedTuple):
    """The splits of DAQUAR, with its answers and vocabulary.

    Attributes:
        train: `Examples` whose answers are all among `answers`.
        validation: `Examples` of images that are not in `train`.
        test: `Examples`.
        answers: The classes, by frequency in the training set.
        vocabulary: The words of the training questions; a word's id is its
            index.
    """

    train: Examples
    validation: Examples
    test: Examples
    answers: tuple[str, ...]
    vocabulary: tuple[str, ...]


def load_daquar(
    path: str | pathlib.Path,
    split: str = "official",
    frames: str | pathlib.Path | None = None,
    classes: int = 894,
    num_answers: int | None = None,
    validation_split: float = 0.1,
    question_length: int = 20,
    image_size: tuple[int, int] = (60, 80),
    seed: int = 0,
) -> DAQUAR:
    """Loads DAQUAR: questions, and the photographs of rooms they are about.

    The question alone often gives away the answer. The official split does not
    reveal this, because its priors are the same in training and test. In `"cp"`
    every pair of question type (the first three words) and answer is either in
    training or in test. In `"cp_soft"` 80% of the pair's questions are on one
    side and 20% on the other. So a model that has learned the training priors
    is misled, as in VQA-CP (Agrawal et al.).

    An answer outside `answers` is labeled -1. Accuracy counts it as an error;
    the loss needs `ignore_class=-1`. `train` has no such answers.

    Args:
        path: The path of the folder of `qa.894.raw.train.txt` and
            `qa.894.raw.test.txt`, or of an `.npz` file of the same
            (see the README beside this module).
        split: `"official"`, `"cp_soft"` or `"cp"`. The latter two need all
            12,468 questions. Defaults to `"official"`.
        frames: The path of the folder of `image1.png` to `image1449.png`
            (`nyu_depth_images.tar`), or of an `.npz` file with the uint8 array
            `rgb` `(1449, height, width, 3)`; `None` for text alone. Defaults
            to `None`.
        classes: `894` for all questions, `37` for the reduced set's files.
            Defaults to `894`.
        num_answers: Integer, how many answers to keep as classes, or `None`
            for all of the training set. Defaults to `None`.
        validation_split: Float in [0, 1), the share of the training set, whole
            images at a time, that becomes the validation set. Defaults to
            `0.1`.
        question_length: Integer, words to keep of a question. Defaults to
            `20`.
        image_size: Height and width to which the frames of a folder are
            resized. Defaults to `(60, 80)`.
        seed: Integer. The seed of the choice of validation images. Defaults to
            `0`.

    Returns:
        A `DAQUAR` named tuple.

    Raises:
        ValueError: If an argument is out of range, or files do not have the
            expected content.
        ImportError: If `frames` is a folder and Pillow is not installed.

    Example:

    ```python
    data = keras_mmreg.datasets.load_daquar("daquar", split="cp_soft")
    model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validation.x, data.validation.y),
    )
    ```

    References:

    - [Malinowski and Fritz, "A Multi-World Approach to Question Answering
      about Real-World Scenes based on Uncertain Input", NeurIPS 2014](
      https://arxiv.org/abs/1410.0210)
    - [Agrawal et al., "Don't Just Assume; Look and Answer: Overcoming Priors
      for Visual Question Answering", CVPR 2018](
      https://arxiv.org/abs/1712.00377)
    """
    if split not in SPLITS:
        raise ValueError(
            f"`split` must be one of {SPLITS}. Received: {split!r}"
        )
    if classes not in (894, 37):
        raise ValueError(f"`classes` must be 894 or 37. Received: {classes}")
    path = reading.as_path(path)
    rows = read_rows(path, classes)
    if split not in rows.test:
        raise ValueError(
            f"`split={split!r}` is defined for the 12,468 questions of "
            "qa.894.raw.train.txt and qa.894.raw.test.txt in their order. "
            f"Received: {len(rows.question)} questions from {str(path)!r} that "
            "are not these"
        )
    test = rows.test[split]
    held_out = np.zeros_like(test)
    held_out[~test] = hold_out_groups(rows.image[~test], validation_split, seed)
    train = ~test & ~held_out
    question, answer = np.array(rows.question), np.array(rows.answer)
    answers = texts.most_frequent(answer[train].tolist(), num_answers)
    vocabulary = texts.make_vocabulary(question[train])
    y = texts.label_ids(answer.tolist(), answers)
    ids = texts.encode_words(rows.question, vocabulary, question_length)
    types = np.array([" ".join(text.split()[:3]) for text in rows.question])

    def examples(chosen: np.ndarray) -> Examples:
        x = {"question": ids[chosen]}
        if frames is not None:
            x["image"] = read_frames(frames, rows.image[chosen], image_size)
        columns = (y, question, answer, types, rows.image)
        return Examples(x, *(column[chosen] for column in columns))

    return DAQUAR(
        examples(train & (y >= 0)),
        examples(held_out),
        examples(test),
        answers,
        vocabulary,
    )
