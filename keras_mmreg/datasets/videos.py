"""Reading short videos with their sound."""

import pathlib
from typing import Any
from typing import NamedTuple

import numpy as np

# A clip of the datasets lasts a few seconds; its frames have 26 to 60 million
# pixels in all, which are kept until the middle frame is known.
_MAX_SECONDS = 60
_MAX_PIXELS = 2**28
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
        sample_rate: Integer, the samples per second to which the sound is
            resampled.
        shift: Integer, which frame to take, counted from the middle one; the
            first or the last one if there are too few. Defaults to `0`.

    Raises:
        ValueError: If the file is not a video with sound, or is longer or
            larger than any clip of the datasets.
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
        raise ValueError(f"{name}: no pictures or no sound in it")
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
    """Returns all frames, not yet as arrays, and the sound."""
    resampler = av.AudioResampler("fltp", rate=sample_rate)
    frames: list[Any] = []
    sound: list[np.ndarray] = []
    num_pixels = num_samples = 0
    with path.open("rb") as file, av.open(file) as container:
        streams = container.streams
        if not streams.video or not streams.audio:
            missing = "sound" if streams.video else "pictures"
            raise ValueError(f"a video without {missing}")
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.VideoFrame):
                num_pixels += frame.width * frame.height
                frames.append(frame)
            else:
                parts = _resampled(resampler, frame)
                num_samples += sum(part.shape[-1] for part in parts)
                sound += parts
            if num_samples > _MAX_SECONDS * sample_rate:
                raise ValueError(f"longer than {_MAX_SECONDS} seconds")
            if num_pixels > _MAX_PIXELS:
                raise ValueError(f"more than {_MAX_PIXELS} pixels in all")
    sound += _resampled(resampler, None)
    wave = np.concatenate([part.mean(axis=0) for part in sound] or [[]])
    return frames, wave.astype(np.float32)


def _resampled(resampler: Any, frame: Any) -> list[np.ndarray]:
    return [part.to_ndarray() for part in resampler.resample(frame)]
