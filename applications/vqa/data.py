"""Questions about pictures, whose answers have other priors in the test set.

Three data sets: DAQUAR in the split `cp_soft`, with small frames or with the
shares of NYUv2's classes in each frame (what a detector of objects would say),
and easy-VQA, split in the same manner.
"""

import argparse
import json
import pathlib
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import layers

import keras_mmreg as mmreg
from applications.common.bias.methods import Net
from applications.common.bias.methods import Task
from applications.common.problems import Examples
from applications.common.problems import Splits
from applications.common.problems import easy_vqa
from applications.common.problems import nets
from applications.common.problems.sources import inside_package
from keras_mmreg.datasets import texts
from keras_mmreg.datasets.resampling import block_means
from keras_mmreg.datasets.splitting import hold_out_groups

FRAME_SIZE = (30, 40)
NUM_OBJECTS = 39
"""NYUv2's classes; the one after them mixes the rest and what is unlabeled."""
NUM_ANSWERS = 200
"""DAQUAR's most frequent answers; they are right for four questions of five."""
UNITS, LENGTH = 64, 20
EASY_SIZES = {"train": 8000, "test": 2000}
MINORITY = 0.25
"""Of the questions of a pair of type and answer, how many are kept on the side
it does not lean to: 80 : 20, as in `cp_soft`."""

Rows = dict[str, np.ndarray]
"""Columns: `question`, `image`, `y`, `type`, `answer`, `answer_type`."""


def daquar(args: argparse.Namespace) -> Task:
    """DAQUAR with small frames."""
    with np.load(args.frames) as arrays:
        frames = block_means(arrays["rgb"].swapaxes(1, 3), FRAME_SIZE[::-1])
    return of_daquar(args.daquar, frames.swapaxes(1, 3) / 255, see)


def daquar_objects(args: argparse.Namespace) -> Task:
    """DAQUAR with the share of each class in a frame's label map."""
    with np.load(args.frames) as arrays:
        labels = arrays["label"].reshape(len(arrays["label"]), -1)
    shares = np.stack(
        [np.mean(labels == label, axis=1) for label in range(NUM_OBJECTS)], 1
    )
    return of_daquar(args.daquar, shares, nets.vector("image", UNITS))


def of_daquar(
    path: pathlib.Path, images: np.ndarray, encoder: nets.Net
) -> Task:
    data = mmreg.datasets.load_daquar(
        path, split="cp_soft", num_answers=NUM_ANSWERS
    )
    splits = {
        name: {
            "question": part.x["question"],
            "image": images[part.frame].astype("float32"),
            "y": part.y,
            "type": part.question_type,
            "answer": part.answer_text,
            "answer_type": daquar_answer_types(part.question_text),
        }
        for name, part in zip(Splits._fields, data[:3], strict=False)
    }
    return task(
        splits, len(data.answers), len(data.vocabulary), encoder, epochs=20
    )


def daquar_answer_types(questions: Iterable[str]) -> np.ndarray:
    """`number`, `color` or `object`, by what the question asks for."""
    return np.array(
        [
            "number"
            if question.startswith("how many")
            else "color"
            if "color" in question.split()[:4]
            else "object"
            for question in questions
        ]
    )


def easy(args: argparse.Namespace) -> Task:
    """easy-VQA with shifted priors."""
    path = args.easy_vqa or inside_package("easy_vqa", "data")
    answers = (path / "answers.txt").read_text().split()
    rng = np.random.default_rng(0)
    parts = {
        part: shifted(path, part, size, answers, rng)
        for part, size in EASY_SIZES.items()
    }
    vocabulary = texts.make_vocabulary(parts["train"]["text"])
    for part in parts.values():
        part["question"] = texts.encode_words(
            part["text"].tolist(), vocabulary, LENGTH
        )
    held_out = hold_out_groups(parts["train"]["picture"], 0.1)
    splits = {
        "train": take(parts["train"], ~held_out),
        "validation": take(parts["train"], held_out),
        "test": parts["test"],
    }
    return task(splits, len(answers), len(vocabulary), see, epochs=20)


def shifted(
    path: pathlib.Path, part: str, size: int, answers: list[str], rng: Any
) -> Rows:
    """Questions of easy-VQA of which each type prefers some answers.

    Of the answers to a type of question, every other one leans to training.
    """
    rows = json.loads((path / part / "questions.json").read_text())
    order = rng.permutation(len(rows))
    text, answer, picture = (
        np.array(column)[order] for column in zip(*rows, strict=True)
    )
    kinds = np.array([question_type(each) for each in text])
    keep = np.zeros(len(text), bool)
    for number, kind in enumerate(np.unique(kinds)):
        for place, each in enumerate(np.unique(answer[kinds == kind])):
            (found,) = np.nonzero((kinds == kind) & (answer == each))
            leans_to_train = (place + number) % 2 == 0
            if leans_to_train != (part == "train"):
                found = found[: round(MINORITY * len(found))]
            keep[found] = True
    chosen = rng.permutation(np.flatnonzero(keep))[:size]
    text, answer, kinds, picture = (
        column[chosen] for column in (text, answer, kinds, picture)
    )
    return {
        "text": text,
        "image": easy_vqa.read_pictures(path / part, picture),
        "picture": picture.astype("int32"),
        "y": np.array([answers.index(each) for each in answer], "int32"),
        "type": kinds,
        "answer": answer,
        "answer_type": np.array(
            [
                kind.split()[-1] if kind.startswith("what") else "yes/no"
                for kind in kinds
            ]
        ),
    }


def question_type(question: str) -> str:
    """The first two words, or `what color` and `what shape`."""
    if question.startswith("what"):
        return "what color" if "color" in question else "what shape"
    return " ".join(question.split()[:2])


def take(rows: Rows, chosen: np.ndarray) -> Rows:
    return {name: values[chosen] for name, values in rows.items()}


def see(x: Any) -> Any:
    """Two convolutions and two dense layers."""
    for filters, size in ((16, 5), (32, 3)):
        x = layers.Conv2D(
            filters, size, strides=size - 1, padding="same", activation="relu"
        )(x)
    x = layers.Dense(UNITS, activation="relu")(layers.Flatten()(x))
    return layers.Dense(UNITS, name="image_features")(x)


def task(
    splits: dict[str, Rows],
    num_answers: int,
    num_words: int,
    encoder: nets.Net,
    epochs: int,
) -> Task:
    """The task of a data set; `encoder` is that of its images."""
    priors = answer_priors(splits["train"], num_answers)
    weights = balanced(splits["validation"])
    y = {name: rows["y"] for name, rows in splits.items()}

    def criterion(logits: np.ndarray) -> float:
        right = np.argmax(logits, axis=-1) == y["validation"]
        return float(np.sum(weights * right))

    def scores(logits: np.ndarray, split: str) -> dict[str, float]:
        right = np.argmax(logits, axis=-1) == y[split]
        kinds = splits[split]["answer_type"]
        return {"accuracy": float(right.mean())} | {
            str(kind): float(right[kinds == kind].mean())
            for kind in np.unique(kinds)
        }

    return Task(
        splits=Splits(
            *(
                Examples(
                    {
                        "question": rows["question"],
                        "image": rows["image"],
                        "bias": priors(rows["type"]),
                    },
                    rows["y"],
                    np.arange(len(rows["y"]), dtype="int32"),
                )
                for rows in splits.values()
            )
        ),
        net=create_net(
            num_answers,
            num_words,
            splits["train"]["question"].shape[1:],
            splits["train"]["image"].shape[1:],
            encoder,
        ),
        biased="question",
        taps={"question": "question_embedding", "image": "image_features"},
        num_answers=num_answers,
        mode="binary",
        scores=scores,
        criterion=criterion,
        epochs=epochs,
        learning_rate=3e-3,
    )


def answer_priors(
    rows: Rows, num_answers: int
) -> Callable[[np.ndarray], np.ndarray]:
    """How often each answer is right for a type of question, in training.

    For a type that training has not, all answers are alike; no bias is
    believed outside training anyway.
    """
    uniform = np.full(num_answers, 1 / num_answers, "float32")
    priors = {}
    for kind in np.unique(rows["type"]):
        y = rows["y"][rows["type"] == kind]
        priors[kind] = np.bincount(y, minlength=num_answers) / len(y)
    return lambda kinds: np.stack(
        [priors.get(kind, uniform) for kind in kinds]
    ).astype("float32")


def balanced(rows: Rows) -> np.ndarray:
    """Weights that sum to 1 and are equal for all pairs of type and answer.

    Validation data have the priors of training. Where every pair counts the
    same, following the priors is worth nothing.
    """
    pairs = np.char.add(np.char.add(rows["type"], "\t"), rows["answer"])
    _, place, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    return 1 / counts[place] / len(counts)


def create_net(
    num_answers: int,
    num_words: int,
    question_shape: tuple[int, ...],
    image_shape: tuple[int, ...],
    encoder: nets.Net,
) -> Callable[[Iterable[str]], Net]:
    """Question and image multiplied, as in the nets that LMH was made for."""

    def net(modalities: Iterable[str]) -> Net:
        inputs, features = {}, []
        if "question" in modalities:
            inputs["question"] = keras.Input(
                question_shape, name="question", dtype="int32"
            )
            read = nets.words("question", num_words, UNITS)
            features.append(read(inputs["question"]))
        if "image" in modalities:
            inputs["image"] = keras.Input(image_shape, name="image")
            features.append(encoder(inputs["image"]))
        x = layers.Multiply()(features) if len(features) > 1 else features[0]
        x = layers.Dense(2 * UNITS, activation="relu")(x)
        # At first no answer is likely, or the first epochs go into that.
        rare = keras.initializers.Constant(-np.log(num_answers))
        logits = layers.Dense(num_answers, bias_initializer=rare, name="logits")
        return Net(inputs, x, logits(x))

    return net


def made_up(size: int = 40) -> Task:
    """Questions of two types about pictures of noise, to try the study on."""
    rng = np.random.default_rng(0)
    splits = {}
    for name in ("train", "validation", "test"):
        y = np.arange(size, dtype="int32") % 4
        kinds = np.array(["how many", "what color"])[y // 2]
        splits[name] = {
            "question": rng.integers(1, 9, (size, 5)).astype("int32"),
            "image": rng.normal(size=(size, 6)).astype("float32"),
            "y": y,
            "type": kinds,
            "answer": y.astype(str),
            "answer_type": np.char.rpartition(kinds, " ")[:, -1],
        }
    return task(splits, 4, 9, nets.vector("image", UNITS), epochs=1)


TASKS = {"easy_vqa": easy, "daquar_objects": daquar_objects, "daquar": daquar}
