"""The questions and answers of Social-IQ 2.0, ready for `model.fit`."""

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import texts
from keras_mmreg.datasets.social_iq.published import NUM_ANSWERS
from keras_mmreg.datasets.social_iq.published import Paths
from keras_mmreg.datasets.social_iq.published import Questions
from keras_mmreg.datasets.social_iq.published import read_questions
from keras_mmreg.datasets.splitting import hold_out_groups
from keras_mmreg.datasets.vectors import read_vectors

TASKS = ("binary", "choice")


class Examples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"question": int32 (n, question_length), "answer": int32 (n,
            answer_length)}`, word ids padded with 0; `answer` has an axis of
            four more in the task `"choice"`. With `features`, one float32
            array for each, repeated for all questions about a video.
        y: Int32 `(n,)`: whether the answer is correct (1) or not (0), or which
            of the four answers is correct.
        question_text: The questions as strings `(n,)`.
        answer_text: The answers as strings `(n,)`, or `(n, 4)`.
        answer_type: `"corr"`, `"matched"` or `"rewrite"`, of the same shape.
        question_index: Index of the question, int32 `(n,)`.
        video: Name of the video, strings `(n,)`.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    question_text: np.ndarray
    answer_text: np.ndarray
    answer_type: np.ndarray
    question_index: np.ndarray
    video: np.ndarray


class SocialIQ(NamedTuple):
    """The splits of Social-IQ 2.0, and its vocabulary.

    Attributes:
        train: `Examples`.
        validation: `Examples` of other videos, from the training set.
        test: `Examples` of the published validation set.
        vocabulary: The words of the training questions and answers; a word's
            id is its index.
    """

    train: Examples
    validation: Examples
    test: Examples
    vocabulary: tuple[str, ...]


def load_social_iq(
    path: Paths = "download",
    task: str = "binary",
    features: Mapping[str, str | pathlib.Path] | None = None,
    validation_split: float = 0.1,
    question_length: int = 20,
    answer_length: int = 25,
    min_count: int = 2,
    seed: int = 0,
) -> SocialIQ:
    """Loads Social-IQ 2.0: questions about videos, and answers to judge.

    The wording of the answer alone often reveals this, so that a model may
    ignore the question and the video.

    The published test set has no labels. `test` is therefore the published
    validation set, and `validation` comes from the training set. No split
    shares videos with another.

    Args:
        path: `"download"` to fetch the two files from GitHub (MIT license)
            through `keras.utils.get_file`, which keeps them; the path of the
            folder of `qa_train.json` and `qa_val.json`; a dictionary of the
            paths of both under `"train"` and `"val"`; or the path of an
            `.npz` file (see the README beside this module). Defaults to
            `"download"`.
        task: `"binary"`, four examples per question, each a question and an
            answer that is correct or not, as in Gat et al.; or `"choice"`, one
            example per question with all four answers. Defaults to `"binary"`.
        features: Dictionary from the name of a modality to the path of an
            `.npz` file with the arrays `video` (names) and `features` (a row
            per video), or `None` for text alone. Defaults to `None`.
        validation_split: Float in [0, 1), the share of the training set, whole
            videos at a time, that becomes the validation set. Defaults to
            `0.1`.
        question_length: Integer, words to keep of a question. Defaults to
            `20`.
        answer_length: Integer, words to keep of an answer. Defaults to `25`.
        min_count: Integer. Words that are rarer in the training set are treated
            as unknown. Defaults to `2`.
        seed: Integer. The seed of the choice of validation videos. Defaults to
            `0`.

    Returns:
        A `SocialIQ` named tuple.

    Raises:
        ValueError: If an argument is out of range, or files do not have the
            expected content.

    Example:

    ```python
    data = keras_mmreg.datasets.load_social_iq()
    model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validation.x, data.validation.y),
    )
    ```

    References:

    - [Wilf et al., "Social-IQ 2.0 Challenge: Benchmarking Multimodal Social
      Understanding", 2023](
      https://github.com/abwilf/Social-IQ-2.0-Challenge)
    - [Gat et al., "Removing Bias in Multi-modal Classifiers: Regularization
      by Maximizing Functional Entropies", NeurIPS 2020, section 6.3](
      https://arxiv.org/abs/2010.10802), on features of the first release: see
      `load_social_iq_features`.
    """
    if task not in TASKS:
        raise ValueError(f"`task` must be one of {TASKS}. Received: {task!r}")
    rows = read_questions(path)
    held_out = np.zeros_like(rows.test)
    held_out[~rows.test] = hold_out_groups(
        rows.video[~rows.test], validation_split, seed
    )
    train = ~rows.test & ~held_out
    answers = np.reshape(rows.answers, (-1, NUM_ANSWERS))
    questions = np.array(rows.question)
    vocabulary = texts.make_vocabulary(
        [*questions[train], *answers[train].ravel()], min_count
    )
    data = _examples(rows, vocabulary, question_length, answer_length)
    for name, file in (features or {}).items():
        data.x[name] = read_vectors(file, "video", data.video)
    if task == "binary":
        data = _one_answer_each(data)

    def part(chosen: np.ndarray) -> Examples:
        keep = chosen[data.question_index]
        x = {name: values[keep] for name, values in data.x.items()}
        return Examples(x, *(column[keep] for column in data[1:]))

    return SocialIQ(part(train), part(held_out), part(rows.test), vocabulary)


def _examples(
    rows: Questions,
    vocabulary: tuple[str, ...],
    question_length: int,
    answer_length: int,
) -> Examples:
    """Returns one example per question."""
    ids = texts.encode_words(rows.answers, vocabulary, answer_length)
    return Examples(
        x={
            "question": texts.encode_words(
                rows.question, vocabulary, question_length
            ),
            "answer": ids.reshape(-1, NUM_ANSWERS, answer_length),
        },
        y=rows.correct,
        question_text=np.array(rows.question),
        answer_text=np.reshape(rows.answers, (-1, NUM_ANSWERS)),
        answer_type=np.reshape(rows.types, (-1, NUM_ANSWERS)),
        question_index=np.arange(len(rows.question), dtype=np.int32),
        video=rows.video,
    )


def _one_answer_each(data: Examples) -> Examples:
    """Returns four examples per question."""

    def repeat(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, NUM_ANSWERS, axis=0)

    answer = data.x["answer"]
    x = {name: repeat(v) for name, v in data.x.items() if name != "answer"}
    return Examples(
        x=x | {"answer": answer.reshape(-1, answer.shape[-1])},
        y=np.equal(np.arange(NUM_ANSWERS), data.y[:, np.newaxis], dtype=bool)
        .astype(np.int32)
        .ravel(),
        question_text=repeat(data.question_text),
        answer_text=data.answer_text.ravel(),
        answer_type=data.answer_type.ravel(),
        question_index=repeat(data.question_index),
        video=repeat(data.video),
    )
