"""Social-IQ 2.0: which of four answers to a question about a video is right?

Text alone: of its videos there are no features at hand. The wording of an
answer often tells whether it is right.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import layers
from keras import ops

import keras_mmreg as mmreg
from applications.common.bias.methods import Net
from applications.common.bias.methods import Task
from applications.common.problems import Examples
from applications.common.problems import Splits
from applications.common.training import log_softmax

NUM_ANSWERS, UNITS = 4, 64
NUM_FOLDS = 3
EPOCHS, BATCH_SIZE, LEARNING_RATE = 6, 64, 1e-3

Columns = dict[str, np.ndarray]
"""`question`, `answer`, `y`, `answer_type` and `video`."""


def load(args: argparse.Namespace) -> Task:
    """Social-IQ 2.0, four answers to choose from."""
    if args.social_iq is None:
        raise SystemExit("Pass where Social-IQ 2.0 is as `--social-iq`.")
    data = mmreg.datasets.load_social_iq(args.social_iq, task="choice")
    splits = {
        name: {
            **part.x,
            "y": part.y,
            "answer_type": part.answer_type,
            "video": part.video,
        }
        for name, part in zip(Splits._fields, data[:3], strict=False)
    }
    return task(splits, len(data.vocabulary))


def task(splits: dict[str, Columns], num_words: int) -> Task:
    """The task, with what an answer tells by itself as the bias."""
    shapes = {
        name: splits["train"][name].shape[1:] for name in ("question", "answer")
    }
    net = create_net(shapes, num_words)
    bias = {
        name: np.full((len(columns["y"]), NUM_ANSWERS), 0.25, "float32")
        for name, columns in splits.items()
    }
    bias["train"] = answers_alone(splits["train"], net)

    def scores(logits: np.ndarray, split: str) -> dict[str, float]:
        return by_answer_type(logits, splits[split])

    return Task(
        splits=Splits(
            *(
                Examples(
                    {name: columns[name] for name in shapes}
                    | {"bias": bias[split]},
                    columns["y"],
                    np.unique(columns["video"], return_inverse=True)[1],
                )
                for split, columns in splits.items()
            )
        ),
        net=net,
        biased="answer",
        taps={name: f"{name}_embedding" for name in shapes},
        num_answers=NUM_ANSWERS,
        mode="softmax",
        scores=scores,
        criterion=lambda logits: scores(logits, "validation")["accuracy"],
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
    )


def by_answer_type(logits: np.ndarray, columns: Columns) -> dict[str, float]:
    """How often the right answer is taken, and is put before a wrong one.

    Wrong answers are `matched`, which answer another question, or `rewrite`, a
    right one turned false: two and one of each four.
    """
    rows = np.arange(len(logits))
    right = logits[rows, columns["y"]][:, np.newaxis]
    found = {"accuracy": float(np.mean(np.argmax(logits, 1) == columns["y"]))}
    for kind in ("matched", "rewrite"):
        wrong = columns["answer_type"] == kind
        found[f"over {kind}"] = float(np.mean((right > logits)[wrong]))
    return found


def answers_alone(
    columns: Columns, net: Callable[[Iterable[str]], Net]
) -> np.ndarray:
    """What a net that sees no question says: `(n, 4)` probabilities.

    For each third of the videos by a net trained on the others: a net is too
    sure of the answers that it was trained on.
    """
    _, video = np.unique(columns["video"], return_inverse=True)
    bias = np.empty((len(video), NUM_ANSWERS), "float32")
    for fold in range(NUM_FOLDS):
        keras.utils.set_random_seed(fold)
        inputs, _, logits = net(["answer"])
        model = keras.Model(inputs, logits)
        model.compile(
            keras.optimizers.Adam(LEARNING_RATE),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        own = video % NUM_FOLDS == fold
        model.fit(
            {"answer": columns["answer"][~own]},
            columns["y"][~own],
            batch_size=BATCH_SIZE,
            epochs=EPOCHS // 2,
            verbose=0,
        )
        answer = {"answer": columns["answer"][own]}
        bias[own] = np.exp(
            log_softmax(model.predict(answer, batch_size=500, verbose=0))
        )
    return bias


def create_net(
    shapes: dict[str, tuple[int, ...]], num_words: int
) -> Callable[[Iterable[str]], Net]:
    """Each answer is compared with the question; one logit an answer."""

    def mean_word(name: str, tensor: Any, axis: int) -> Any:
        words = layers.Embedding(num_words, UNITS, name=f"{name}_embedding")
        return ops.mean(layers.Dense(UNITS, "relu")(words(tensor)), axis=axis)

    def net(modalities: Iterable[str]) -> Net:
        inputs = {
            name: keras.Input(shapes[name], name=name, dtype="int32")
            for name in modalities
        }
        x = mean_word("answer", inputs["answer"], axis=2)
        if "question" in inputs:
            question = mean_word("question", inputs["question"], axis=1)
            question = layers.RepeatVector(NUM_ANSWERS)(question)
            x = layers.Concatenate()(
                [x, question, layers.Multiply()([x, question])]
            )
        x = layers.Dense(UNITS, activation="relu")(x)
        logits = layers.Reshape((NUM_ANSWERS,))(layers.Dense(1)(x))
        return Net(inputs, ops.mean(x, axis=1), logits)

    return net


def made_up(size: int = 24) -> Task:
    """Random words, to try the study on."""
    rng = np.random.default_rng(0)
    kinds = np.array(["corr", "matched", "matched", "rewrite"])
    splits = {}
    for name in ("train", "validation", "test"):
        order = np.stack([rng.permutation(NUM_ANSWERS) for _ in range(size)])
        splits[name] = {
            "question": rng.integers(1, 9, (size, 5)).astype("int32"),
            "answer": rng.integers(1, 9, (size, 4, 6)).astype("int32"),
            "y": np.argmin(order, axis=1).astype("int32"),
            "answer_type": kinds[order],
            "video": np.arange(size) // 2,
        }
    return task(splits, 9)


TASKS = {"social_iq": load}
