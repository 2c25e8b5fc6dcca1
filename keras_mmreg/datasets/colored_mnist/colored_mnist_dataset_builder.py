"""The `colored_mnist` builder for TensorFlow Datasets."""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_mmreg.datasets.colored_mnist.loading import load_colored_mnist
from keras_mmreg.datasets.colored_mnist.mnist_archive import MNIST_URL

try:
    import tensorflow_datasets as tfds
except ImportError as error:
    raise ImportError(
        "The `colored_mnist` builder needs TensorFlow Datasets. Install it "
        "with `pip install keras-mmreg[datasets]`, or use "
        "`keras_mmreg.datasets.load_colored_mnist`, which needs NumPy alone."
    ) from error


@dataclasses.dataclass(eq=False)
class ColoredMNISTConfig(tfds.core.BuilderConfig):
    """The configuration of `tfds.load("colored_mnist")`.

    Like every TFDS config, it is identified by its `name`: give your own config
    a new name whenever you change a value. Otherwise TFDS returns the data that
    it prepared before.

    Args:
        name: String. The name of the config, and of its folder on disk.
        path: `"download"`, the path of a local `mnist.npz` in the layout of
            `keras.datasets.mnist`, or `None` for the 6,000 digits shipped
            with the package. Defaults to `"download"`.
        palette: A name from `PALETTES` or an array `(10, 3)` of mean RGB
            colors in [0, 1]. Defaults to `"default"`.
        color_stddev: Non-negative float. The standard deviation of each
            color channel. Defaults to `0.05`.
        gray_value: Float in [0, 1]. The color channels of the split
            `test_gray`. Defaults to `0.5`.
        seed: Integer. The seed of the colors. Defaults to `0`.

    Example:

    ```python
    config = keras_mmreg.datasets.ColoredMNISTConfig(
        name="local_noisy", path="mnist.npz", color_stddev=0.1
    )
    tfds.load("colored_mnist", builder_kwargs={"config": config})
    ```
    """

    path: str | pathlib.Path | None = "download"
    palette: str | ArrayLike = "default"
    color_stddev: float = 0.05
    gray_value: float = 0.5
    seed: int = 0


class Builder(tfds.core.GeneratorBasedBuilder):
    """Colored MNIST for `tfds.load`.

    The splits are `train` (54,000 digits), `validation` (6,000), `test`
    (10,000) and `test_gray` (the test digits without color). An example is
    `{"color": float32 (3,), "shape": float32 (28, 28, 1), "label": int64}`,
    with color and shape in [0, 1]. `as_supervised=True` gives pairs that
    `model.fit` accepts directly.

    The configs `gray_0.5` (the default), `gray_0` and `gray_1` differ in the
    color of `test_gray`; `sample` needs no network and holds the 6,000 digits
    shipped with the package (4,500, 500 and twice 1,000).

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    train, validation = tfds.load(
        "colored_mnist", split=["train", "validation"], as_supervised=True
    )
    train = train.shuffle(10_000).batch(128)
    model.fit(train, validation_data=validation.batch(128))
    ```

    References:

    - [Gat et al., "Removing Bias in Multi-modal Classifiers: Regularization
      by Maximizing Functional Entropies", NeurIPS 2020, section 6.1](
      https://arxiv.org/abs/2010.10802)
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        ColoredMNISTConfig(
            name="gray_0.5",
            description="All of MNIST; the gray test set is mid-gray.",
        ),
        ColoredMNISTConfig(
            name="gray_0",
            description="All of MNIST; the gray test set is black.",
            gray_value=0.0,
        ),
        ColoredMNISTConfig(
            name="gray_1",
            description="All of MNIST; the gray test set is white.",
            gray_value=1.0,
        ),
        ColoredMNISTConfig(
            name="sample",
            description="The 6,000 digits shipped with keras_mmreg, offline.",
            path=None,
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "color": tfds.features.Tensor(shape=(3,), dtype=np.float32),
                    # Not an 8-bit `Image`: `model.fit` takes a tensor without
                    # a `map`, and compressed it is no larger.
                    "shape": tfds.features.Tensor(
                        shape=(28, 28, 1), dtype=np.float32, encoding="zlib"
                    ),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=({"color": "color", "shape": "shape"}, "label"),
            homepage="https://arxiv.org/abs/2010.10802",
            license="CC BY-SA 3.0",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        config = self.builder_config
        path = config.path
        if path == "download":
            path = dl_manager.download(MNIST_URL)
        data = load_colored_mnist(
            path,
            color_stddev=config.color_stddev,
            palette=config.palette,
            gray_values=[config.gray_value],
            seed=config.seed,
        )
        return {
            "train": self._generate_examples(*data.train),
            "validation": self._generate_examples(*data.validation),
            "test": self._generate_examples(*data.test),
            "test_gray": self._generate_examples(
                *data.test_gray[config.gray_value]
            ),
        }

    def _generate_examples(
        self, x: dict[str, np.ndarray], y: np.ndarray
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        for i, label in enumerate(y):
            yield (
                i,
                {
                    "color": x["color"][i],
                    "shape": x["shape"][i],
                    "label": label,
                },
            )
