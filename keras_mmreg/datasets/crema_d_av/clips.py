"""Reading CREMA-D as published: the list of clips, and each clip."""

import csv
import pathlib
import re
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets import texts
from keras_mmreg.datasets.faces_and_voices import Clip
from keras_mmreg.datasets.faces_and_voices import crop_face
from keras_mmreg.datasets.mel_spectrogram import mel_spectrogram
from keras_mmreg.datasets.videos import read_video

EMOTIONS = ("anger", "disgust", "fear", "happy", "neutral", "sad")
SENTENCES = (
    "IEO",
    "TIE",
    "IOM",
    "IWW",
    "TAI",
    "MTI",
    "IWL",
    "ITH",
    "DFA",
    "ITS",
    "TSI",
    "WSI",
)
LEVELS = ("low", "medium", "high", "unspecified")
SEXES = ("Female", "Male")
RACES = ("African American", "Asian", "Caucasian", "Unknown")
FIRST_ACTOR, NUM_ACTORS = 1001, 91

EXPECTED = (
    "the folder of a clone of "
    "https://github.com/CheyneyComputerScience/CREMA-D, with "
    "VideoDemographics.csv and the folder VideoFlash of files "
    "1001_DFA_ANG_XX.flv and so on"
)
FAULTY = frozenset(
    {
        "1064_IEO_DIS_MD",
        "1064_TIE_SAD_XX",
        "1076_MTI_NEU_XX",
        "1076_MTI_SAD_XX",
    }
)
"""Clips that the authors of CM-VQVAE found to be corrupt."""

SAMPLE_RATE = 44_100
_EMOTION_CODES = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
_LEVEL_CODES = ("LO", "MD", "HI", "XX")
_NAME = re.compile(
    rf"(\d{{4}})_({'|'.join(SENTENCES)})_({'|'.join(_EMOTION_CODES)})_"
    # A clip of actor 1040 ends in `_X`, at least as a sound file.
    rf"({'|'.join(_LEVEL_CODES)}|X)\.flv"
)
_FRAME_HEIGHT, _FACE_SIDE = 360, 280
_SPLIT_PATH = pathlib.Path(__file__).parent / "authors_split.txt"


class Clips(NamedTuple):
    """All clips in the order of their names.

    Attributes:
        file: The paths of n videos.
        name: String array `(n,)`, the files' names without the suffix.
        emotion: Int32 array `(n,)`, indices into `EMOTIONS`.
        actor: Int32 array `(n,)`, from 1001 to 1091, as published.
        sentence: Int32 array `(n,)`, indices into `SENTENCES`.
        level: Int32 array `(n,)`, indices into `LEVELS`.
        sex: Int32 array `(n,)`, indices into `SEXES`.
        race: Int32 array `(n,)`, indices into `RACES`.
    """

    file: list[pathlib.Path]
    name: np.ndarray
    emotion: np.ndarray
    actor: np.ndarray
    sentence: np.ndarray
    level: np.ndarray
    sex: np.ndarray
    race: np.ndarray


def list_clips(path: str | pathlib.Path) -> Clips:
    """Lists the clips of a folder, except those in `FAULTY`; opens none."""
    path = reading.as_path(path)
    with reading.explained(EXPECTED, path):
        people = _read_people(path / "VideoDemographics.csv")
        files = [
            file
            for file in reading.files_below(path / "VideoFlash", _NAME)
            if file.name.removesuffix(".flv") not in FAULTY
        ]
        if not files:
            raise ValueError("no file of such a name")
        rows = [_labels(file.name, people) for file in files]
    names = [_NAME.sub(_published_name, file.name) for file in files]
    return Clips(files, np.array(names), *np.array(rows, np.int32).T)


def _read_people(file: pathlib.Path) -> dict[int, tuple[int, int]]:
    """Returns the sex and race of each actor."""
    people = {}
    rows = csv.DictReader(texts.read_lines(file))
    for number, row in enumerate(rows, start=2):
        actor, sex, race = (
            row.get(name) or "" for name in ("ActorID", "Sex", "Race")
        )
        if not actor.isdecimal() or sex not in SEXES or race not in RACES:
            raise ValueError(
                f"{file.name}, line {number}: actor {actor!r}, sex {sex!r} and "
                f"race {race!r}, not a number, one of {SEXES} and one of "
                f"{RACES}"
            )
        people[int(actor)] = SEXES.index(sex), RACES.index(race)
    return people


def _published_name(found: re.Match[str]) -> str:
    """Returns the name in the publisher's table, with `_XX` for `_X`."""
    *most, level = found.groups()
    return "_".join([*most, "XX" if level == "X" else level])


def _labels(
    name: str, people: dict[int, tuple[int, int]]
) -> tuple[int, int, int, int, int, int]:
    """Returns the labels of a clip, in the order of `Clips`."""
    found = _NAME.fullmatch(name)
    actor, sentence, emotion, level = found.groups() if found else ("",) * 4
    number = int(actor)
    if not 0 <= number - FIRST_ACTOR < NUM_ACTORS or number not in people:
        raise ValueError(
            f"{name}, whose actor is not in VideoDemographics.csv or not from "
            f"{FIRST_ACTOR} to {FIRST_ACTOR + NUM_ACTORS - 1}"
        )
    return (
        _EMOTION_CODES.index(emotion),
        number,
        SENTENCES.index(sentence),
        _LEVEL_CODES.index(level if level in _LEVEL_CODES else "XX"),
        *people[number],
    )


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
        video = read_video(file, SAMPLE_RATE, shift)
        if len(video.frame) != _FRAME_HEIGHT:
            raise ValueError(
                f"{file.name}: frames of {len(video.frame)} rows, not "
                f"{_FRAME_HEIGHT}"
            )
        face = crop_face(video.frame, _FACE_SIDE, top=0)
    spectrogram = mel_spectrogram(video.wave, SAMPLE_RATE)
    return face, spectrogram[..., np.newaxis]


def read_authors_split() -> dict[str, frozenset[str]]:
    """Returns the names of the authors' validation and test clips."""
    lines = [line.split() for line in texts.read_lines(_SPLIT_PATH)]
    return {
        split: frozenset(name for part, name in lines if part == split)
        for split in ("validation", "test")
    }
