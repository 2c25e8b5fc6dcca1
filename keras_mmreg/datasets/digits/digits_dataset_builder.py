"""The `digits` builder for TensorFlow Datasets."""

import dataclasses
import pathlib

import numpy as np

from keras_mmreg.datasets.colored_mnist.mnist_archive import MNIST_URL
from keras_mmreg.datasets.digits.loading import load_digits
from keras_mmreg.datasets.digits.svhn import FILES
from keras_mmreg.datasets.digits.svhn import URL
from keras_mmreg.datasets.tfds_builder import Examples
from keras_mmreg.datasets.tfds_builder import examples_of
from keras_mmreg.datasets.tfds_builder import tfds


@dataclasses.dataclass(eq=False)
class DigitsConfig(tfds.core.BuilderConfig):
    """The configuration of `tfds.load("digits")`.

    Like every TFDS config, it is identified by its `name`: give your own config
    a new name whenever you change a value. Otherwise TFDS returns the data that
    it prepared before.

    Args:
        name: String. The name of the config, and of its folder on disk.
        mnist: `"download"`, the path of a local `mnist.npz`, or `None` for the
            6,000 digits shipped with the package. Defaults to `"download"`.
        svhn: `"download"`, or the path of a local copy, see `load_digits`.
            Defaults to `"download"`.
        train_pairs: Integer. Defaults to `50_000`.
        held_out_pairs: Integer. Defaults to `10_000`.
        seed: Integer. The seed of the pairs. Defaults to `0`.

    Example:

    ```python
    config = keras_mmreg.datasets.DigitsConfig(
        name="small", mnist=None, svhn="housenumbers", train_pairs=5000
    )
    tfds.load("digits", builder_kwargs={"config": config})
    ```
    """

    mnist: str | pathlib.Path | None = "download"
    svhn: str | pathlib.Path = "download"
    train_pairs: int = 50_000
    held_out_pairs: int = 10_000
    seed: int = 0


class Builder(tfds.core.GeneratorBasedBuilder):
    """Pairs of MNIST and SVHN for `tfds.load`.

    The splits are `train`, `validation` and `test`, of different images. An
    example is `{"mnist": float32 (28, 28, 1), "svhn": float32 (32, 32, 3),
    "label": int64, "mnist_index": int32, "svhn_index": int32}`.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    train = tfds.load("digits", split="train", as_supervised=True)
    model.fit(train.shuffle(10_000).batch(128))
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        DigitsConfig(name="pairs", description="All images of both sets.")
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        shapes = {"mnist": (28, 28, 1), "svhn": (32, 32, 3)}
        images = {
            name: tfds.features.Tensor(
                shape=shape, dtype=np.float32, encoding="zlib"
            )
            for name, shape in shapes.items()
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    **images,
                    "label": tfds.features.ClassLabel(num_classes=10),
                    "mnist_index": tfds.features.Scalar(np.int32),
                    "svhn_index": tfds.features.Scalar(np.int32),
                }
            ),
            supervised_keys=({name: name for name in shapes}, "label"),
            homepage="http://ufldl.stanford.edu/housenumbers/",
            license="MNIST: CC BY-SA 3.0; SVHN: non-commercial use only",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Examples]:
        config = self.builder_config
        urls = {}
        if config.mnist == "download":
            urls["mnist"] = MNIST_URL
        if config.svhn == "download":
            urls |= {name: URL + name for name in FILES}
        paths = dl_manager.download(urls)
        data = load_digits(
            paths.get("mnist", config.mnist),
            tuple(paths[name] for name in FILES if name in paths)
            or config.svhn,
            train_pairs=config.train_pairs,
            held_out_pairs=config.held_out_pairs,
            seed=config.seed,
        )
        return {
            split: self._generate_examples(examples)
            for split, examples in data._asdict().items()
        }

    def _generate_examples(self, split: tuple) -> Examples:
        yield from examples_of(split, y="label")
