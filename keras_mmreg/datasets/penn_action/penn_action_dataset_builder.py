"""The `penn_action` builder for TensorFlow Datasets."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_mmreg.datasets.penn_action.clips import ACTIONS
from keras_mmreg.datasets.penn_action.clips import MODALITIES
from keras_mmreg.datasets.penn_action.clips import VIEWS
from keras_mmreg.datasets.penn_action.loading import Examples
from keras_mmreg.datasets.penn_action.loading import load_penn_action

try:
    import tensorflow_datasets as tfds
except ImportError as error:
    raise ImportError(
        "The `penn_action` builder needs TensorFlow Datasets. Install it with "
        "`pip install keras-mmreg[datasets]`, or use "
        "`keras_mmreg.datasets.load_penn_action`, which needs SciPy and "
        "Pillow alone."
    ) from error


class Builder(tfds.core.GeneratorBasedBuilder):
    """Penn Action for `tfds.load`.

    The splits are `train` (1,258 clips) and `test` (1,068). An example is
    `{"pose": float32 (16, 13, 3), "box": float32 (16, 4), "label": int64,
    "view": int64, "clip": int64}`, and in the config `frames` also `"frames":
    uint8 (16, 64, 64, 3)`; units are those of `load_penn_action`. The config
    `pose`, without the frames, is the default. `as_supervised=True` gives
    pairs that `model.fit` accepts directly.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(manual_dir="Penn_Action")
    train, test = tfds.load(
        "penn_action/frames",
        split=["train", "test"],
        as_supervised=True,
        download_and_prepare_kwargs={"download_config": config},
    )
    model.fit(train.shuffle(1258).batch(16))
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Go to https://dreamdragon.github.io/PennAction/, download
    Penn_Action.tar.gz (3 GB), unpack it, and make the folder Penn_Action, with
    `labels` and `frames` in it, the `manual_dir`. Reading it needs SciPy and
    Pillow: `pip install scipy pillow`.
    """
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="pose", description="Poses and boxes alone."
        ),
        tfds.core.BuilderConfig(
            name="frames", description="Poses, boxes and frames."
        ),
    ]

    def _modalities(self) -> tuple[str, ...]:
        frames = self.builder_config.name == "frames"
        return MODALITIES if frames else ("pose", "box")

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "pose": tfds.features.Tensor(
                shape=(16, 13, 3), dtype=np.float32, encoding="zlib"
            ),
            "box": tfds.features.Tensor(shape=(16, 4), dtype=np.float32),
            "label": tfds.features.ClassLabel(names=ACTIONS),
            "view": tfds.features.ClassLabel(names=VIEWS),
            "clip": np.int64,
        }
        if "frames" in self._modalities():
            features["frames"] = tfds.features.Video(shape=(16, 64, 64, 3))
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=(
                {name: name for name in self._modalities()},
                "label",
            ),
            homepage="https://dreamdragon.github.io/PennAction/",
            license="For research; no license is stated.",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        data = load_penn_action(
            dl_manager.manual_dir, self._modalities(), dtype="uint8"
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
                int(examples.clip[i]),
                {
                    **{name: x[i] for name, x in examples.x.items()},
                    "label": label,
                    "view": examples.view[i],
                    "clip": examples.clip[i],
                },
            )
