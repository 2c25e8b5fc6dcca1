"""Functions that make Colored MNIST: they color digits, or remove colors."""

import colorsys
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from keras_mmreg.datasets.colored_mnist.image_random import image_normal

PALETTES: dict[str, ArrayLike] = {
    # Colors with different names, in 8 bits. Some are light and some dark, so
    # that black, gray and white each resemble the color of some digits.
    "default": np.array(
        (
            (220, 20, 60),  # crimson
            (0, 128, 128),  # teal
            (255, 225, 25),  # yellow
            (0, 80, 200),  # blue
            (245, 130, 48),  # orange
            (145, 30, 180),  # purple
            (70, 240, 240),  # cyan
            (250, 190, 210),  # pink
            (170, 230, 50),  # lime
            (128, 0, 0),  # maroon
        )
    )
    / 255,
    # Equal steps around the color wheel: a second choice, to check that a
    # result does not depend on the colors.
    "hues": tuple(colorsys.hsv_to_rgb(i / 10, 1.0, 1.0) for i in range(10)),
}


def colorize(
    images: ArrayLike,
    labels: ArrayLike,
    palette: str | ArrayLike = "default",
    color_stddev: float = 0.05,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Splits labeled images into the modalities of Colored MNIST.

    `color = clip(palette[label] + color_stddev * noise, 0, 1)`, with standard
    normal noise in each of the three channels; `shape` is the image itself.
    The color alone gives away the label and is much easier to learn than the
    shape: a plain classifier ends up ignoring the shape.

    The noise is a hash of the image and the seed. Therefore an example has the
    same color in any order, subset or split, and two identical images with the
    same label have the same color.

    Args:
        images: Array `(n, height, width)` or `(n, height, width, 1)`: integers
            from 0 to 255, or floats in [0, 1].
        labels: Integer array `(n,)`: the rows of the palette.
        palette: A name from `PALETTES` (`"default"` or `"hues"`), or an array
            `(num_classes, 3)` of mean RGB colors in [0, 1]. Defaults to
            `"default"`.
        color_stddev: Non-negative float. The standard deviation of each
            channel around the mean color. Defaults to `0.05`.
        seed: Integer. The seed of the colors. Defaults to `0`.

    Returns:
        The dictionary `{"color": float32 (n, 3), "shape": float32
        (n, height, width, 1)}`, both in [0, 1].

    Raises:
        ValueError: If an argument has the wrong shape, type or range.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> images = rng.integers(0, 256, size=(4, 28, 28))
    >>> x = colorize(images, labels=[0, 0, 7, 7], color_stddev=0.0)
    >>> x["shape"].shape
    (4, 28, 28, 1)
    >>> x["color"].tolist()[2] == x["color"].tolist()[3]
    True
    >>> noisy = colorize(images, labels=[0, 0, 7, 7])
    >>> bool(np.abs(noisy["color"] - x["color"]).max() < 0.25)
    True

    References:

    - [Gat et al., "Removing Bias in Multi-modal Classifiers: Regularization
      by Maximizing Functional Entropies", NeurIPS 2020, section 6.1](
      https://arxiv.org/abs/2010.10802)
    """
    shape = _shape_modality(images)
    colors = _mean_colors(palette)
    classes = _class_labels(labels, len(shape), len(colors))
    if not color_stddev >= 0.0:
        raise ValueError(
            "`color_stddev` must be zero or a positive number. "
            f"Received: color_stddev={color_stddev}"
        )
    # The 8-bit image: rescaling before or after must not change the color.
    noise = image_normal(np.rint(255.0 * shape).astype(np.uint8), seed)
    color = np.clip(colors[classes] + color_stddev * noise, 0.0, 1.0)
    return {"color": color.astype(np.float32), "shape": shape}


def gray(images: ArrayLike, value: float) -> dict[str, np.ndarray]:
    """Gives images a gray `color`, to test how well the shape alone works.

    The modalities are those of `colorize`, with all three channels of `color`
    at the same value. A classifier that uses the shape keeps its accuracy; one
    that relies on the color loses it.

    Args:
        images: Array `(n, height, width)` or `(n, height, width, 1)`: integers
            from 0 to 255, or floats in [0, 1].
        value: Float in [0, 1]: `0` is black, `0.5` gray, `1` white.

    Returns:
        The dictionary `{"color": float32 (n, 3), "shape": float32
        (n, height, width, 1)}`, both in [0, 1].

    Raises:
        ValueError: If an argument has the wrong shape, type or range.

    Example:

    >>> x = gray(np.zeros((2, 28, 28), "uint8"), value=0.5)
    >>> x["color"].tolist()
    [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]

    References:

    - [Gat et al., NeurIPS 2020, section 6.1](
      https://arxiv.org/abs/2010.10802): the "gray-scale validation set".
    """
    shape = _shape_modality(images)
    if not 0.0 <= value <= 1.0:
        raise ValueError(
            "`value` must be a gray level between 0 and 1; divide an 8-bit "
            f"level by 255. Received: value={value}"
        )
    color = np.full((len(shape), 3), value, np.float32)
    return {"color": color, "shape": shape}


def permute_colors(
    x: Mapping[str, np.ndarray], seed: int = 0
) -> dict[str, np.ndarray]:
    """Shuffles the colors across examples, without moving the shapes.

    A color then says nothing about the label, yet the model has seen every
    color. The accuracy on permuted validation data shows how far the model
    relies on the shape, without a single gray image. So it is an honest
    criterion for choosing hyperparameters before the gray test.

    Args:
        x: Dictionary of arrays with a `"color"`, as `colorize` returns it.
        seed: Integer. The seed of the permutation. Defaults to `0`.

    Returns:
        A dictionary with the rows of `"color"` permuted and the other arrays
        unchanged.

    Raises:
        ValueError: If `x` has no `"color"`.

    Example:

    >>> x = {"color": np.eye(3), "shape": np.arange(3)}
    >>> permuted = permute_colors(x, seed=0)
    >>> permuted["color"].sum(axis=0).tolist(), permuted["shape"].tolist()
    ([1.0, 1.0, 1.0], [0, 1, 2])
    """
    if "color" not in x:
        raise ValueError(
            "`x` must be a dictionary with the key 'color', such as `colorize` "
            f"returns. Received: x with the keys {list(x)}"
        )
    order = np.random.default_rng(seed).permutation(len(x["color"]))
    return {**x, "color": x["color"][order]}


def _shape_modality(images: ArrayLike) -> np.ndarray:
    """Converts images to float32 `(n, height, width, 1)` in [0, 1]."""
    shape = np.asarray(images)
    is_integer = np.issubdtype(shape.dtype, np.integer)
    if shape.ndim == 3:
        shape = shape[..., np.newaxis]
    if shape.ndim != 4 or shape.shape[-1] != 1:
        raise ValueError(
            "`images` must be gray-scale images of shape (n, height, width) or "
            "(n, height, width, 1). "
            f"Received: images of shape {np.shape(images)}"
        )
    shape = shape.astype(np.float32, copy=False)
    if is_integer:
        shape = shape / np.float32(255.0)
    if shape.size and not (shape.min() >= 0.0 and shape.max() <= 1.0):
        raise ValueError(
            "`images` must be integers from 0 to 255 or floats in [0, 1]; "
            "divide floats up to 255 by 255. Received: images from "
            f"{np.min(images)} to {np.max(images)}"
        )
    return shape


def _mean_colors(palette: str | ArrayLike) -> np.ndarray:
    """Returns the palette as a float array `(num_classes, 3)`."""
    if isinstance(palette, str):
        if palette not in PALETTES:
            raise ValueError(
                f"`palette` must be one of {sorted(PALETTES)} or an array of "
                f"shape (num_classes, 3). Received: palette={palette!r}"
            )
        palette = PALETTES[palette]
    colors = np.asarray(palette, dtype=np.float64)
    if colors.ndim != 2 or colors.shape[1] != 3:
        raise ValueError(
            "`palette` must have shape (num_classes, 3), a mean RGB color per "
            f"class. Received: palette of shape {colors.shape}"
        )
    if not np.all((colors >= 0.0) & (colors <= 1.0)):
        raise ValueError(
            "`palette` must have colors in [0, 1]; divide 8-bit colors by "
            f"255. Received: palette={colors.tolist()}"
        )
    return colors


def _class_labels(
    labels: ArrayLike, num_examples: int, num_classes: int
) -> np.ndarray:
    """Returns labels as an integer array that indexes the palette."""
    classes = np.asarray(labels)
    if classes.shape != (num_examples,) or classes.dtype.kind not in "iu":
        raise ValueError(
            f"`labels` must be {num_examples} integers, one per image (take "
            "the `argmax` of one-hot labels). Received: labels of shape "
            f"{classes.shape} and type {classes.dtype}"
        )
    if classes.size and not 0 <= classes.min() <= classes.max() < num_classes:
        raise ValueError(
            f"`labels` must lie between 0 and {num_classes - 1}, the rows of "
            "`palette`. Received: labels from "
            f"{classes.min()} to {classes.max()}"
        )
    return classes
