"""The `nyu_v2_segmentation` builder for TensorFlow Datasets."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_mmreg.datasets.nyu_v2_segmentation.loading import Examples
from keras_mmreg.datasets.nyu_v2_segmentation.loading import (
    load_nyu_v2_segmentation,
)
from keras_mmreg.datasets.nyu_v2_segmentation.scenes import NYU_URL

try:
    import tensorflow_datasets as tfds
except ImportError as error:
    raise ImportError(
        "The `nyu_v2_segmentation` builder needs TensorFlow Datasets. Install "
        "it with `pip install keras-mmreg[datasets]`, or use "
        "`keras_mmreg.datasets.load_nyu_v2_segmentation`, which needs h5py "
        "alone."
    ) from error


class Builder(tfds.core.GeneratorBasedBuilder):
    """NYU Depth v2 for `tfds.load`, segmented into 39 classes.

    The splits are `train` (795 images) and `test` (654). An example is
    `{"rgb": float32 (60, 80, 3), "depth": float32 (60, 80, 1), "label": uint8
    (60, 80), "image": int64}`; units are those of `load_nyu_v2_segmentation`.
    The label 39 stands for no class. `as_supervised=True` gives pairs that
    `model.fit` accepts directly.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    train, test = tfds.load(
        "nyu_v2_segmentation", split=["train", "test"], as_supervised=True
    )
    model.fit(train.shuffle(795).batch(16))
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}

    def _info(self) -> tfds.core.DatasetInfo:
        def picture(*shape: int, dtype: Any) -> tfds.features.Tensor:
            return tfds.features.Tensor(
                shape=shape, dtype=dtype, encoding="zlib"
            )

        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "rgb": picture(60, 80, 3, dtype=np.float32),
                    "depth": picture(60, 80, 1, dtype=np.float32),
                    "label": picture(60, 80, dtype=np.uint8),
                    "image": np.int64,
                }
            ),
            supervised_keys=({"rgb": "rgb", "depth": "depth"}, "label"),
            homepage="https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html",
            license="For research; no license is stated.",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        data = load_nyu_v2_segmentation(dl_manager.download(NYU_URL))
        return {
            split: self._generate_examples(examples)
            for split, examples in data._asdict().items()
        }

    def _generate_examples(
        self, examples: Examples
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        for i, image in enumerate(examples.image):
            yield (
                int(image),
                {
                    **{name: x[i] for name, x in examples.x.items()},
                    "label": examples.y[i].astype(np.uint8),
                    "image": image,
                },
            )
