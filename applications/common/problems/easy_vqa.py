"""Questions about pictures of one shape, from scratch (`easy-vqa`)."""

import json
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from keras import layers

from applications.common.problems import nets
from applications.common.problems.problem import Examples
from applications.common.problems.problem import Problem
from applications.common.problems.problem import Splits
from applications.common.problems.sources import inside_package

SIZE, LENGTH, VOCABULARY = 32, 10, 40
NUM_TRAIN, NUM_HELD_OUT = 512, 1000


def read(folder: pathlib.Path, part: str, size: int, rng: Any) -> dict:
    """`size` questions drawn at random, their pictures and answers."""
    questions = json.loads((folder / part / "questions.json").read_text())
    chosen = rng.permutation(len(questions))[:size]
    texts, answers, numbers = zip(*(questions[i] for i in chosen), strict=True)
    return {
        "texts": texts,
        "answers": answers,
        "image": read_pictures(folder / part, numbers),
        "groups": np.array(numbers, "int32"),
    }


def read_pictures(folder: pathlib.Path, numbers: Iterable[int]) -> np.ndarray:
    """The pictures of these numbers: float32 `(n, SIZE, SIZE, 3)`."""
    from PIL import Image

    unique, places = np.unique(list(numbers), return_inverse=True)
    pictures = []
    for number in unique:
        with Image.open(folder / "images" / f"{number}.png") as picture:
            small = picture.convert("RGB").resize((SIZE, SIZE))
        pictures.append(np.asarray(small, "float32") / 255)
    return np.stack(pictures)[places]


def load(folder: pathlib.Path, run: int) -> Splits:
    """512 questions to train; validation and test share their pictures."""
    path = folder / "easy_vqa"
    if not path.exists():
        path = inside_package("easy_vqa", "data")
    answers = (path / "answers.txt").read_text().split()
    rng = np.random.default_rng(run)
    train = read(path, "train", NUM_TRAIN, rng)
    held_out = read(path, "test", 2 * NUM_HELD_OUT, rng)
    words = sorted({w for text in train["texts"] for w in split(text)})
    number = {word: index for index, word in enumerate(words, start=2)}

    def examples(part: dict) -> Examples:
        ids = np.zeros((len(part["texts"]), LENGTH), "int32")
        for row, text in zip(ids, part["texts"], strict=True):
            found = [number.get(word, 1) for word in split(text)[:LENGTH]]
            row[LENGTH - len(found) :] = found
        y = [answers.index(answer) for answer in part["answers"]]
        x = {"image": part["image"], "question": ids}
        return Examples(x, np.array(y, "int32"), part["groups"])

    # Pictures of validation and of test are apart.
    both = examples(held_out)
    even = both.groups % 2 == 0
    return Splits(examples(train), both.take(even), both.take(~even))


def split(text: str) -> list[str]:
    """The words of a question."""
    return text.replace("?", "").split()


def see(x: Any) -> Any:
    """Three convolutions and a dense layer."""
    for filters in (16, 32, 64):
        x = layers.Conv2D(
            filters, 3, strides=2, padding="same", activation="relu"
        )(x)
    x = layers.Flatten()(x)
    return layers.Dense(64, name="image_features")(x)


def read_question(x: Any) -> Any:
    """An LSTM over the words."""
    x = layers.Embedding(VOCABULARY, 32, name="question_embedding")(x)
    x = layers.LSTM(64)(x)
    return layers.Dense(64, name="question_features")(x)


PROBLEMS = (
    Problem(
        name="vqa",
        title="VQA net",
        shapes={"image": (SIZE, SIZE, 3), "question": (LENGTH,)},
        encoders={"image": see, "question": read_question},
        head=nets.head(13, hidden=64),
        num_classes=13,
        load=load,
        epochs=40,
        batch_size=32,
        learning_rate=3e-3,
        fusion="multiply",
        taps={"question": "question_embedding"},
        vocabularies={"question": VOCABULARY},
        is_control=True,
    ),
)
