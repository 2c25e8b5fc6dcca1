"""VQA-CP v2 in NumPy arrays, ready for `model.fit`."""

import collections
import pathlib
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets import texts
from keras_mmreg.datasets.splitting import hold_out_groups
from keras_mmreg.datasets.vectors import read_vectors
from keras_mmreg.datasets.vqa_cp.published import Questions
from keras_mmreg.datasets.vqa_cp.published import read_questions


class Examples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"question": int32 (n, question_length)}`, word ids padded with 0;
            with `features` also `"image": float32 (n, ...)`.
        y: Index of the most frequent answer in `VQACP.answers`, int32 `(n,)`,
            or -1 if it is not among them.
        answers: Indices of ten people's answers, int32 `(n, 10)`, likewise; see
            `vqa_scores`.
        question_text: The questions as strings `(n,)`.
        question_type: The questions' first words as published, strings `(n,)`.
        answer_type: `"yes/no"`, `"number"` or `"other"`, strings `(n,)`.
        question_id: Int32 `(n,)`.
        image_id: COCO's numbers of the images, int32 `(n,)`.
        image_file: The images' paths in COCO's folder, strings `(n,)`.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    answers: np.ndarray
    question_text: np.ndarray
    question_type: np.ndarray
    answer_type: np.ndarray
    question_id: np.ndarray
    image_id: np.ndarray
    image_file: np.ndarray


class VQACP(NamedTuple):
    """The splits of VQA-CP v2, with its answers and vocabulary.

    Attributes:
        train: `Examples` whose most frequent answer is among `answers`.
        validation: `Examples` of images that are not in `train`, with the
            priors of training.
        test: `Examples`, with other priors.
        answers: The classes, by frequency in the training set.
        vocabulary: The words of the training questions; a word's id is its
            index.
    """

    train: Examples
    validation: Examples
    test: Examples
    answers: tuple[str, ...]
    vocabulary: tuple[str, ...]


def load_vqa_cp(
    path: str | pathlib.Path,
    features: str | pathlib.Path | None = None,
    min_answer_count: int = 9,
    validation_split: float = 0.1,
    question_length: int = 14,
    seed: int = 0,
) -> VQACP:
    """Loads VQA-CP v2: questions about COCO's images, with changed priors.

    For every type of question the answers are distributed differently in
    training and test, so that a model that answers from the question alone is
    misled.

    An answer outside `answers` is labeled -1. Accuracy counts it as an error;
    the loss needs `ignore_class=-1`. `train.y` has no such answers.

    Args:
        path: The path of the folder of `vqacp_v2_train_questions.json`,
            `vqacp_v2_train_annotations.json`, `vqacp_v2_test_questions.json`
            and `vqacp_v2_test_annotations.json`.
        features: The path of an `.npz` file with the arrays `image_id` (COCO's
            numbers) and `features` (a row per image), or `None` for text alone.
            Defaults to `None`.
        min_answer_count: Integer. The number of training questions for which an
            answer must be the most frequent one to become a class. Defaults to
            `9`.
        validation_split: Float in [0, 1), the share of the training set, whole
            images at a time, that becomes the validation set. Defaults to
            `0.1`.
        question_length: Integer, words to keep of a question. Defaults to
            `14`.
        seed: Integer. The seed of the choice of validation images. Defaults to
            `0`.

    Returns:
        A `VQACP` named tuple.

    Raises:
        ValueError: If an argument is out of range, or files do not have the
            expected content.

    Example:

    ```python
    data = keras_mmreg.datasets.load_vqa_cp("vqa_cp", "resnet.npz")
    batch = slice(256)
    targets = keras_mmreg.datasets.vqa_scores(
        data.train.answers[batch], len(data.answers)
    )
    ```

    References:

    - [Agrawal et al., "Don't Just Assume; Look and Answer: Overcoming Priors
      for Visual Question Answering", CVPR 2018](
      https://arxiv.org/abs/1712.00377)
    - [Gat et al., "Removing Bias in Multi-modal Classifiers: Regularization
      by Maximizing Functional Entropies", NeurIPS 2020, section 6.2](
      https://arxiv.org/abs/2010.10802)
    """
    path = reading.as_path(path)
    rows = read_questions(path, "train")
    held_out = hold_out_groups(rows.image_id, validation_split, seed)
    (kept,) = np.nonzero(~held_out)
    counts = collections.Counter(rows.answer[i] for i in kept)
    number = sum(count >= min_answer_count for count in counts.values())
    if not number:
        raise ValueError(
            "`min_answer_count` must leave an answer: the most frequent of the "
            f"training set occurs {max(counts.values())} times. Received: "
            f"min_answer_count={min_answer_count}"
        )
    answers = texts.most_frequent((rows.answer[i] for i in kept), number)
    vocabulary = texts.make_vocabulary(rows.question[i] for i in kept)

    def examples(rows: Questions, chosen: np.ndarray) -> Examples:
        data = _examples(rows, answers, vocabulary, question_length)
        x = {"question": data.x["question"][chosen]}
        if features is not None:
            x["image"] = read_vectors(
                features, "image_id", data.image_id[chosen]
            )
        return Examples(x, *(column[chosen] for column in data[1:]))

    known = texts.label_ids(rows.answer, answers) >= 0
    test = read_questions(path, "test")
    return VQACP(
        examples(rows, ~held_out & known),
        examples(rows, held_out),
        examples(test, np.ones(len(test.question), bool)),
        answers,
        vocabulary,
    )


def _examples(
    rows: Questions,
    answers: tuple[str, ...],
    vocabulary: tuple[str, ...],
    question_length: int,
) -> Examples:
    people = [answer for given in rows.answers for answer in given]
    return Examples(
        x={
            "question": texts.encode_words(
                rows.question, vocabulary, question_length
            )
        },
        y=texts.label_ids(rows.answer, answers),
        answers=texts.label_ids(people, answers).reshape(len(rows.answer), -1),
        question_text=np.array(rows.question),
        question_type=np.array(rows.question_type),
        answer_type=np.array(rows.answer_type),
        question_id=rows.question_id,
        image_id=rows.image_id,
        image_file=np.array(rows.image_file),
    )
