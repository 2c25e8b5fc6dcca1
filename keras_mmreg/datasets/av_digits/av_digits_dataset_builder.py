"""The `av_digits` builder for TensorFlow Datasets."""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_mmreg.datasets.av_digits.fsdd import FSDD_URL
from keras_mmreg.datasets.av_digits.fsdd import check_download
from keras_mmreg.datasets.av_digits.fsdd import read_fsdd
from keras_mmreg.datasets.av_digits.loading import SPEAKERS
from keras_mmreg.datasets.av_digits.loading import Examples
from keras_mmreg.datasets.av_digits.loading import load_av_digits
from keras_mmreg.datasets.colored_mnist.mnist_archive import MNIST_URL

try:
    import tensorflow_datasets as tfds
except ImportError as error:
    raise ImportError(
        "The `av_digits` builder needs TensorFlow Datasets. Install it with "
        "`pip install keras-mmreg[datasets]`, or use "
        "`keras_mmreg.datasets.load_av_digits`, which needs Keras alone."
    ) from error


@dataclasses.dataclass(eq=False)
class AVDigitsConfig(tfds.core.BuilderConfig):
    """The configuration of `tfds.load("av_digits")`.

    Like every TFDS config, it is identified by its `name`: give your own config
    a new name whenever you change a value. Otherwise TFDS returns the data that
    it prepared before.

    Args:
        name: String. The name of the config, and of its folder on disk.
        mnist: `"download"`, the path of a local `mnist.npz`, or `None` for the
            6,000 digits shipped with the package. Defaults to `"download"`.
        fsdd: `"download"`, or the path of a local copy, see `read_fsdd`.
            Defaults to `"download"`.
        fold: Integer from 0 to 5. Defaults to `0`.
        train_speakers: Integer from 1 to 4. Defaults to `4`.
        train_pairs: Integer. Defaults to `10_000`.
        held_out_pairs: Integer. Defaults to `1000`.
        image_noise: Non-negative float. Defaults to `0.0`.
        seed: Integer. The seed of pairs and noise. Defaults to `0`.

    Example:

    ```python
    config = keras_mmreg.datasets.AVDigitsConfig(
        name="local_noisy", mnist="mnist.npz", fsdd="fsdd.npz", image_noise=0.5
    )
    tfds.load("av_digits", builder_kwargs={"config": config})
    ```
    """

    mnist: str | pathlib.Path | None = "download"
    fsdd: str | pathlib.Path = "download"
    fold: int = 0
    train_speakers: int = 4
    train_pairs: int = 10_000
    held_out_pairs: int = 1000
    image_noise: float = 0.0
    seed: int = 0


class Builder(tfds.core.GeneratorBasedBuilder):
    """Audio-visual digits for `tfds.load`.

    The splits are `train`, `validation` and `test`, of different speakers and
    images. An example is `{"image": float32 (28, 28, 1), "audio": float32
    (32, 32, 1), "label": int64, "speaker": int64}`; `as_supervised=True` gives
    pairs that `model.fit` accepts directly. The configs `fold_0` (the default)
    to `fold_5` differ in which speakers are in which split.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    train, validation = tfds.load(
        "av_digits", split=["train", "validation"], as_supervised=True
    )
    train = train.shuffle(10_000).batch(128)
    model.fit(train, validation_data=validation.batch(128))
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        AVDigitsConfig(
            name=f"fold_{fold}",
            description=f"Tests on the speaker {speaker}.",
            fold=fold,
        )
        for fold, speaker in enumerate(SPEAKERS)
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        spectrogram = tfds.features.Tensor(
            shape=(32, 32, 1), dtype=np.float32, encoding="zlib"
        )
        image = tfds.features.Tensor(
            shape=(28, 28, 1), dtype=np.float32, encoding="zlib"
        )
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": image,
                    "audio": spectrogram,
                    "label": tfds.features.ClassLabel(num_classes=10),
                    "speaker": tfds.features.ClassLabel(names=SPEAKERS),
                }
            ),
            supervised_keys=({"image": "image", "audio": "audio"}, "label"),
            homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
            license="CC BY-SA 4.0",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        config = self.builder_config
        paths = {"mnist": config.mnist, "fsdd": config.fsdd}
        urls = {"mnist": MNIST_URL, "fsdd": FSDD_URL}
        paths |= dl_manager.download(
            {name: urls[name] for name in paths if paths[name] == "download"}
        )
        if config.fsdd == "download":
            check_download(read_fsdd(paths["fsdd"]))
        data = load_av_digits(
            **paths,
            fold=config.fold,
            train_speakers=config.train_speakers,
            train_pairs=config.train_pairs,
            held_out_pairs=config.held_out_pairs,
            image_noise=config.image_noise,
            seed=config.seed,
        )
        return {
            split: self._generate_examples(examples)
            for split, examples in data._asdict().items()
        }

    def _generate_examples(
        self, examples: Examples
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        for i, label in enumerate(examples.y):
            yield (
                i,
                {
                    "image": examples.x["image"][i],
                    "audio": examples.x["audio"][i],
                    "label": label,
                    "speaker": examples.speaker[i],
                },
            )
