"""The features of the first release of Social-IQ, ready for `model.fit`."""

import pathlib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets import texts
from keras_mmreg.datasets.splitting import hold_out_groups

QUESTION_FILE = "SOCIAL-IQ_QA_BERT_LASTLAYER_BINARY_CHOICE.csd"
"""BERT's last layer for questions and answers."""

VIDEO_FILES = {
    "vision": "SOCIAL_IQ_DENSENET161_1FPS.csd",
    "acoustic": "SOCIAL_IQ_COVAREP.csd",
    "transcript": "SOCIAL_IQ_TRANSCRIPT_RAW_CHUNKS_BERT.csd",
}
"""The features of the videos, by modality."""

_FOLDS_PATH = pathlib.Path(__file__).parent / "folds.txt"
# The transcript has timing before its embeddings, which are the last columns.
_TRANSCRIPT_SIZE = 768
# Of one video: 6 questions x 12 pairs x 3 texts x 25 words x 768 values.
_MAX_VALUES = 50_000_000


class FeatureExamples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"question": float32 (n, 768), "answer": float32 (n, 768)}`, means
            over words, and for each modality of the video the mean over time,
            float32 `(n, size)`.
        y: Whether the answer is correct, int32 `(n,)`.
        question_index: Index of the question, int32 `(n,)`.
        video: Name of the video, strings `(n,)`.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    question_index: np.ndarray
    video: np.ndarray


class SocialIQFeatures(NamedTuple):
    """The splits of the first release, each a `FeatureExamples` tuple."""

    train: FeatureExamples
    validation: FeatureExamples
    test: FeatureExamples


def load_social_iq_features(
    path: str | pathlib.Path,
    modalities: Sequence[str] = tuple(VIDEO_FILES),
    validation_split: float = 0.1,
    seed: int = 0,
) -> SocialIQFeatures:
    """Loads the features of Social-IQ's first release, as Gat et al. use it.

    An example is a question, one of its four correct or three incorrect
    answers, and the video. `test` is the published validation fold,
    `validation` comes from the training fold; no split shares videos with
    another. Videos that are missing from one of the files are left out. NaN and
    infinity, which the acoustic features contain, are left out of the means.

    Args:
        path: The path of the folder of the `.csd` files (HDF5) that the CMU
            Multimodal SDK downloads.
        modalities: Names from `"vision"`, `"acoustic"` and `"transcript"`.
            Defaults to all.
        validation_split: Float in [0, 1), the share of the training fold,
            whole videos at a time, that becomes the validation set. Defaults
            to `0.1`.
        seed: Integer. The seed of the choice of validation videos. Defaults to
            `0`.

    Returns:
        A `SocialIQFeatures` named tuple.

    Raises:
        ValueError: If an argument is out of range, or files do not have the
            expected content.

    Example:

    ```python
    data = keras_mmreg.datasets.load_social_iq_features("socialiq")
    model.fit(data.train.x, data.train.y)
    ```

    References:

    - [Zadeh et al., "Social-IQ: A Question Answering Benchmark for Artificial
      Social Intelligence", CVPR 2019](
      https://github.com/A2Zadeh/Social-IQ)
    - [Gat et al., "Removing Bias in Multi-modal Classifiers: Regularization
      by Maximizing Functional Entropies", NeurIPS 2020, section 6.3](
      https://arxiv.org/abs/2010.10802)
    """
    if not modalities or not set(modalities) <= set(VIDEO_FILES):
        raise ValueError(
            f"`modalities` must be names from {[*VIDEO_FILES]}. "
            f"Received: modalities={modalities!r}"
        )
    path = reading.as_path(path)
    videos = {
        name: dict(_means(path / VIDEO_FILES[name], name))
        for name in modalities
    }
    data = _read_answers(path / QUESTION_FILE, videos)
    folds = read_folds()
    test = np.isin(data.video, folds["valid"])
    train = np.isin(data.video, folds["train"])
    if not train.any() or not test.any():
        raise ValueError(
            "`path` must have videos of both published folds in all files. "
            f"Received: path={str(path)!r}, with {train.sum()} examples of "
            f"the training fold and {test.sum()} of the validation fold"
        )
    held_out = np.zeros_like(train)
    held_out[train] = hold_out_groups(data.video[train], validation_split, seed)

    def part(chosen: np.ndarray) -> FeatureExamples:
        x = {name: values[chosen] for name, values in data.x.items()}
        return FeatureExamples(x, *(column[chosen] for column in data[1:]))

    return SocialIQFeatures(part(train & ~held_out), part(held_out), part(test))


def read_folds() -> dict[str, list[str]]:
    """Returns the videos of the published folds `train` and `valid`."""
    folds: dict[str, list[str]] = {"train": [], "valid": []}
    for line in texts.read_lines(_FOLDS_PATH):
        fold, video = line.split()
        folds[fold].append(video)
    return folds


def _sequences(path: pathlib.Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yields videos' names and features from a computational sequence."""
    # Keras depends on h5py.
    import h5py

    expected = f"a folder with the HDF5 file {path.name} of Social-IQ"
    with reading.explained(expected, path.parent):
        with path.open("rb") as content, h5py.File(content) as file:
            (root,) = file.values()
            for video, entry in root["data"].items():
                features = entry["features"]
                if not 0 < features.size <= _MAX_VALUES:
                    raise ValueError(f"{video} of shape {features.shape}")
                if features.dtype.kind != "f":
                    raise ValueError(f"{video} of type {features.dtype}")
                yield video, features[...]


def _means(
    path: pathlib.Path, modality: str
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields each video's mean over time of all finite values."""
    size = None
    for video, features in _sequences(path):
        columns = features.reshape(len(features), -1)
        if modality == "transcript":
            columns = columns[:, -_TRANSCRIPT_SIZE:]
        size = size or columns.shape[1]
        if columns.shape[1] != size:
            raise ValueError(
                f"{path.name}: {video} has {columns.shape[1]} features, not "
                f"{size} as the videos before it"
            )
        yield video, _mean(columns, np.isfinite(columns))


def _mean(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Returns the mean over the last axis but one, or 0 if nothing is valid."""
    total = np.where(valid, values, 0.0).sum(-2, dtype=np.float64)
    count = np.maximum(valid.sum(-2), 1)
    return (total / count).astype(np.float32)


def _read_answers(
    path: pathlib.Path, videos: Mapping[str, Mapping[str, np.ndarray]]
) -> FeatureExamples:
    columns: dict[str, list[Any]] = {"question": [], "answer": []}
    columns |= {name: [] for name in videos}
    y, index, names, number = [], [], [], 0
    for video, pairs in _sequences(path):
        if any(video not in features for features in videos.values()):
            continue
        for question, answers, labels in _questions(video, pairs):
            columns["question"] += [question] * len(labels)
            columns["answer"] += answers
            for name, features in videos.items():
                columns[name] += [features[video]] * len(labels)
            y += labels
            index += [number] * len(labels)
            names += [video] * len(labels)
            number += 1
    return FeatureExamples(
        {name: np.array(rows, np.float32) for name, rows in columns.items()},
        np.array(y, np.int32),
        np.array(index, np.int32),
        np.array(names, str),
    )


def _questions(
    video: str, pairs: np.ndarray
) -> Iterator[tuple[np.ndarray, list[np.ndarray], list[int]]]:
    """Yields questions' vectors, their distinct answers' vectors, and labels.

    `pairs` has the axes (1, questions, pairs of a correct and an incorrect
    answer, 3 texts, words, size); the texts are the question, the correct and
    the incorrect answer.
    """
    if pairs.ndim != 6 or pairs.shape[0] != 1 or pairs.shape[3] != 3:
        raise ValueError(
            f"{QUESTION_FILE}: {video} has the shape {pairs.shape}, not (1, "
            "questions, pairs, 3, words, size)"
        )
    reading.check_finite(f"{QUESTION_FILE}: {video}", pairs)
    words = np.broadcast_to(
        np.any(pairs[0], axis=-1, keepdims=True), pairs.shape[1:]
    )
    for vectors in _mean(pairs[0], words):
        answers: list[np.ndarray] = []
        labels: list[int] = []
        for label, text in ((1, 1), (0, 2)):
            # Each correct answer is paired with each incorrect one.
            distinct = dict.fromkeys(v.tobytes() for v in vectors[:, text])
            answers += [np.frombuffer(key, np.float32) for key in distinct]
            labels += [label] * len(distinct)
        yield vectors[0, 0], answers, labels
