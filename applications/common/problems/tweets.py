"""Sarcasm in tweets: their words, and words for what their picture shows."""

import collections
import pathlib
from collections.abc import Iterable

import numpy as np

from applications.common.problems import nets
from applications.common.problems.problem import Problem
from applications.common.problems.problem import Splits
from applications.common.problems.problem import independent

LENGTHS = {"text": 30, "picture": 5}
VOCABULARIES = {"text": 5000, "picture": 1000}
FIELDS = {"text": "text_utf8", "picture": "attributes_utf8"}


def token_ids(
    texts: list[str], training: Iterable[str], vocabulary: int, length: int
) -> np.ndarray:
    """Ids of the training texts' most frequent words; 1 is any other word."""
    counts = collections.Counter(
        word for text in training for word in text.split()
    )
    frequent = [word for word, _ in counts.most_common(vocabulary - 2)]
    number = {word: index for index, word in enumerate(frequent, start=2)}
    ids = np.zeros((len(texts), length), "int32")
    for row, text in zip(ids, texts, strict=True):
        found = [number.get(word, 1) for word in text.split()[:length]]
        row[: len(found)] = found
    return ids


def load(folder: pathlib.Path, run: int) -> Splits:
    """The official splits, the same in every run."""
    with np.load(folder / "tweet_sarcasm.npz") as archive:
        data = {name: archive[name] for name in archive.files}
    x = {}
    for name, field in FIELDS.items():
        texts = data[field].tobytes().decode().split("\n")
        training = np.array(texts, dtype=object)[data["split"] == 0]
        x[name] = token_ids(texts, training, VOCABULARIES[name], LENGTHS[name])
    examples = independent(x, data["y"])
    return Splits(*(examples.take(data["split"] == part) for part in range(3)))


PROBLEMS = (
    Problem(
        name="tweets",
        title="Tweets",
        shapes={name: (length,) for name, length in LENGTHS.items()},
        encoders={
            name: nets.words(name, size) for name, size in VOCABULARIES.items()
        },
        head=nets.head(2, hidden=32),
        num_classes=2,
        load=load,
        epochs=3,
        batch_size=128,
        taps={name: f"{name}_embedding" for name in LENGTHS},
        vocabularies=VOCABULARIES,
        is_control=True,
    ),
)
