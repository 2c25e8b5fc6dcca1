"""Reading Penn Action: the published folders, or arrays made from them."""

import pathlib
import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets import reading
from keras_mmreg.datasets.resampling import moments

MODALITIES = ("pose", "box", "frames")
NUM_JOINTS = 13

ACTIONS = (
    "baseball_pitch",
    "baseball_swing",
    "bench_press",
    "bowl",
    "clean_and_jerk",
    "golf_swing",
    "jump_rope",
    "jumping_jacks",
    "pullup",
    "pushup",
    "situp",
    "squat",
    "strum_guitar",
    "tennis_forehand",
    "tennis_serve",
)
VIEWS = ("back", "front", "left", "right")

EXPECTED = (
    "the folder Penn_Action with its folder `labels` of files 0001.mat and so "
    "on (and, for frames, `frames` with 0001/000001.jpg and so on), or an .npz "
    "file with the arrays `pose`, `box`, `action`, `train` and `view`"
)

_VARIABLES: Mapping[str, tuple[int | None, ...]] = {
    "action": (1, None),
    "pose": (1, None),
    "x": (None, NUM_JOINTS),
    "y": (None, NUM_JOINTS),
    "visibility": (None, NUM_JOINTS),
    "bbox": (None, 4),
    "train": (1, 1),
    "dimensions": (1, 3),
    "nframes": (1, 1),
}
_LABEL_NAME = re.compile(r"\d{4}\.mat")
_MAX_ARRAY_BYTES = 2**12 * reading.MEBIBYTE
# Invisible joints may be annotated at any position.
_FARTHEST = 4.0


class Clips(NamedTuple):
    """Clips in the order of their numbers.

    Attributes:
        x: Dictionary of arrays, with one entry per clip.
        action: Int32 array `(n,)`, indices into `ACTIONS`.
        train: Boolean array `(n,)`.
        view: Int32 array `(n,)`, indices into `VIEWS`.
        clip: Int32 array `(n,)`, the numbers of the files.
    """

    x: dict[str, np.ndarray]
    action: np.ndarray
    train: np.ndarray
    view: np.ndarray
    clip: np.ndarray


def read_clips(
    path: str | pathlib.Path,
    modalities: Sequence[str],
    num_frames: int,
    frame_size: tuple[int, int],
) -> Clips:
    """Reads clips from a folder or an `.npz` file, see `load_penn_action`."""
    path = reading.as_path(path)
    with reading.explained(EXPECTED, path):
        if path.suffix == ".npz":
            return _read_arrays(path, modalities, num_frames)
        files = list(reading.files_below(path / "labels", _LABEL_NAME))
        if not files:
            raise ValueError("no file of such a name")
        clips = [
            _read_clip(path, file, modalities, num_frames, frame_size)
            for file in files
        ]
        x = {
            name: np.stack([clip[0][name] for clip in clips])
            for name in modalities
        }
        action, train, view, clip = np.array(
            [labels for _, labels in clips], np.int32
        ).T
        return Clips(x, action, train == 1, view, clip)


def _read_arrays(
    path: pathlib.Path, modalities: Sequence[str], num_frames: int
) -> Clips:
    if "frames" in modalities:
        raise ValueError(
            "frames asked for, which are in the published folder alone: read "
            "`modalities=('pose', 'box')`"
        )
    arrays = reading.read_arrays(
        path, [*modalities, "action", "train", "view"], _MAX_ARRAY_BYTES
    )
    num_clips = len(arrays["action"])
    inner_shapes = {"pose": (None, NUM_JOINTS, 3), "box": (None, 4)}
    x = {}
    for name in modalities:
        array = reading.check_finite(f"`{name}`", arrays[name])
        shape = (num_clips, *inner_shapes[name])
        reading.check_shape(f"`{name}`", array.shape, shape)
        if num_frames > array.shape[1]:
            raise ValueError(
                f"`{name}` of {array.shape[1]} frames a clip, fewer than the "
                f"{num_frames} asked for"
            )
        chosen = moments(array.shape[1], num_frames)
        x[name] = array[:, chosen].astype(np.float32)
    limits = {"action": len(ACTIONS) - 1, "train": 1, "view": len(VIEWS) - 1}
    action, train, view = (
        reading.check_integers(name, arrays[name], 0, high, num_clips)
        for name, high in limits.items()
    )
    clip = np.arange(1, num_clips + 1, dtype=np.int32)
    return Clips(x, action, train == 1, view, clip)


def _read_clip(
    folder: pathlib.Path,
    file: pathlib.Path,
    modalities: Sequence[str],
    num_frames: int,
    frame_size: tuple[int, int],
) -> tuple[dict[str, np.ndarray], tuple[int, int, int, int]]:
    """Reads a clip's modalities, and its action, split, view and number."""
    found = reading.read_mat(file.name, file, _VARIABLES)
    length = int(found["nframes"].item())
    for name in ("x", "y", "visibility"):
        if len(found[name]) != length:
            raise ValueError(
                f"{file.name}: `{name}` of {len(found[name])} rows for "
                f"{length} frames"
            )
    if found["dimensions"].min() < 1:
        raise ValueError(f"{file.name}: `dimensions` below 1")
    labels = (
        _index(file, "action", ACTIONS, str(found["action"].item())),
        _index(file, "train", (-1, 1), found["train"].item()),
        _index(file, "pose", VIEWS, str(found["pose"].item())),
        int(file.name.removesuffix(".mat")),
    )
    chosen = moments(length, num_frames)
    pose, box = _pose_and_box(found, chosen)
    x = {"pose": pose, "box": box}
    if "frames" in modalities:
        frames = folder / "frames" / file.name.removesuffix(".mat")
        x["frames"] = np.stack(
            [_read_frame(frames, moment, frame_size) for moment in chosen]
        )
    return x, labels


def _index(
    file: pathlib.Path, name: str, known: Sequence[object], value: object
) -> int:
    if value not in known:
        raise ValueError(f"{file.name}: `{name}` {value!r}, not of {known}")
    return known.index(value)


def _read_frame(
    folder: pathlib.Path, moment: int, frame_size: tuple[int, int]
) -> np.ndarray:
    file = folder / f"{moment + 1:06d}.jpg"
    name = f"{folder.name}/{file.name}"
    return reading.read_image(name, file.read_bytes(), frame_size)


def _pose_and_box(
    found: Mapping[str, np.ndarray], chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    height, width = found["dimensions"].astype(float)[0, :2]
    # Some clips have one box fewer than frames; their last box is repeated.
    boxes = found["bbox"].astype(float)
    corners = boxes[np.minimum(chosen, len(boxes) - 1)]
    corner = corners[:, np.newaxis, :2]
    # A common scale for both axes keeps the body's proportions.
    side = (corners[:, 2:] - corners[:, :2]).max(axis=1)
    side = np.maximum(side, 1.0)[:, np.newaxis, np.newaxis]
    joints = np.stack([found["x"], found["y"]], axis=-1)[chosen]
    places = np.clip((joints - corner) / side, -_FARTHEST, _FARTHEST)
    visible = found["visibility"][chosen, :, np.newaxis] > 0
    box = corners / np.array([width, height, width, height])
    pose = np.concatenate([places, visible], axis=-1)
    return pose.astype(np.float32), box.astype(np.float32)
