"""UTD-MHAD in NumPy arrays, ready for `model.fit`."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets.utd_mhad.recordings import MODALITIES
from keras_mmreg.datasets.utd_mhad.recordings import NUM_SUBJECTS
from keras_mmreg.datasets.utd_mhad.recordings import Recordings
from keras_mmreg.datasets.utd_mhad.recordings import Sizes
from keras_mmreg.datasets.utd_mhad.recordings import read_recordings


class Examples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"depth": float32 (n, frames, height, width, 1) in meters, 0 where
            nothing was measured, "skeleton": float32 (n, frames, 20 joints, 3)
            in meters, "inertial": float32 (n, samples, 6), three accelerations
            in g and three angular velocities in degrees a second}`.
        y: The actions, int32 `(n,)`, indices into `UTD_MHAD_ACTIONS`.
        subject: The subject's number, int32 `(n,)`, from 1 to 8. Use it as the
            group to hold out subjects.
        trial: The number of the repetition, int32 `(n,)`, from 1 to 4.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    subject: np.ndarray
    trial: np.ndarray


class UTDMHAD(NamedTuple):
    """The splits of UTD-MHAD, each an `Examples` tuple."""

    train: Examples
    test: Examples


def load_utd_mhad(
    path: str | pathlib.Path,
    modalities: Sequence[str] = MODALITIES,
    train_subjects: Sequence[int] = (1, 3, 5, 7),
    test_subjects: Sequence[int] = (2, 4, 6, 8),
    depth_frames: int = 8,
    depth_size: tuple[int, int] = (48, 64),
    skeleton_frames: int = 32,
    inertial_samples: int = 64,
) -> UTDMHAD:
    """Loads UTD-MHAD: 27 actions by 8 subjects, 861 clips.

    Download Depth.zip, Skeleton.zip and Inertial.zip by hand from
    https://www.utdallas.edu/~kehtar/UTD-MHAD.html. They need not be unpacked.

    The split is that of Chen et al., who train on the odd-numbered subjects and
    test on the even-numbered ones. Clips differ in length, and are resampled at
    evenly spaced times: depth by taking the nearest frame, averaged over blocks
    of pixels; skeleton and inertial signals by linear interpolation.

    Args:
        path: The path of a folder with Depth.zip, Skeleton.zip and
            Inertial.zip, or with their files `a1_s1_t1_depth.mat` and so on at
            any depth; or of an `.npz` file with the arrays `depth` (uint8
            `(n, frames, height, width)`, in steps of 16 mm), `skeleton`
            `(n, frames, 20, 3)`, `inertial` `(n, samples, 6)`, `action` (from
            0), `subject` and `trial` (from 1).
        modalities: Which of `"depth"`, `"skeleton"` and `"inertial"` to read;
            the archives of the others may be missing. Defaults to all.
        train_subjects: Integers from 1 to 8. Defaults to `(1, 3, 5, 7)`.
        test_subjects: Integers from 1 to 8, without the training subjects.
            Defaults to `(2, 4, 6, 8)`.
        depth_frames: Integer, the depth frames of a clip. Defaults to `8`.
        depth_size: Height and width of a depth frame, divisors of the
            recorded 240 x 320 pixels (or of the size in the `.npz` file).
            Defaults to `(48, 64)`.
        skeleton_frames: Integer, the skeleton frames of a clip. Defaults to
            `32`.
        inertial_samples: Integer, the inertial samples of a clip. Defaults to
            `64`.

    Returns:
        A `UTDMHAD` named tuple of `train` and `test`.

    Raises:
        ValueError: If an argument is out of range, or files do not have the
            expected content.
        ImportError: If MATLAB files are to be read and SciPy is missing.

    Example:

    ```python
    data = keras_mmreg.datasets.load_utd_mhad("UTD-MHAD")
    known = data.train.subject != 7  # holds a subject out for validation
    model.fit(
        {name: x[known] for name, x in data.train.x.items()},
        data.train.y[known],
    )
    ```

    References:

    - [Chen et al., "UTD-MHAD: A Multimodal Dataset for Human Action
      Recognition Utilizing a Depth Camera and a Wearable Inertial Sensor",
      ICIP 2015](https://doi.org/10.1109/ICIP.2015.7350781)
    """
    modalities = tuple(modalities)
    if not modalities or not set(modalities) <= set(MODALITIES):
        raise ValueError(
            f"`modalities` must be some of {MODALITIES}. "
            f"Received: modalities={modalities}"
        )
    _check_subjects(train_subjects, test_subjects)
    height, width = depth_size
    for name, size in (
        ("depth_frames", depth_frames),
        ("depth_size", min(height, width)),
        ("skeleton_frames", skeleton_frames),
        ("inertial_samples", inertial_samples),
    ):
        if size < 1:
            raise ValueError(
                f"`{name}` must be positive. Received: {name}={size}"
            )
    sizes = Sizes(
        depth_frames, (height, width), skeleton_frames, inertial_samples
    )
    recordings = read_recordings(path, modalities, sizes)
    return UTDMHAD(
        train=_of_subjects(recordings, train_subjects),
        test=_of_subjects(recordings, test_subjects),
    )


def _check_subjects(train: Sequence[int], test: Sequence[int]) -> None:
    everyone = set(range(1, NUM_SUBJECTS + 1))
    for name, subjects in (("train_subjects", train), ("test_subjects", test)):
        if not subjects or not set(subjects) <= everyone:
            raise ValueError(
                f"`{name}` must be integers from 1 to {NUM_SUBJECTS}. "
                f"Received: {name}={subjects}"
            )
    if shared := set(train) & set(test):
        raise ValueError(
            "`test_subjects` must be none of `train_subjects`. "
            f"Received: {sorted(shared)} in both"
        )


def _of_subjects(recordings: Recordings, subjects: Sequence[int]) -> Examples:
    chosen = np.isin(recordings.subject, list(subjects))
    x = {name: array[chosen] for name, array in recordings.x.items()}
    if "depth" in x:
        x["depth"] = x["depth"][..., np.newaxis]
    return Examples(
        x,
        recordings.action[chosen],
        recordings.subject[chosen],
        recordings.trial[chosen],
    )
