"""Encoding of words and labels as integers."""

import collections
import pathlib
import re
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

PADDING = ""
"""The word of id 0, which pads short texts."""

UNKNOWN = "[UNK]"
"""The word of id 1, which stands for words that are not in a vocabulary."""

_WORD = re.compile(r"[^\W_]+(?:['_][^\W_]+)*")


def split_words(text: str) -> list[str]:
    """Returns the words of a text in lower case, without punctuation.

    Example:

    >>> split_words("What's in front of the night_stand?")
    ["what's", 'in', 'front', 'of', 'the', 'night_stand']
    """
    return _WORD.findall(text.lower())


def make_vocabulary(
    texts: Iterable[str], min_count: int = 1
) -> tuple[str, ...]:
    """Returns two reserved words, then all words, the most frequent first.

    Ties are broken alphabetically, so that the order of `texts` does not
    matter.

    Args:
        texts: Strings, from the training set only.
        min_count: Integer. Rarer words are left out. Defaults to `1`.

    Returns:
        A tuple of strings; a word's id is its index.

    Example:

    >>> make_vocabulary(["the cat", "the dog"])
    ('', '[UNK]', 'the', 'cat', 'dog')
    """
    counts = collections.Counter(
        word for text in texts for word in split_words(text)
    )
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    kept = (word for word in ranked if counts[word] >= min_count)
    return (PADDING, UNKNOWN, *kept)


def encode_words(
    texts: Sequence[str], vocabulary: Sequence[str], length: int
) -> np.ndarray:
    """Encodes texts as word ids, cut or padded with 0 at the end.

    Args:
        texts: n strings.
        vocabulary: Strings, see `make_vocabulary`.
        length: Integer, the number of words to keep.

    Returns:
        Int32 array `(n, length)`.

    Example:

    >>> encode_words(["a cat", "the"], ("", "[UNK]", "the", "cat"), 3)
    array([[1, 3, 0],
           [2, 0, 0]], dtype=int32)
    """
    if length < 1:
        raise ValueError(
            f"`length` must be a positive number of words. Received: {length}"
        )
    place = {word: index for index, word in enumerate(vocabulary)}
    ids = np.zeros((len(texts), length), np.int32)
    for row, text in zip(ids, texts, strict=True):
        words = split_words(text)[:length]
        row[: len(words)] = [place.get(word, 1) for word in words]
    return ids


def most_frequent(
    labels: Iterable[str], number: int | None = None
) -> tuple[str, ...]:
    """Returns the distinct labels, the most frequent first.

    Ties are broken alphabetically.

    Args:
        labels: Strings.
        number: Integer, how many to keep, or `None` for all. Defaults to
            `None`.
    """
    counts = collections.Counter(labels)
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    return tuple(ranked[:number])


def label_ids(labels: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Returns each label's index in `classes` as int32, or -1 if missing.

    Example:

    >>> label_ids(["two", "red"], ("red", "table"))
    array([-1,  0], dtype=int32)
    """
    place = {label: index for index, label in enumerate(classes)}
    return np.array([place.get(label, -1) for label in labels], np.int32)


def read_lines(path: pathlib.Path) -> list[str]:
    """Returns the lines of a UTF-8 text file; none after a final newline."""
    with path.open(encoding="utf-8") as file:
        return file.read().removesuffix("\n").split("\n")


def text_items(array: np.ndarray) -> list[str]:
    """Returns the items of an array of UTF-8 bytes, separated by newlines."""
    if array.dtype != np.uint8 or array.ndim != 1:
        raise ValueError(
            f"text of shape {array.shape} and type {array.dtype}, not bytes"
        )
    return array.tobytes().decode("utf-8").split("\n")
