"""Code that CREMA-D and RML share: reading a face and a voice from clips."""

import pathlib
from collections.abc import Callable
from collections.abc import Sequence

import numpy as np

from keras_mmreg.datasets import reading

FACE_SIZE = 128
AUDIO_SIZE = 256

Clip = tuple[np.ndarray, np.ndarray]
"""A face, uint8 `(128, 128, 3)`, and a spectrogram, float32 `(256, 256, 1)`."""


def check_dtype(dtype: str) -> None:
    """Raises unless faces can be returned in this dtype."""
    if dtype not in ("float32", "uint8"):
        raise ValueError(
            f"`dtype` must be 'float32' or 'uint8'. Received: dtype={dtype!r}"
        )


def draw_shifts(frame_seed: int | None, farthest: int, size: int) -> np.ndarray:
    """Draws each clip's frame, as an offset from the middle one."""
    if frame_seed is None:
        return np.zeros(size, int)
    random = np.random.default_rng(frame_seed)
    return random.integers(-farthest, farthest + 1, size)


def stack(
    read_clip: Callable[[pathlib.Path, int], Clip],
    files: Sequence[pathlib.Path],
    shifts: np.ndarray,
    dtype: str,
) -> dict[str, np.ndarray]:
    """Reads clips into the arrays `image` and `audio`.

    Args:
        read_clip: Function of a path and of an offset in frames.
        files: The paths of n clips.
        shifts: Int array `(n,)`, the offsets in frames from the middle one.
        dtype: `"float32"` for faces in [0, 1], or `"uint8"`.
    """
    image = np.empty((len(files), FACE_SIZE, FACE_SIZE, 3), dtype)
    audio = np.empty((len(files), AUDIO_SIZE, AUDIO_SIZE, 1), np.float32)
    for index, (file, shift) in enumerate(zip(files, shifts, strict=True)):
        face, audio[index] = read_clip(file, int(shift))
        image[index] = face / np.float32(255.0) if dtype == "float32" else face
    return {"image": image, "audio": audio}


def crop_face(frame: np.ndarray, side: int, top: int) -> np.ndarray:
    """Crops a square from a frame's middle columns, resized to 128 x 128.

    Args:
        frame: Uint8 array `(height, width, 3)`.
        side: Integer, the square's side in pixels.
        top: Integer, the square's first row.

    Returns:
        Uint8 array `(128, 128, 3)`.

    Raises:
        ValueError: If the square does not fit into the frame.
        ImportError: If Pillow is not installed.
    """
    pillow = reading.import_optional("PIL.Image", "Pillow", "images")
    height, width, _ = frame.shape
    if height < top + side or width < side:
        raise ValueError(
            f"a frame of {width} x {height} pixels, which holds no square of "
            f"{side} from row {top}"
        )
    left = (width - side) // 2
    square = frame[top : top + side, left : left + side]
    size = (FACE_SIZE, FACE_SIZE)
    return np.array(
        pillow.fromarray(square).resize(size, pillow.Resampling.BILINEAR)
    )
