"""The `crema_d_av` builder for TensorFlow Datasets."""

from typing import Any

import numpy as np

from keras_mmreg.datasets.crema_d_av.clips import EMOTIONS
from keras_mmreg.datasets.crema_d_av.clips import LEVELS
from keras_mmreg.datasets.crema_d_av.clips import RACES
from keras_mmreg.datasets.crema_d_av.clips import SENTENCES
from keras_mmreg.datasets.crema_d_av.clips import SEXES
from keras_mmreg.datasets.crema_d_av.clips import Clips
from keras_mmreg.datasets.crema_d_av.clips import list_clips
from keras_mmreg.datasets.crema_d_av.clips import read_clip
from keras_mmreg.datasets.crema_d_av.loading import split_of
from keras_mmreg.datasets.tfds_builder import Examples
from keras_mmreg.datasets.tfds_builder import tfds


class Builder(tfds.core.GeneratorBasedBuilder):
    """CREMA-D for `tfds.load`.

    The splits are `train`, `validation` and `test`. They have different actors
    in the default config `actors`, and the same in `authors`. An example is
    `{"image": uint8 (128, 128, 3), "audio": float32 (256, 256, 1), "label":
    int64, "actor": int64, "sentence": int64, "level": int64, "sex": int64,
    "race": int64, "name": string}`; see `load_crema_d_av`.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(manual_dir="CREMA-D")
    train = tfds.load(
        "crema_d_av/authors",
        split="train",
        as_supervised=True,
        download_and_prepare_kwargs={"download_config": config},
    )
    model.fit(train.shuffle(1000).batch(128))
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Install Git LFS (https://git-lfs.com), then run

        git lfs install
        git clone https://github.com/CheyneyComputerScience/CREMA-D.git

    and make the folder CREMA-D, with `VideoFlash` and `VideoDemographics.csv`
    in it, the `manual_dir`. Reading it needs PyAV and Pillow:
    `pip install av pillow`.
    """
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="actors", description="Splits of different actors."
        ),
        tfds.core.BuilderConfig(
            name="authors", description="The split of CM-VQVAE's author."
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        label = tfds.features.ClassLabel
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(128, 128, 3)),
                    "audio": tfds.features.Tensor(
                        shape=(256, 256, 1), dtype=np.float32, encoding="zlib"
                    ),
                    "label": label(names=EMOTIONS),
                    "actor": np.int64,
                    "sentence": label(names=SENTENCES),
                    "level": label(names=LEVELS),
                    "sex": label(names=SEXES),
                    "race": label(names=RACES),
                    "name": tfds.features.Text(),
                }
            ),
            supervised_keys=({"image": "image", "audio": "audio"}, "label"),
            homepage="https://github.com/CheyneyComputerScience/CREMA-D",
            license="Open Database License 1.0",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Any]:
        clips = list_clips(dl_manager.manual_dir)
        parts = split_of(clips, self.builder_config.name)
        return {
            name: self._generate_examples(clips, np.flatnonzero(part))
            for name, part in parts.items()
        }

    def _generate_examples(self, clips: Clips, chosen: np.ndarray) -> Examples:
        for index in chosen.tolist():
            image, audio = read_clip(clips.file[index])
            labels = clips._asdict()
            labels["label"] = labels.pop("emotion")
            del labels["file"]
            yield (
                index,
                {
                    "image": image,
                    "audio": audio,
                    **{name: column[index] for name, column in labels.items()},
                },
            )
