"""Audio-visual digits in NumPy arrays, ready for `model.fit`."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets.av_digits.fsdd import FSDD
from keras_mmreg.datasets.av_digits.fsdd import read_fsdd
from keras_mmreg.datasets.av_digits.spectrogram import log_mel_spectrograms
from keras_mmreg.datasets.colored_mnist.mnist_archive import MNIST
from keras_mmreg.datasets.colored_mnist.mnist_archive import read_mnist
from keras_mmreg.datasets.pairing import draw_by_label

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
"""The speakers, in the order in which the folds rotate."""

_NUM_CLASSES = 10


class Examples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"image": float32 (n, 28, 28, 1), "audio": float32 (n, 32, 32, 1)}`.
        y: The digits, int32 `(n,)`.
        speaker: Index of the speaker in `SPEAKERS`, int32 `(n,)`.
        recording: Index of the recording, int32 `(n,)`; a recording may be in
            many pairs.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    speaker: np.ndarray
    recording: np.ndarray


class AVDigits(NamedTuple):
    """The splits of the audio-visual digits, each an `Examples` tuple."""

    train: Examples
    validation: Examples
    test: Examples


def load_av_digits(
    mnist: str | pathlib.Path | None = None,
    fsdd: str | pathlib.Path = "download",
    fold: int = 0,
    train_speakers: int | Sequence[str] = 4,
    train_pairs: int = 10_000,
    held_out_pairs: int = 1000,
    image_noise: float = 0.0,
    seed: int = 0,
) -> AVDigits:
    """Loads audio-visual digits: MNIST images and FSDD recordings.

    An example is an image of a digit and a recording of someone who says it,
    paired at random. The splits share neither speakers nor images: fold i
    tests on speaker i, validates on the next one, and trains on the four that
    follow, or the first few of these. Test images come from MNIST's test set,
    validation images are the last sixth of its training set.

    Gaussian noise makes the images less informative, equally in all splits. The
    speaker is a nuisance: an attribute that can be heard, but does not matter.

    All digits are equally frequent. Images and recordings are drawn without
    replacement until none are left, and then from the beginning again.

    Args:
        mnist: `None` for the 6,000 digits shipped with the package,
            `"download"`, or the path of an `mnist.npz`. Defaults to `None`.
        fsdd: `"download"`, or the path of a folder, zip archive or `.npz`
            file, see `read_fsdd`. Defaults to `"download"`.
        fold: Integer from 0 to 5. Defaults to `0`.
        train_speakers: Integer from 1 to 4, or the names of speakers. Defaults
            to `4`.
        train_pairs: Integer, a multiple of 10. Defaults to `10_000`.
        held_out_pairs: Integer, a multiple of 10: the pairs of `validation`,
            and of `test`. Defaults to `1000`.
        image_noise: Non-negative float, the standard deviation of normal noise
            added to images in [0, 1], without clipping. Defaults to `0.0`.
        seed: Integer. The seed of pairs and noise. Defaults to `0`.

    Returns:
        An `AVDigits` named tuple of `train`, `validation` and `test`.

    Raises:
        ValueError: If an argument is out of range, or files do not have the
            expected content.

    Example:

    ```python
    data = keras_mmreg.datasets.load_av_digits(
        "mnist.npz", "fsdd.npz", fold=0, image_noise=0.5
    )
    model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validation.x, data.validation.y),
    )
    ```
    """
    names = _split_speakers(fold, train_speakers)
    _check_pairs(train_pairs, held_out_pairs)
    if not image_noise >= 0.0:
        raise ValueError(
            "`image_noise` must be zero or a positive standard deviation. "
            f"Received: image_noise={image_noise}"
        )
    images = _split_images(read_mnist(mnist))
    spoken = read_fsdd(fsdd)
    sizes = {
        "train": train_pairs,
        "validation": held_out_pairs,
        "test": held_out_pairs,
    }
    splits = {}
    for index, (split, size) in enumerate(sizes.items()):
        random = np.random.default_rng((seed, fold, index))
        recordings = np.flatnonzero(np.isin(spoken.speaker, names[split]))
        splits[split] = _pair(
            *images[split], spoken, recordings, size, image_noise, random
        )
    return AVDigits(**splits)


def _split_speakers(
    fold: int, train_speakers: int | Sequence[str]
) -> dict[str, list[str]]:
    if not 0 <= fold < len(SPEAKERS):
        raise ValueError(
            f"`fold` must be from 0 to {len(SPEAKERS) - 1}, the speaker to "
            f"test on. Received: fold={fold}"
        )
    test, validation, *train = np.roll(SPEAKERS, -fold).tolist()
    if isinstance(train_speakers, int):
        chosen = train[:train_speakers] if train_speakers > 0 else []
    else:
        chosen = list(train_speakers)
    too_many = isinstance(train_speakers, int) and train_speakers > len(train)
    if not chosen or too_many or not set(chosen) <= set(train):
        raise ValueError(
            f"`train_speakers` must be from 1 to {len(train)}, or names from "
            f"{train}, which fold {fold} neither validates nor tests on. "
            f"Received: train_speakers={train_speakers!r}"
        )
    return {"train": chosen, "validation": [validation], "test": [test]}


def _check_pairs(train_pairs: int, held_out_pairs: int) -> None:
    for name, size in (
        ("train_pairs", train_pairs),
        ("held_out_pairs", held_out_pairs),
    ):
        if size <= 0 or size % _NUM_CLASSES:
            raise ValueError(
                f"`{name}` must be a positive multiple of {_NUM_CLASSES}, the "
                f"number of classes. Received: {name}={size}"
            )


def _split_images(mnist: MNIST) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    first_held_out = len(mnist.y_train) * 5 // 6
    train, validation = slice(first_held_out), slice(first_held_out, None)
    return {
        "train": (mnist.x_train[train], mnist.y_train[train]),
        "validation": (mnist.x_train[validation], mnist.y_train[validation]),
        "test": (mnist.x_test, mnist.y_test),
    }


def _pair(
    images: np.ndarray,
    labels: np.ndarray,
    spoken: FSDD,
    recordings: np.ndarray,
    size: int,
    image_noise: float,
    random: np.random.Generator,
) -> Examples:
    y = random.permutation(np.arange(size, dtype=np.int32) % _NUM_CLASSES)
    try:
        image = draw_by_label(labels, y, random)
        spoken_digits = spoken.digit[recordings]
        recording = recordings[draw_by_label(spoken_digits, y, random)]
    except ValueError as error:
        raise ValueError(
            f"`mnist` and `fsdd` must have every digit in every split. "
            f"Received: {error}"
        ) from error
    chosen, place = np.unique(recording, return_inverse=True)
    spectrograms = log_mel_spectrograms(
        [spoken.recordings[index] for index in chosen]
    )
    pixels = images[image][..., np.newaxis] / np.float32(255.0)
    noise = random.standard_normal(pixels.shape, dtype=np.float32)
    speakers = np.searchsorted(SPEAKERS, spoken.speaker[recording])
    return Examples(
        x={
            "image": pixels + np.float32(image_noise) * noise,
            "audio": spectrograms[place],
        },
        y=y,
        speaker=speakers.astype(np.int32),
        recording=recording.astype(np.int32),
    )
