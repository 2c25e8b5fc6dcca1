"""The `biased_dogs_cats` builder for TensorFlow Datasets."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_mmreg.datasets.biased_dogs_cats.colors import SPECIES
from keras_mmreg.datasets.biased_dogs_cats.loading import Examples
from keras_mmreg.datasets.biased_dogs_cats.loading import load_biased_dogs_cats

try:
    import tensorflow_datasets as tfds
except ImportError as error:
    raise ImportError(
        "The `biased_dogs_cats` builder needs TensorFlow Datasets. Install it "
        "with `pip install keras-mmreg[datasets]`, or use "
        "`keras_mmreg.datasets.load_biased_dogs_cats`, which needs Pillow "
        "alone."
    ) from error


class Builder(tfds.core.GeneratorBasedBuilder):
    """Biased Dogs & Cats for `tfds.load`.

    The splits are `tb1` (10,047 images) and `tb2` (6,738): train on one, test
    on the other. An example is `{"image": uint8 (64, 64, 3), "label": int64,
    "kaggle_id": int64}`. Images are 8-bit: let the model begin with
    `keras.layers.Rescaling(1 / 255)`.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(manual_dir="dogs-vs-cats")
    tb1, tb2 = tfds.load(
        "biased_dogs_cats",
        split=["tb1", "tb2"],
        as_supervised=True,
        download_and_prepare_kwargs={"download_config": config},
    )
    model.fit(tb1.shuffle(10_047).batch(64))
    ```

    References:

    - [Kim et al., "Learning Not to Learn: Training Deep Neural Networks with
      Biased Data", CVPR 2019](https://arxiv.org/abs/1812.10352)
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Sign in to Kaggle, accept the rules of
    https://www.kaggle.com/c/dogs-vs-cats/data, download train.zip (also inside
    dogs-vs-cats.zip), and put it into `manual_dir` as it is. Reading it needs
    Pillow: `pip install pillow`.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(64, 64, 3), encoding_format="png"
                    ),
                    "label": tfds.features.ClassLabel(names=SPECIES),
                    "kaggle_id": np.int64,
                }
            ),
            supervised_keys=({"image": "image"}, "label"),
            homepage="https://arxiv.org/abs/1812.10352",
            license="The rules of Kaggle's competition Dogs vs. Cats.",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        data = load_biased_dogs_cats(dl_manager.manual_dir, dtype="uint8")
        return {
            split: self._generate_examples(examples)
            for split, examples in data._asdict().items()
        }

    def _generate_examples(
        self, examples: Examples
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for image, label, kaggle_id in zip(
            examples.x["image"], examples.y, examples.kaggle_id, strict=True
        ):
            yield (
                f"{SPECIES[label]}.{kaggle_id}",
                {"image": image, "label": label, "kaggle_id": kaggle_id},
            )
