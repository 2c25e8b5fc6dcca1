"""Pairs of MNIST and SVHN in NumPy arrays, ready for `model.fit`."""

import pathlib
from typing import NamedTuple

import numpy as np

from keras_mmreg.datasets.colored_mnist.mnist_archive import read_mnist
from keras_mmreg.datasets.digits.svhn import read_svhn
from keras_mmreg.datasets.pairing import draw_by_label

_NUM_CLASSES = 10


class Examples(NamedTuple):
    """The examples of a split.

    Attributes:
        x: `{"mnist": float32 (n, 28, 28, 1), "svhn": float32 (n, 32, 32, 3)}`
            in [0, 1].
        y: The digits, int32 `(n,)`.
        mnist_index: Index of the image in MNIST's training or test set, int32
            `(n,)`; an image may be in many pairs.
        svhn_index: Index of the image in SVHN, likewise, int32 `(n,)`.
    """

    x: dict[str, np.ndarray]
    y: np.ndarray
    mnist_index: np.ndarray
    svhn_index: np.ndarray


class Digits(NamedTuple):
    """The splits of the paired digits, each an `Examples` tuple."""

    train: Examples
    validation: Examples
    test: Examples


def load_digits(
    mnist: str | pathlib.Path | None = None,
    svhn: str | pathlib.Path | tuple[pathlib.Path, ...] = "download",
    train_pairs: int = 50_000,
    held_out_pairs: int = 10_000,
    seed: int = 0,
) -> Digits:
    """Loads digits: an image of MNIST and one of SVHN, of the same class.

    The handwritten digit is far easier to read than the house number digit, so
    that a model may ignore the latter. Pairs are drawn at random within
    classes, as in Shi et al. (2019); all digits are equally frequent. Images
    are drawn without replacement until none are left, and then from the
    beginning again. Test images come from both test sets, validation images are
    the last sixth of both training sets; no split shares images with another.

    Args:
        mnist: `None` for the 6,000 digits shipped with the package,
            `"download"`, or the path of an `mnist.npz`. Defaults to `None`.
        svhn: `"download"`, the path of the folder of `train_32x32.mat` and
            `test_32x32.mat`, the paths of both in this order, or the path of
            an `.npz` file (see the README beside this module). Defaults to
            `"download"`.
        train_pairs: Integer, a multiple of 10. Defaults to `50_000`.
        held_out_pairs: Integer, a multiple of 10: the pairs of `validation`,
            and of `test`. Defaults to `10_000`.
        seed: Integer. The seed of the pairs. Defaults to `0`.

    Returns:
        A `Digits` named tuple.

    Raises:
        ValueError: If an argument is out of range, or files do not have the
            expected content.
        ImportError: If the `.mat` files are to be read and SciPy is not
            installed.

    Example:

    ```python
    data = keras_mmreg.datasets.load_digits("mnist.npz", "housenumbers")
    model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validation.x, data.validation.y),
    )
    ```

    References:

    - [Tejero-de-Pablos, "Complementary-Contradictory Feature Regularization
      against Multimodal Overfitting", WACV 2024, appendix 1](
      https://openaccess.thecvf.com/content/WACV2024/html/Tejero-de-Pablos_Complementary-Contradictory_Feature_Regularization_Against_Multimodal_Overfitting_WACV_2024_paper.html)
    - [Shi et al., "Variational Mixture-of-Experts Autoencoders for Multi-Modal
      Deep Generative Models", NeurIPS 2019](
      https://arxiv.org/abs/1911.03393)
    """
    sizes = {
        "train": train_pairs,
        "validation": held_out_pairs,
        "test": held_out_pairs,
    }
    for name, size in (
        ("train_pairs", train_pairs),
        ("held_out_pairs", held_out_pairs),
    ):
        if size <= 0 or size % _NUM_CLASSES:
            raise ValueError(
                f"`{name}` must be a positive multiple of {_NUM_CLASSES}, the "
                f"number of classes. Received: {name}={size}"
            )
    sets = {"mnist": read_mnist(mnist), "svhn": read_svhn(svhn)}
    splits = {}
    for index, (split, size) in enumerate(sizes.items()):
        random = np.random.default_rng((seed, index))
        y = np.arange(size, dtype=np.int32) % _NUM_CLASSES
        y = random.permutation(y)
        x, chosen = {}, {}
        for name, images_and_labels in sets.items():
            images, labels, first = _part(images_and_labels, split)
            try:
                place = draw_by_label(labels, y, random)
            except ValueError as error:
                raise ValueError(
                    f"`{name}` must have every digit in every split. "
                    f"Received: {error}, in {split}"
                ) from error
            pixels = images[place].reshape(size, *images.shape[1:3], -1)
            x[name] = pixels / np.float32(255.0)
            chosen[name] = (first + place).astype(np.int32)
        splits[split] = Examples(x, y, chosen["mnist"], chosen["svhn"])
    return Digits(**splits)


def _part(data: tuple, split: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns a split's images and labels, and the index of the first."""
    x_train, y_train, x_test, y_test = data
    first_held_out = len(y_train) * 5 // 6
    return {
        "train": (x_train[:first_held_out], y_train[:first_held_out], 0),
        "validation": (
            x_train[first_held_out:],
            y_train[first_held_out:],
            first_held_out,
        ),
        "test": (x_test, y_test, 0),
    }[split]
