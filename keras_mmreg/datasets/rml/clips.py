"""Reading RML as published: the list of clips, and each clip."""

import pathlib
import re
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets.faces_and_voices import Clip
from keras_mmreg.datasets.faces_and_voices import crop_face
from keras_mmreg.datasets.mel_spectrogram import mel_spectrogram
from keras_mmreg.datasets.videos import read_video

EMOTIONS = ("anger", "disgust", "fear", "happy", "sad", "surprise")

EXPECTED = (
    "a folder with the folders s1 to s8 of the RML emotion database, at any "
    "depth, and in them an1.avi, di1.avi, fe1.avi, ha1.avi, sa1.avi, su1.avi "
    "and so on, at any depth"
)
_CODES = ("an", "di", "fe", "ha", "sa", "su")
_NAME = re.compile(rf"({'|'.join(_CODES)})\w*\.avi", re.IGNORECASE)
_SUBJECT = re.compile(r"s([1-8])", re.IGNORECASE)
_SAMPLE_RATE, _SECONDS = 32_000, 2.5
# The side of the square around the face, in a frame of 240 rows.
_FACE_SIDE, _ROWS = 190, 240


class Clips(NamedTuple):
    """All clips in the order of their paths.

    Attributes:
        file: The paths of n videos.
        name: String array `(n,)`, the paths from the subject's folder on.
        emotion: Int32 array `(n,)`, indices into `EMOTIONS`.
        subject: Int32 array `(n,)`, from 1 to 8, as published.
    """

    file: list[pathlib.Path]
    name: np.ndarray
    emotion: np.ndarray
    subject: np.ndarray


def list_clips(path: str | pathlib.Path) -> Clips:
    """Lists the clips of a folder, without opening them."""
    path = reading.as_path(path)
    with reading.explained(EXPECTED, path):
        files = list(reading.files_below(path, _NAME))
        if not files:
            raise ValueError("no file of such a name")
        places = [_place(path, file) for file in files]
        names = ["/".join(parts) for _, parts in places]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{twice[0]} twice")
    subject = [subject for subject, _ in places]
    emotion = [_CODES.index(file.name[:2].lower()) for file in files]
    return Clips(
        files,
        np.array(names),
        np.array(emotion, np.int32),
        np.array(subject, np.int32),
    )


def _place(path: pathlib.Path, file: pathlib.Path) -> tuple[int, list[str]]:
    """Returns the clip's subject, and its path from the subject's folder."""
    parts = str(file.relative_to(path)).replace("\\", "/").split("/")
    for index, part in enumerate(parts[:-1]):
        if found := _SUBJECT.fullmatch(part):
            return int(found[1]), parts[index:]
    raise ValueError(f"{file.name} outside of the folders s1 to s8")


def read_clip(file: pathlib.Path, shift: int = 0) -> Clip:
    """Reads the face and the spectrogram of a clip.

    Args:
        file: Path of a video.
        shift: Integer, which frame to take, counted from the middle one.
            Defaults to `0`.

    Returns:
        A uint8 array `(128, 128, 3)`, and a float32 array `(256, 256, 1)` in
        decibels.
    """
    with reading.explained(EXPECTED, file):
        video = read_video(file, _SAMPLE_RATE, shift)
        height = len(video.frame)
        side = _FACE_SIDE * (1 if height == _ROWS else 2)
        face = crop_face(video.frame, side, top=(height - side) // 2)
    # The beginning and the end of a clip show no emotion.
    length = int(_SECONDS * _SAMPLE_RATE)
    start = max((len(video.wave) - length) // 2, 0)
    wave = video.wave[start : start + length]
    return face, mel_spectrogram(wave, _SAMPLE_RATE)[..., np.newaxis]
