"""Reading the Free Spoken Digit Dataset: archive, folder or arrays."""

import hashlib
import io
import pathlib
import re
import wave
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np

from keras_mmreg.datasets import reading

SAMPLE_RATE = 8000
# A fixed commit, so that the data do not change: 6 speakers, 3,000 recordings.
FSDD_URL = (
    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/"
    "1306d2c6da002dfb2fd1f113d8596d801648a085.zip"
)
# GitHub guarantees an archive's content, but not its bytes. So this is the
# digest of the recordings at that commit; see `digest`.
FSDD_SHA256 = "0da0ef0e721b8e16838704bebc8ceeabe25d170bd98402c1d3a5c446b32eec2d"

_EXPECTED = (
    "'download', a folder or zip archive of wav files named "
    f"{{digit}}_{{speaker}}_{{take}}.wav (mono, 16 bits, {SAMPLE_RATE} Hz), or "
    "an .npz file with the arrays `samples`, `length`, `digit`, `speaker` and "
    "`take`"
)
# All recordings take 21 MB.
_MAX_BYTES = 128 * reading.MEBIBYTE
_FILE_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")


class FSDD(NamedTuple):
    """Recordings of spoken digits, ordered by speaker, digit and take.

    Attributes:
        recordings: List of n int16 arrays of samples, 8,000 per second.
        digit: Int array `(n,)`.
        speaker: String array `(n,)`, lower-case first names.
        take: Int array `(n,)`, the number of the recording among those of the
            same speaker and digit.
    """

    recordings: list[np.ndarray]
    digit: np.ndarray
    speaker: np.ndarray
    take: np.ndarray


def read_fsdd(path: str | pathlib.Path = "download") -> FSDD:
    """Reads the Free Spoken Digit Dataset (CC BY-SA 4.0).

    Args:
        path: `"download"` to fetch the archive from GitHub through
            `keras.utils.get_file`, which keeps it; the path of a folder or a
            `.zip` file with wav files named `{digit}_{speaker}_{take}.wav`
            (mono, 16 bits, 8,000 Hz), at any depth; or of an `.npz` file with
            the int16 array `samples`, all recordings concatenated, and the
            arrays `length`, `digit`, `speaker` and `take`, one entry per
            recording. Defaults to `"download"`.

    Returns:
        An `FSDD` named tuple.

    Raises:
        ValueError: If there are no such recordings at `path`, or the downloaded
            recordings differ from those of the pinned commit.

    Example:

    ```python
    fsdd = keras_mmreg.datasets.read_fsdd("free-spoken-digit-dataset")
    george = [
        recording
        for recording, speaker in zip(fsdd.recordings, fsdd.speaker)
        if speaker == "george"
    ]
    ```

    References:

    - [Jackson et al., Free Spoken Digit Dataset](
      https://github.com/Jakobovski/free-spoken-digit-dataset)
    """
    downloaded = path == "download"
    if downloaded:
        path = keras.utils.get_file("fsdd.zip", FSDD_URL)
    path = reading.as_path(path)
    with reading.explained(_EXPECTED, path):
        is_arrays = path.suffix == ".npz"
        fsdd = _read_arrays(path) if is_arrays else _read_waves(path)
        fsdd = _in_order(fsdd)
    if downloaded:
        check_download(fsdd)
    return fsdd


def check_download(fsdd: FSDD) -> None:
    """Raises a `ValueError` unless these are all recordings, unchanged."""
    if digest(fsdd) != FSDD_SHA256:
        raise ValueError(
            f"The {len(fsdd.recordings)} recordings downloaded from {FSDD_URL} "
            "are not those of that commit. Delete the file from Keras's or "
            "TFDS's cache, and download it again."
        )


def digest(fsdd: FSDD) -> str:
    """Returns the SHA-256 of all recordings and their labels, in order."""
    sha256 = hashlib.sha256()
    for recording, *labels in zip(*fsdd, strict=True):
        sha256.update("_".join(map(str, labels)).encode())
        sha256.update(recording.astype("<i2").tobytes())
    return sha256.hexdigest()


def _read_arrays(path: pathlib.Path) -> FSDD:
    arrays = reading.read_arrays(
        path, ["samples", "length", *FSDD._fields[1:]], _MAX_BYTES
    )
    length = reading.check_integers("length", arrays["length"], 1)
    samples, ends = arrays["samples"], np.cumsum(length, dtype=np.int64)
    if samples.dtype != np.int16 or samples.ndim != 1:
        raise ValueError(
            f"samples of type {samples.dtype} and shape {samples.shape}"
        )
    if not len(ends) or ends[-1] != len(samples):
        raise ValueError("lengths that do not sum to the samples")
    speaker = arrays["speaker"]
    if speaker.dtype.kind != "U" or speaker.shape != length.shape:
        raise ValueError(
            f"`speaker` of type {speaker.dtype} and shape {speaker.shape}, "
            f"not {len(length)} strings"
        )
    return FSDD(
        np.split(samples, ends[:-1]),
        reading.check_integers("digit", arrays["digit"], 0, 9, len(length)),
        speaker,
        reading.check_integers("take", arrays["take"], 0, size=len(length)),
    )


def _read_waves(path: pathlib.Path) -> FSDD:
    recordings, labels = [], []
    for name, content in _wave_files(path):
        digit, speaker, take = name.removesuffix(".wav").split("_")
        recordings.append(_read_wave(name, content))
        labels.append((int(digit), speaker, int(take)))
    if not labels:
        raise ValueError("no file of such a name")
    return FSDD(recordings, *map(np.array, zip(*labels, strict=True)))


def _wave_files(path: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    """Yields the name, without folders, and the content of each recording."""
    if path.is_dir():
        for wav in reading.files_below(path, _FILE_NAME):
            yield wav.name, wav.read_bytes()
    else:
        yield from reading.read_zip(path, _FILE_NAME, _MAX_BYTES)


def _read_wave(name: str, content: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(content)) as file:
        form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        if form != (1, 2, SAMPLE_RATE):
            raise ValueError(
                f"{name} of {form[0]} channels, {8 * form[1]} bits, "
                f"{form[2]} Hz"
            )
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def _in_order(fsdd: FSDD) -> FSDD:
    labels = zip(fsdd.digit, fsdd.speaker, fsdd.take, strict=True)
    names = [f"{digit}_{speaker}_{take}" for digit, speaker, take in labels]
    if len(set(names)) < len(names):
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        raise ValueError(f"{twice[0]} twice")
    order = np.lexsort((fsdd.take, fsdd.digit, fsdd.speaker))
    return FSDD(
        [fsdd.recordings[index] for index in order],
        fsdd.digit[order].astype(np.int32),
        fsdd.speaker[order],
        fsdd.take[order].astype(np.int32),
    )
