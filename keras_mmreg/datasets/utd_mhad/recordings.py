"""Reading UTD-MHAD: the published archives, or arrays made from them."""

import pathlib
import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets.resampling import block_means
from keras_mmreg.datasets.resampling import interpolated
from keras_mmreg.datasets.resampling import moments

MODALITIES = ("depth", "skeleton", "inertial")
NUM_SUBJECTS = 8

ACTIONS = (
    "swipe_left",
    "swipe_right",
    "wave",
    "clap",
    "throw",
    "arm_cross",
    "basketball_shoot",
    "draw_x",
    "draw_circle_clockwise",
    "draw_circle_counter_clockwise",
    "draw_triangle",
    "bowling",
    "boxing",
    "baseball_swing",
    "tennis_swing",
    "arm_curl",
    "tennis_serve",
    "push",
    "knock",
    "catch",
    "pickup_throw",
    "jog",
    "walk",
    "sit_to_stand",
    "stand_to_sit",
    "lunge",
    "squat",
)

EXPECTED = (
    "a folder with the archives Depth.zip, Skeleton.zip and Inertial.zip, or "
    "with their files (a1_s1_t1_depth.mat and so on, at any depth), or an "
    ".npz file with the arrays `depth`, `skeleton`, `inertial`, `action`, "
    "`subject` and `trial`"
)

_VARIABLES: Mapping[str, tuple[str, tuple[int | None, ...]]] = {
    "depth": ("d_depth", (240, 320, None)),
    "skeleton": ("d_skel", (20, 3, None)),
    "inertial": ("d_iner", (None, 6)),
}
# A clip has at most 125 frames: 19 MB of 16-bit depth, 77 MB as doubles.
_MAX_FILE_BYTES = 128 * reading.MEBIBYTE
_MAX_ARCHIVE_BYTES = 2**17 * reading.MEBIBYTE
_MAX_ARRAY_BYTES = 2**12 * reading.MEBIBYTE
_MILLIMETRE = 1e-3
# The unit of 8-bit depth.
_STEP = 16 * _MILLIMETRE


class Sizes(NamedTuple):
    """The sizes to which every clip is resampled.

    Attributes:
        depth: Integer, frames of depth.
        depth_size: Height and width of a depth frame.
        skeleton: Integer, frames of the skeleton.
        inertial: Integer, samples of the inertial signals.
    """

    depth: int
    depth_size: tuple[int, int]
    skeleton: int
    inertial: int


class Recordings(NamedTuple):
    """Clips in the order of action, subject and trial.

    Attributes:
        x: Dictionary of float32 arrays, with one entry per clip.
        action: Int32 array `(n,)`, from 0.
        subject: Int32 array `(n,)`, from 1, as published.
        trial: Int32 array `(n,)`, from 1, as published.
    """

    x: dict[str, np.ndarray]
    action: np.ndarray
    subject: np.ndarray
    trial: np.ndarray


def read_recordings(
    path: str | pathlib.Path, modalities: Sequence[str], sizes: Sizes
) -> Recordings:
    """Reads clips from a folder or an `.npz` file, see `load_utd_mhad`."""
    path = reading.as_path(path)
    with reading.explained(EXPECTED, path):
        if path.suffix == ".npz":
            return _in_order(_read_arrays(path, modalities, sizes))
        return _in_order(_read_originals(path, modalities, sizes))


def _read_arrays(
    path: pathlib.Path, modalities: Sequence[str], sizes: Sizes
) -> Recordings:
    arrays = reading.read_arrays(
        path, [*modalities, "action", "subject", "trial"], _MAX_ARRAY_BYTES
    )
    num_clips = len(arrays["action"])
    inner_shapes = {
        "depth": (None, None, None),
        "skeleton": (None, 20, 3),
        "inertial": (None, 6),
    }
    x = {}
    for name in modalities:
        array = reading.check_finite(f"`{name}`", arrays[name])
        shape = (num_clips, *inner_shapes[name])
        reading.check_shape(f"`{name}`", array.shape, shape)
        if getattr(sizes, name) > array.shape[1]:
            raise ValueError(
                f"`{name}` of {array.shape[1]} frames a clip, fewer than the "
                f"{getattr(sizes, name)} asked for"
            )
        if name == "depth" and array.dtype != np.uint8:
            raise ValueError(f"`depth` of type {array.dtype}, not uint8")
        x[name] = np.swapaxes(
            _same_size(name, np.swapaxes(array, 0, 1), sizes, _STEP), 0, 1
        )
    labels = {
        "action": (0, len(ACTIONS) - 1),
        "subject": (1, NUM_SUBJECTS),
        "trial": (1, None),
    }
    return Recordings(
        x,
        *(
            reading.check_integers(name, arrays[name], *limits, num_clips)
            for name, limits in labels.items()
        ),
    )


def _read_originals(
    path: pathlib.Path, modalities: Sequence[str], sizes: Sizes
) -> Recordings:
    clips: dict[tuple[int, int, int], dict[str, np.ndarray]] = {}
    for name, content in _mat_files(path, modalities):
        key, modality = _key_of(name)
        clip = clips.setdefault(key, {})
        if modality in clip:
            raise ValueError(f"{name} twice")
        variable, shape = _VARIABLES[modality]
        found = reading.read_mat(name, content, {variable: shape}, 1000)
        frames = found[variable]
        if modality != "inertial":
            frames = np.moveaxis(frames, -1, 0)
        clip[modality] = _same_size(modality, frames, sizes, _MILLIMETRE)
    if not clips:
        raise ValueError("no file of such a name")
    for (action, subject, trial), clip in clips.items():
        if set(clip) != set(modalities):
            raise ValueError(
                f"a{action}_s{subject}_t{trial} as {sorted(clip)} alone, not "
                f"as {sorted(modalities)}: read fewer `modalities`, or unpack "
                "the archives again"
            )
    action, subject, trial = np.array(list(clips), np.int32).T
    x = {m: np.stack([clip[m] for clip in clips.values()]) for m in modalities}
    return Recordings(x, action - 1, subject, trial)


def _mat_files(
    path: pathlib.Path, modalities: Sequence[str]
) -> Iterator[tuple[str, bytes | pathlib.Path]]:
    if not path.is_dir():
        raise FileNotFoundError("no such folder")
    for modality in modalities:
        names = re.compile(rf"a\d+_s\d+_t\d+_{modality}\.mat")
        archive = path / f"{modality.capitalize()}.zip"
        if archive.exists():
            yield from reading.read_zip(
                archive, names, _MAX_ARCHIVE_BYTES, _MAX_FILE_BYTES
            )
        else:
            for file in reading.files_below(path, names):
                yield file.name, file


def _key_of(name: str) -> tuple[tuple[int, int, int], str]:
    """Returns a file's action, subject and trial, and its modality."""
    numbers, _, modality = name.removesuffix(".mat").rpartition("_")
    action, subject, trial = (int(part[1:]) for part in numbers.split("_"))
    if not (1 <= action <= len(ACTIONS) and 1 <= subject <= NUM_SUBJECTS):
        raise ValueError(
            f"{name}, where actions go from 1 to {len(ACTIONS)} and subjects "
            f"from 1 to {NUM_SUBJECTS}"
        )
    return (action, subject, trial), modality


def _same_size(
    modality: str, frames: np.ndarray, sizes: Sizes, unit: float
) -> np.ndarray:
    """Resamples an array, frames first, to the common size, as float32."""
    count = getattr(sizes, modality)
    if modality == "depth":
        frames = frames[moments(len(frames), count)]
        return np.float32(unit) * block_means(frames, sizes.depth_size)
    return interpolated(frames.astype(np.float32), count).astype(np.float32)


def _in_order(recordings: Recordings) -> Recordings:
    x, *labels = recordings
    keys = np.stack(labels, axis=1)
    if len(np.unique(keys, axis=0)) < len(keys):
        raise ValueError("two clips of one action, subject and trial")
    order = np.lexsort(keys.T[::-1])
    return Recordings(
        {name: array[order] for name, array in x.items()},
        *(label[order] for label in labels),
    )
