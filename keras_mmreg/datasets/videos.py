"""Reading short videos with their sound."""

import pathlib
from typing import Any
from typing import NamedTuple

import numpy as np

# A clip of the datasets has 30 frames and up to 44,100 samples a second, and
# lasts a few seconds.
_MAX_SECONDS = 60
_MAX_PIXELS = 2**22
_LFS_POINTER = b"version https://git-lfs"


class Video(NamedTuple):
    """A frame and the sound of a video.

    Attributes:
        frame: Uint8 array `(height, width, 3)`.
        wave: Float32 array `(samples,)` in [-1, 1], the mean of all channels.
    """

    frame: np.ndarray
    wave: np.ndarray


def read_video(path: pathlib.Path, sample_rate: int, shift: int = 0) -> Video:
    """Reads the frame in the middle, and the sound.

    Args:
        path: Path of the file, in any format that FFmpeg knows.
        sample_rate: Integer, samples a second to bring the sound to.
        shift: Integer, how many frames after the middle one to take; the
            first or the last one where there are not as many. Defaults to `0`.

    Raises:
        ValueError: If the file is no video with sound, or is longer or larger
            than any clip of the datasets.
        ImportError: If PyAV is not installed.
    """
    av = _import_av()
    name = path.name
    with path.open("rb") as file:
        if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise ValueError(
                f"{name}: a pointer of Git LFS, not the video itself. Run "
                "`git lfs pull` in its repository"
            )
    try:
        frames, wave = _decode(av, path, sample_rate)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
    if not frames or not len(wave):
        missing = "sound" if frames else "pictures"
        raise ValueError(f"{name}: a video without {missing}")
    middle = min(max(len(frames) // 2 + shift, 0), len(frames) - 1)
    return Video(frames[middle].to_ndarray(format="rgb24"), wave)


def _import_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "PyAV reads videos but is not installed. Install it with "
            "`pip install av`."
        ) from error
    return av


def _decode(
    av: Any, path: pathlib.Path, sample_rate: int
) -> tuple[list[Any], np.ndarray]:
    """All frames, not yet as arrays, and the sound."""
    resampler = av.AudioResampler("fltp", rate=sample_rate)
    frames: list[Any] = []
    sound: list[np.ndarray] = []
    num_samples = 0
    with path.open("rb") as file, av.open(file) as container:
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.VideoFrame):
                _check_size(frame.width, frame.height)
                frames.append(frame)
            else:
                parts = _resampled(resampler, frame)
                num_samples += sum(part.shape[-1] for part in parts)
                sound += parts
            _check_length(len(frames) / 100, num_samples / sample_rate)
    sound += _resampled(resampler, None)
    wave = np.concatenate([part.mean(axis=0) for part in sound] or [[]])
    return frames, wave.astype(np.float32)


def _resampled(resampler: Any, frame: Any) -> list[np.ndarray]:
    return [part.to_ndarray() for part in resampler.resample(frame)]


def _check_size(width: int, height: int) -> None:
    if width * height > _MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels, more than {_MAX_PIXELS}")


def _check_length(*seconds: float) -> None:
    if max(seconds) > _MAX_SECONDS:
        raise ValueError(f"longer than {_MAX_SECONDS} seconds")
