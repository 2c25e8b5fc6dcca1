"""CREMA-D in NumPy arrays, ready for `model.fit`."""

import pathlib
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets.crema_d_av.clips import Clips
from keras_mmreg.datasets.crema_d_av.clips import list_clips
from keras_mmreg.datasets.crema_d_av.clips import read_authors_split
from keras_mmreg.datasets.crema_d_av.clips import read_clip
from keras_mmreg.datasets.faces_and_voices import check_dtype
from keras_mmreg.datasets.faces_and_voices import draw_shifts
from keras_mmreg.datasets.faces_and_voices import stack
from keras_mmreg.datasets.splitting import hold_out_groups

SPLITS = ("actors", "authors")
_SHARE = 0.1
_FARTHEST = 15


class Examples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"image": (n, 128, 128, 3), float32 in [0, 1] or uint8, "audio":
            float32 (n, 256 mel bins, 256 frames, 1) in decibels}`.
        y: The emotions, int32 `(n,)`, indices into `CREMA_D_EMOTIONS`.
        actor: The actor's number, int32 `(n,)`, from 1001 to 1091. Use it as
            the group to hold out actors.
        sentence: Index of the spoken sentence, one of twelve, int32 `(n,)`.
        level: The intensity, int32 `(n,)`: 0 low, 1 medium, 2 high, 3
            unspecified.
        sex: Int32 `(n,)`: 0 female, 1 male, as published.
        race: Int32 `(n,)`: 0 African American, 1 Asian, 2 Caucasian, 3
            unknown, as published.
        name: The publisher's names of the clips, strings `(n,)`.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    actor: np.ndarray
    sentence: np.ndarray
    level: np.ndarray
    sex: np.ndarray
    race: np.ndarray
    name: np.ndarray


class CREMADAV(NamedTuple):
    """The splits of CREMA-D, each an `Examples` tuple."""

    train: Examples
    validation: Examples
    test: Examples


def load_crema_d_av(
    path: str | pathlib.Path,
    split: str = "actors",
    dtype: str = "float32",
    frame_seed: int | None = None,
    seed: int = 0,
) -> CREMADAV:
    """Loads CREMA-D: six acted emotions as a face and a voice, 7,438 clips.

    Clone https://github.com/CheyneyComputerScience/CREMA-D with Git LFS.
    Reading the videos needs PyAV and Pillow: `pip install av pillow`.

    Faces and spectrograms are computed as in the authors' code for CM-VQVAE:
    the middle columns of the upper 280 rows of a frame, resized to 128 x 128,
    and a mel spectrogram of 256 bins in decibels, cut or mirrored to 256
    frames. Four clips that these authors found to be corrupt are left out.

    The authors drew their split from all clips, so that every actor is in
    training, validation and test, and a model may know a face from training.
    `"actors"` keeps each actor in a single split.

    Args:
        path: The path of the folder of the clone.
        split: `"actors"`: about a tenth of the clips for validation and a tenth
            for test, with no actor in two splits; or `"authors"`: 5,953, 742
            and 743 clips, the list of Tejero-de-Pablos. Defaults to `"actors"`.
        dtype: `"float32"` for faces in [0, 1], or `"uint8"` for 0 to 255, which
            takes a quarter of the memory. Defaults to `"float32"`.
        frame_seed: `None` takes the middle frame of each clip; with an
            integer seed, one of the 30 frames around it is drawn, which the
            authors repeat in every epoch. Defaults to `None`.
        seed: Integer. The seed of the choice of actors. Defaults to `0`.

    Returns:
        A `CREMADAV` named tuple of `train`, `validation` and `test`.

    Raises:
        ValueError: If an argument is out of range, or files do not have the
            expected content.
        ImportError: If PyAV or Pillow is missing.

    Example:

    ```python
    data = keras_mmreg.datasets.load_crema_d_av("CREMA-D")
    model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validation.x, data.validation.y),
    )
    ```

    References:

    - [Cao et al., "CREMA-D: Crowd-sourced Emotional Multimodal Actors
      Dataset", IEEE Transactions on Affective Computing, 2014](
      https://doi.org/10.1109/TAFFC.2014.2336244)
    - [Tejero-de-Pablos, "Complementary-Contradictory Feature Regularization
      against Multimodal Overfitting", WACV 2024](
      https://github.com/CyberAgentAILab/CM-VQVAE)
    """
    check_dtype(dtype)
    clips = list_clips(path)
    shifts = draw_shifts(frame_seed, _FARTHEST, len(clips.file))
    parts = split_of(clips, split, seed)
    return CREMADAV(
        *(
            _read(clips, np.flatnonzero(part), shifts[part], dtype)
            for part in parts.values()
        )
    )


def split_of(clips: Clips, split: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Returns which clips are in which split, as boolean arrays `(n,)`.

    Args:
        clips: All clips.
        split: `"actors"` or `"authors"`.
        seed: Integer. The seed of the choice of actors. Defaults to `0`.
    """
    if split not in SPLITS:
        raise ValueError(
            f"`split` must be one of {SPLITS}. Received: {split!r}"
        )
    if split == "authors":
        names = read_authors_split()
        validation, test = (
            np.isin(clips.name, sorted(names[part]))
            for part in ("validation", "test")
        )
    else:
        test = hold_out_groups(clips.actor, _SHARE, seed)
        validation = np.zeros_like(test)
        validation[~test] = hold_out_groups(
            clips.actor[~test], _SHARE / (1 - _SHARE), seed
        )
    return {
        "train": ~validation & ~test,
        "validation": validation,
        "test": test,
    }


def _read(
    clips: Clips, chosen: np.ndarray, shifts: np.ndarray, dtype: str
) -> Examples:
    files = [clips.file[index] for index in chosen]
    labels = (
        clips.emotion,
        clips.actor,
        clips.sentence,
        clips.level,
        clips.sex,
        clips.race,
        clips.name,
    )
    return Examples(
        stack(read_clip, files, shifts, dtype),
        *(label[chosen] for label in labels),
    )
