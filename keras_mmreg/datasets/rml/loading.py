"""The RML emotion database in NumPy arrays, ready for `model.fit`."""

import pathlib
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets.faces_and_voices import check_dtype
from keras_mmreg.datasets.faces_and_voices import draw_shifts
from keras_mmreg.datasets.faces_and_voices import stack
from keras_mmreg.datasets.rml.clips import Clips
from keras_mmreg.datasets.rml.clips import list_clips
from keras_mmreg.datasets.rml.clips import read_clip

SPLITS = ("subjects", "clips")
_TEST_SUBJECTS, _VALIDATION_SUBJECTS = (7, 8), (6,)
_SHARE = 0.1
_FARTHEST = 22


class Examples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"image": (n, 128, 128, 3), float32 in [0, 1] or uint8, "audio":
            float32 (n, 256 mel bins, 256 frames, 1) in decibels}`.
        y: The emotions, int32 `(n,)`, indices into `RML_EMOTIONS`.
        subject: The subject's number, int32 `(n,)`, from 1 to 8. Use it as the
            group to hold out subjects.
        name: The publisher's names of the clips, strings `(n,)`.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    subject: np.ndarray
    name: np.ndarray


class RML(NamedTuple):
    """The splits of RML, each an `Examples` tuple."""

    train: Examples
    validation: Examples
    test: Examples


def load_rml(
    path: str | pathlib.Path,
    split: str = "subjects",
    dtype: str = "float32",
    frame_seed: int | None = None,
    seed: int = 0,
) -> RML:
    """Loads the RML emotion database: six acted emotions, 720 clips.

    The publisher sends the database on request, without a license to
    redistribute it: http://www.rml.ryerson.ca/rml-emotion-database.html.
    Reading the videos needs PyAV and Pillow: `pip install av pillow`.

    Faces and spectrograms are computed as in the authors' code for CM-VQVAE:
    the square in the middle of a frame, 190 of its 240 rows or 380 of 480,
    resized to 128 x 128, and a mel spectrogram of 256 bins in decibels of the
    middle 2.5 seconds, mirrored to 256 frames.

    The authors split by clip and, for comparison, by subject; their lists are
    not published.

    Args:
        path: The path of the folder with the folders `s1` to `s8`.
        split: `"subjects"`: subjects 7 and 8 for test, 6 for validation; or
            `"clips"`: a tenth of the clips for each of these, drawn with
            `seed`, with clips of every subject. Defaults to `"subjects"`.
        dtype: `"float32"` for faces in [0, 1], or `"uint8"` for 0 to 255, which
            takes a quarter of the memory. Defaults to `"float32"`.
        frame_seed: `None` takes the middle frame of each clip; with an
            integer seed, one of the 45 frames around it is drawn, which the
            authors repeat in every epoch. Defaults to `None`.
        seed: Integer. The seed of the split by clip. Defaults to `0`.

    Returns:
        An `RML` named tuple of `train`, `validation` and `test`.

    Raises:
        ValueError: If an argument is out of range, or files do not have the
            expected content.
        ImportError: If PyAV or Pillow is missing.

    Example:

    ```python
    data = keras_mmreg.datasets.load_rml("RML")
    model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validation.x, data.validation.y),
    )
    ```

    References:

    - [Wang and Guan, "Recognizing Human Emotional State from Audiovisual
      Signals", IEEE Transactions on Multimedia, 2008](
      https://doi.org/10.1109/TMM.2008.927665)
    - [Tejero-de-Pablos, "Complementary-Contradictory Feature Regularization
      against Multimodal Overfitting", WACV 2024, table 6](
      https://github.com/CyberAgentAILab/CM-VQVAE)
    """
    check_dtype(dtype)
    clips = list_clips(path)
    shifts = draw_shifts(frame_seed, _FARTHEST, len(clips.file))
    parts = split_of(clips, split, seed)
    return RML(
        *(
            _read(clips, np.flatnonzero(part), shifts[part], dtype)
            for part in parts.values()
        )
    )


def split_of(clips: Clips, split: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Returns which clips are in which split, as boolean arrays `(n,)`.

    Args:
        clips: All clips.
        split: `"subjects"` or `"clips"`.
        seed: Integer. The seed of the split by clip. Defaults to `0`.
    """
    if split not in SPLITS:
        raise ValueError(
            f"`split` must be one of {SPLITS}. Received: {split!r}"
        )
    if split == "subjects":
        validation, test = (
            np.isin(clips.subject, subjects)
            for subjects in (_VALIDATION_SUBJECTS, _TEST_SUBJECTS)
        )
    else:
        size = len(clips.file)
        place = np.random.default_rng(seed).permutation(size)
        number = round(_SHARE * size)
        test, validation = place < number, place >= size - number
    return {
        "train": ~validation & ~test,
        "validation": validation,
        "test": test,
    }


def _read(
    clips: Clips, chosen: np.ndarray, shifts: np.ndarray, dtype: str
) -> Examples:
    files = [clips.file[index] for index in chosen]
    labels = (clips.emotion, clips.subject, clips.name)
    return Examples(
        stack(read_clip, files, shifts, dtype),
        *(label[chosen] for label in labels),
    )
