"""Colored MNIST in NumPy arrays, ready for `model.fit`."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from keras_mmreg.datasets.colored_mnist.colorization import colorize
from keras_mmreg.datasets.colored_mnist.colorization import gray
from keras_mmreg.datasets.colored_mnist.image_random import image_uniform
from keras_mmreg.datasets.colored_mnist.mnist_archive import read_mnist

Examples: TypeAlias = tuple[dict[str, np.ndarray], np.ndarray]


class ColoredMNIST(NamedTuple):
    """The splits of Colored MNIST, each a pair `(x, y)`.

    `x` is `{"color": float32 (n, 3), "shape": float32 (n, 28, 28, 1)}` in
    [0, 1], `y` the digits as int32 `(n,)`.

    Attributes:
        train: The training examples, in color.
        validation: The rest of the training set, in color.
        test: The test examples, in color.
        test_gray: For each gray value, the test examples with all three
            channels of `color` at that value. They share the memory of `shape`
            and `y` with `test`.
    """

    train: Examples
    validation: Examples
    test: Examples
    test_gray: dict[float, Examples]


def load_colored_mnist(
    path: str | pathlib.Path | None = None,
    validation_split: float = 0.1,
    color_stddev: float = 0.05,
    palette: str | ArrayLike = "default",
    gray_values: Sequence[float] = (0.0, 0.5, 1.0),
    seed: int = 0,
) -> ColoredMNIST:
    """Loads Colored MNIST: digits whose color gives away the label.

    Every digit class has a mean color, and every example has a color close to
    that of its class, in training, validation and test. The gray test sets
    hold the same test digits without color. `colorize` and `gray` define the
    data; this function applies them to MNIST.

    The validation examples are a stratified part of the training set. The
    choice does not depend on `seed` or on the order of the file, so that runs
    with other colors are validated on the same digits.

    Args:
        path: `None` for the 6,000 digits shipped with the package (5,000 to
            train and validate, 1,000 to test; the classes are balanced),
            `"download"` for all 70,000 through
            `keras.datasets.mnist.load_data()`, or the path of an `mnist.npz`
            in that function's layout. Defaults to `None`.
        validation_split: Float in [0, 1). The share of the training set that
            becomes the validation set: 6,000 of 60,000, or 500 of the
            sample's 5,000, by default. Defaults to `0.1`.
        color_stddev: Non-negative float. The standard deviation of each
            color channel around the mean color. Defaults to `0.05`.
        palette: A name from `PALETTES` (`"default"` or `"hues"`), or an array
            `(10, 3)` of mean RGB colors in [0, 1]. Defaults to `"default"`.
        gray_values: Floats in [0, 1], one gray test set for each. Defaults to
            `(0.0, 0.5, 1.0)`.
        seed: Integer. The seed of the colors. Defaults to `0`.

    Returns:
        A `ColoredMNIST` named tuple of `train`, `validation`, `test` and
        `test_gray`.

    Raises:
        ValueError: If `path` is not an MNIST archive or another argument is
            out of its range.

    Example:

    >>> data = load_colored_mnist()
    >>> x, y = data.train
    >>> x["color"].shape, x["shape"].shape, y.shape
    ((4500, 3), (4500, 28, 28, 1), (4500,))
    >>> x_gray, y_gray = data.test_gray[0.5]
    >>> x_gray["color"][0].tolist()
    [0.5, 0.5, 0.5]

    Keras accepts the pairs directly:

    ```python
    model.fit(*data.train, validation_data=data.validation)
    model.evaluate(*data.test_gray[0.5])
    ```

    References:

    - [Gat et al., "Removing Bias in Multi-modal Classifiers: Regularization
      by Maximizing Functional Entropies", NeurIPS 2020, section 6.1](
      https://arxiv.org/abs/2010.10802). There, the 10,000 test digits serve as
      validation set, and nothing is set aside for choosing hyperparameters.
    """
    if not 0.0 <= validation_split < 1.0:
        raise ValueError(
            "`validation_split` must be a share of the training set, at least "
            "0 and less than 1. "
            f"Received: validation_split={validation_split}"
        )
    mnist = read_mnist(path)
    held_out = _held_out(mnist.x_train, mnist.y_train, validation_split)

    def in_color(images: np.ndarray, labels: np.ndarray) -> Examples:
        x = colorize(images, labels, palette, color_stddev, seed)
        return x, labels.astype(np.int32)

    test = in_color(mnist.x_test, mnist.y_test)
    return ColoredMNIST(
        train=in_color(mnist.x_train[~held_out], mnist.y_train[~held_out]),
        validation=in_color(mnist.x_train[held_out], mnist.y_train[held_out]),
        test=test,
        test_gray={
            value: (gray(test[0]["shape"], value), test[1])
            for value in gray_values
        },
    )


def _held_out(
    images: np.ndarray, labels: np.ndarray, share: float
) -> np.ndarray:
    """Marks `round(share * n)` examples, stratified by class."""
    draw = image_uniform(images, 1, purpose="validation")[:, 0]
    by_class = np.lexsort((draw, labels))
    sizes = np.bincount(labels)
    first = np.cumsum(sizes) - sizes
    # Each example's rank within its class, from 0 to 1: the lowest ranks over
    # all classes contain the same share of each class.
    place = np.empty(len(labels))
    sorted_labels = labels[by_class]
    rank = np.arange(len(labels)) - first[sorted_labels]
    place[by_class] = (rank + 0.5) / sizes[sorted_labels]
    chosen = np.lexsort((draw, place))[: round(share * len(labels))]
    held_out = np.zeros(len(labels), dtype=bool)
    held_out[chosen] = True
    return held_out
