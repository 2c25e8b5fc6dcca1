"""Reading the Free Spoken Digit Dataset: archive, folder or arrays."""

import io
import pathlib
import re
import wave
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np

SAMPLE_RATE = 8000
# A commit, so that the data stay what they are: 6 speakers, 3,000 recordings.
FSDD_URL = (
    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/"
    "1306d2c6da002dfb2fd1f113d8596d801648a085.zip"
)

_FILE_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
_READ_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    wave.Error,
    zipfile.BadZipFile,
    zlib.error,
)


class FSDD(NamedTuple):
    """Recordings of spoken digits, ordered by speaker, digit and take.

    Attributes:
        recordings: List of n int16 arrays of samples, 8,000 a second.
        digit: Int array `(n,)`.
        speaker: String array `(n,)`, lower-case first names.
        take: Int array `(n,)`, which counts the recordings of a speaker and
            digit.
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
            the int16 array `samples`, all recordings end to end, and the
            arrays `length`, `digit`, `speaker` and `take`, one entry a
            recording. Defaults to `"download"`.

    Returns:
        An `FSDD` named tuple.

    Raises:
        ValueError: If there are no such recordings at `path`.

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
    if path == "download":
        path = keras.utils.get_file("fsdd.zip", FSDD_URL)
    if isinstance(path, str):
        path = pathlib.Path(path)
    try:
        fsdd = _read_arrays(path) if _is_arrays(path) else _read_waves(path)
        _check(fsdd)
    except _READ_ERRORS as error:
        raise ValueError(
            "`path` must be 'download', a folder or zip archive of wav files "
            "named {digit}_{speaker}_{take}.wav (mono, 16 bits, "
            f"{SAMPLE_RATE} Hz), or an .npz file with the arrays `samples`, "
            "`length`, `digit`, `speaker` and `take`. Received: "
            f"path={str(path)!r}, with {type(error).__name__}: {error}"
        ) from error
    return _in_order(fsdd)


def _is_arrays(path: pathlib.Path) -> bool:
    return path.suffix == ".npz"


def _read_arrays(path: pathlib.Path) -> FSDD:
    with path.open("rb") as file:
        archive = np.load(file)
        ends = np.cumsum(archive["length"])
        samples = archive["samples"]
        if not len(ends) or ends[-1] != len(samples):
            raise ValueError("lengths that do not sum to the samples")
        recordings = np.split(samples, ends[:-1])
        labels = (archive[name] for name in FSDD._fields[1:])
        return FSDD(recordings, *labels)


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
    """Names, without folders, and contents of all recordings."""
    if path.is_dir():
        for wav in path.rglob("*.wav"):
            if _FILE_NAME.fullmatch(wav.name):
                yield wav.name, wav.read_bytes()
        return
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        for member in archive.namelist():
            name = member.rpartition("/")[2]
            if _FILE_NAME.fullmatch(name):
                yield name, archive.read(member)


def _read_wave(name: str, content: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(content)) as file:
        form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        if form != (1, 2, SAMPLE_RATE):
            raise ValueError(
                f"{name} of {form[0]} channels, {8 * form[1]} bits, "
                f"{form[2]} Hz"
            )
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def _check(fsdd: FSDD) -> None:
    sizes = {name: len(values) for name, values in fsdd._asdict().items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"arrays of different lengths, {sizes}")
    if fsdd.recordings[0].dtype != np.int16:
        raise ValueError(f"samples of type {fsdd.recordings[0].dtype}")


def _in_order(fsdd: FSDD) -> FSDD:
    order = np.lexsort((fsdd.take, fsdd.digit, fsdd.speaker))
    return FSDD(
        [fsdd.recordings[index] for index in order],
        fsdd.digit[order].astype(np.int32),
        fsdd.speaker[order],
        fsdd.take[order].astype(np.int32),
    )
