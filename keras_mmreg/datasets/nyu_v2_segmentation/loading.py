"""NYU Depth v2 in NumPy arrays, ready for `model.fit`."""

import pathlib
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets.nyu_v2_segmentation.scenes import CLASSES
from keras_mmreg.datasets.nyu_v2_segmentation.scenes import Scenes
from keras_mmreg.datasets.nyu_v2_segmentation.scenes import read_scenes


class Examples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"rgb": float32 (n, height, width, 3) in [0, 1], "depth": float32
            (n, height, width, 1) in meters}`.
        y: The class of each pixel, int32 `(n, height, width)`: an index into
            `NYU_V2_CLASSES`, or `num_classes` if a pixel has no class. Leave
            such pixels out of the loss and of the metrics (`ignore_class`).
        image: Index of the image among the 1,449, from 0, int32 `(n,)`.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    image: np.ndarray


class NYUv2Segmentation(NamedTuple):
    """The official splits of NYU Depth v2, each an `Examples` tuple."""

    train: Examples
    test: Examples


def load_nyu_v2_segmentation(
    path: str | pathlib.Path = "download",
    size: tuple[int, int] = (60, 80),
    num_classes: int = 39,
) -> NYUv2Segmentation:
    """Loads NYU Depth v2: 1,449 indoor scenes in color and depth.

    The split is the official one: 795 images to train on, 654 to test on. The
    894 labels are grouped into the 40 classes of Gupta et al. Colors and
    depth are averaged over blocks of pixels; a block's label is that of the
    pixel in its middle.

    Args:
        path: `"download"` to fetch the file (2.8 GB) through
            `keras.utils.get_file`, which verifies and keeps it; the path of
            `nyu_depth_v2_labeled.mat`; or of an `.npz` file with the uint8
            arrays `rgb` `(n, height, width, 3)`, `depth` `(n, height, width)`
            in units of 10 m / 255, `label` `(n, height, width)`, from 0 to 38
            and 39 for no class, and `split` `(n,)`, 1 for test. Defaults to
            `"download"`.
        size: Height and width, divisors of 480 x 640 (or of the size in the
            `.npz` file). Defaults to `(60, 80)`.
        num_classes: `39` treats "other prop" as no class, `40` as a class of
            its own. Defaults to `39`.

    Returns:
        An `NYUv2Segmentation` named tuple of `train` and `test`.

    Raises:
        ValueError: If an argument is out of range, or the file does not have
            the expected content.
        ImportError: If the MATLAB file is to be read and h5py is missing.

    Example:

    ```python
    data = keras_mmreg.datasets.load_nyu_v2_segmentation(
        "nyu_depth_v2_labeled.mat"
    )
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=39
    )
    model.compile("adam", loss)
    model.fit(data.train.x, data.train.y)
    ```

    References:

    - [Silberman et al., "Indoor Segmentation and Support Inference from RGBD
      Images", ECCV 2012](
      https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html)
    - Gupta et al., "Perceptual Organization and Recognition of Indoor Scenes
      from RGB-D Images", CVPR 2013, the 40 classes
    """
    height, width = size
    if min(height, width) < 1:
        raise ValueError(f"`size` must be positive. Received: size={size}")
    if num_classes not in (len(CLASSES) - 1, len(CLASSES)):
        raise ValueError(
            f"`num_classes` must be {len(CLASSES) - 1} or {len(CLASSES)}. "
            f"Received: num_classes={num_classes}"
        )
    scenes = read_scenes(path, (height, width), num_classes)
    return NYUv2Segmentation(
        train=_of_split(scenes, ~scenes.is_test),
        test=_of_split(scenes, scenes.is_test),
    )


def _of_split(scenes: Scenes, chosen: np.ndarray) -> Examples:
    return Examples(
        x={
            "rgb": scenes.rgb[chosen],
            "depth": scenes.depth[chosen][..., np.newaxis],
        },
        y=scenes.label[chosen],
        image=np.flatnonzero(chosen).astype(np.int32),
    )
