"""A figure of colored digits, and of a model's predictions for them."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from keras_mmreg.types import Tensor
from keras_mmreg.visualization._figure import COLORS
from keras_mmreg.visualization._figure import create_axes
from keras_mmreg.visualization._figure import root_figure

GAP = 0.08
CAPTION_HEIGHT = 0.34
INCHES_PER_DIGIT = 0.6


def plot_colored_digits(
    x: Mapping[str, Tensor],
    y: Tensor | None = None,
    predictions: Tensor | None = None,
    rows: int = 2,
    columns: int = 8,
    background: Any = "black",
    ax: Axes | None = None,
) -> Figure:
    """Draws images in the colors that go with them, as a grid.

    A pixel is `shape * color + (1 - shape) * background`, as a person would see
    it. The model sees the two modalities separately. So a digit of the gray
    test set whose color is 0 is invisible here on a black background, but not
    to the model.

    The caption of each image is its label, or the model's prediction, or both
    as "label -> prediction". Wrong predictions are bold and in another color.

    Args:
        x: Dict with the arrays `"color"` `(n, 3)` and `"shape"`
            `(n, height, width)` or `(n, height, width, 1)`, both in [0, 1], as
            returned by `keras_mmreg.datasets.colorize`. The first
            `rows * columns` examples are drawn.
        y: Optional labels `(n,)`, or one-hot `(n, num_classes)`. Defaults to
            `None`.
        predictions: Optional predicted labels `(n,)`, or the logits or
            probabilities `(n, num_classes)` that `predict` returns. Defaults
            to `None`.
        rows: Positive integer, the rows of the grid. Defaults to `2`.
        columns: Positive integer, the columns of the grid. Defaults to `8`.
        background: The color of the background, in any form that matplotlib
            takes. Defaults to `"black"`.
        ax: The matplotlib `Axes` to draw on. Defaults to `None`: a new figure.

    Returns:
        The matplotlib `Figure`.

    Raises:
        ValueError: If an argument has the wrong shape or range.

    Example:

    >>> import numpy as np
    >>> x = {"color": np.random.rand(6, 3), "shape": np.random.rand(6, 28, 28)}
    >>> figure = plot_colored_digits(
    ...     x, y=[0, 1, 2, 3, 4, 5], predictions=np.eye(6), rows=2, columns=3
    ... )
    >>> len(figure.axes[0].get_images())
    6
    """
    if rows < 1 or columns < 1:
        raise ValueError(
            "`rows` and `columns` must be positive. "
            f"Received: rows={rows}, columns={columns}"
        )
    if not is_color_like(background):
        raise ValueError(
            "`background` must be a color that matplotlib knows, such as "
            f"'white' or '0.5'. Received: background={background!r}"
        )
    images = _blend(x, np.array(to_rgb(background)))
    captions = _captions(len(images), y, predictions)
    row_height = 1.0 + (CAPTION_HEIGHT if captions else GAP)
    rows = min(rows, math.ceil(len(images) / columns))
    width, height = columns * (1 + GAP) - GAP, rows * row_height
    ax = create_axes(ax, (width * INCHES_PER_DIGIT, height * INCHES_PER_DIGIT))
    for index, image in enumerate(images[: rows * columns]):
        left = index % columns * (1.0 + GAP)
        top = index // columns * row_height
        ax.imshow(
            image,
            extent=(left, left + 1.0, top + 1.0, top),
            interpolation="nearest",
        )
        if captions:
            _write(ax, left + 0.5, top + 1.04, *captions[index])
    ax.set_xlim(0.0, width)
    ax.set_ylim(height if captions else height - GAP, 0.0)
    ax.set_axis_off()
    return root_figure(ax)


def _write(ax: Axes, x: float, y: float, text: str, wrong: bool) -> None:
    ax.text(
        x,
        y,
        text,
        ha="center",
        va="top",
        fontsize=9,
        color=COLORS[1] if wrong else None,
        fontweight="bold" if wrong else None,
    )


def _blend(x: Mapping[str, Tensor], background: np.ndarray) -> np.ndarray:
    """Returns the images in color, `(n, height, width, 3)`."""
    if not isinstance(x, Mapping) or not {"color", "shape"} <= set(x):
        raise ValueError(
            "`x` must be a dict with 'color' and 'shape', such as "
            "`keras_mmreg.datasets.colorize` returns. Received: "
            f"{list(x) if isinstance(x, Mapping) else type(x).__name__}"
        )
    color = keras.ops.convert_to_numpy(x["color"])
    shape = keras.ops.convert_to_numpy(x["shape"])
    if shape.ndim == 3:
        shape = shape[..., np.newaxis]
    if (
        shape.ndim != 4
        or shape.shape[-1] != 1
        or color.shape != (len(shape), 3)
        or not len(shape)
    ):
        raise ValueError(
            "`x` must hold 'color' of shape (n, 3) and 'shape' of shape "
            "(n, height, width) or (n, height, width, 1), with n at least 1. "
            f"Received: {color.shape} and {np.shape(x['shape'])}"
        )
    for name, values in (("color", color), ("shape", shape)):
        if not (values.min() >= 0.0 and values.max() <= 1.0):
            raise ValueError(
                f"`x` must hold {name!r} in [0, 1]; divide 8-bit values by "
                f"255. Received: from {values.min()} to {values.max()}"
            )
    return shape * color[:, None, None, :] + (1.0 - shape) * background


def _captions(
    num_images: int, y: Tensor | None, predictions: Tensor | None
) -> list[tuple[str, bool]]:
    """Returns each image's caption, and whether the prediction is wrong."""
    given = [
        _classes(name, values, num_images)
        for name, values in (("y", y), ("predictions", predictions))
        if values is not None
    ]
    return [
        # The arrow is math text, because few fonts have the character.
        (r" $\rightarrow$ ".join(map(str, pair)), len(set(pair)) > 1)
        for pair in zip(*given, strict=True)
    ]


def _classes(name: str, values: Tensor, num_images: int) -> list:
    """Returns labels, or each example's class with the largest score."""
    values = keras.ops.convert_to_numpy(values)
    if values.ndim == 2 and values.shape[1] > 1:
        values = values.argmax(axis=-1)
    if values.shape != (num_images,):
        raise ValueError(
            f"`{name}` must be {num_images} labels, or scores of shape "
            f"({num_images}, num_classes), as many as `x` has examples. "
            f"Received: an array of shape {values.shape}"
        )
    return values.tolist()
