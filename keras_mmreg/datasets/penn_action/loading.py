"""Penn Action in NumPy arrays, ready for `model.fit`."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets.penn_action.clips import MODALITIES
from keras_mmreg.datasets.penn_action.clips import Clips
from keras_mmreg.datasets.penn_action.clips import read_clips


class Examples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"pose": float32 (n, frames, 13 joints, 3), "box": float32
            (n, frames, 4), "frames": (n, frames, height, width, 3)}`, as far as
            requested. A joint is its position, and 1 if it is visible, else 0.
            The position is relative to the box's upper left corner, in units of
            the box's longer side, and lies in [-4, 4]. A box is x and y of two
            corners as shares of the picture. Frames are float32 in [0, 1], or
            uint8.
        y: The actions, int32 `(n,)`, indices into `PENN_ACTIONS`.
        view: The side from which the person is seen, int32 `(n,)`: 0 back, 1
            front, 2 left, 3 right.
        clip: The number in the publisher's file name, int32 `(n,)`.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    view: np.ndarray
    clip: np.ndarray


class PennAction(NamedTuple):
    """The publisher's splits of Penn Action, each an `Examples` tuple."""

    train: Examples
    test: Examples


def load_penn_action(
    path: str | pathlib.Path,
    modalities: Sequence[str] = ("pose", "box"),
    num_frames: int = 16,
    frame_size: tuple[int, int] = (64, 64),
    dtype: str = "float32",
) -> PennAction:
    """Loads Penn Action: 15 sports in 2,326 video clips, with the pose.

    Download Penn_Action.tar.gz by hand from
    https://dreamdragon.github.io/PennAction/ and unpack it.

    The split is the publisher's: 1,258 clips to train on and 1,068 to test on.
    Frames are sampled at evenly spaced times of a clip.

    Args:
        path: The path of the folder Penn_Action, with the folders `labels`
            (`0001.mat` and so on) and `frames` (`0001/000001.jpg` and so on);
            or of an `.npz` file without frames, with the arrays `pose`
            `(n, frames, 13, 3)`, `box` `(n, frames, 4)`, both as in the
            returned `x`, `action` (from 0), `train` (1 or 0) and `view` (from
            0), in the order of the clips' numbers.
        modalities: Which of `"pose"`, `"box"` and `"frames"` to read. Defaults
            to `("pose", "box")`.
        num_frames: Integer, the number of frames of a clip. Defaults to `16`.
        frame_size: Height and width to which frames are resized. Defaults to
            `(64, 64)`.
        dtype: `"float32"` for frames in [0, 1], or `"uint8"` for 0 to 255,
            which takes a quarter of the memory. Defaults to `"float32"`.

    Returns:
        A `PennAction` named tuple of `train` and `test`.

    Raises:
        ValueError: If an argument is out of range, or files do not have the
            expected content.
        ImportError: If SciPy, or for frames Pillow, is missing.

    Example:

    ```python
    data = keras_mmreg.datasets.load_penn_action("Penn_Action")
    model.fit(data.train.x, data.train.y)
    model.evaluate(data.test.x, data.test.y)
    ```

    References:

    - [Zhang et al., "From Actemes to Action: A Strongly-supervised
      Representation for Detailed Action Understanding", ICCV 2013](
      https://dreamdragon.github.io/PennAction/)
    """
    modalities = tuple(modalities)
    if not modalities or not set(modalities) <= set(MODALITIES):
        raise ValueError(
            f"`modalities` must be some of {MODALITIES}. "
            f"Received: modalities={modalities}"
        )
    if dtype not in ("float32", "uint8"):
        raise ValueError(
            f"`dtype` must be 'float32' or 'uint8'. Received: dtype={dtype!r}"
        )
    height, width = frame_size
    for name, size in (
        ("num_frames", num_frames),
        ("frame_size", min(height, width)),
    ):
        if size < 1:
            raise ValueError(
                f"`{name}` must be positive. Received: {name}={size}"
            )
    clips = read_clips(path, modalities, num_frames, (height, width))
    if "frames" in clips.x and dtype == "float32":
        clips.x["frames"] = clips.x["frames"] / np.float32(255.0)
    return PennAction(
        train=_of_split(clips, clips.train),
        test=_of_split(clips, ~clips.train),
    )


def _of_split(clips: Clips, chosen: np.ndarray) -> Examples:
    return Examples(
        {name: array[chosen] for name, array in clips.x.items()},
        clips.action[chosen],
        clips.view[chosen],
        clips.clip[chosen],
    )
