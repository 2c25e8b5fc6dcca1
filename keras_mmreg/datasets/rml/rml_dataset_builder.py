"""The `rml` builder for TensorFlow Datasets."""

from typing import Any

import numpy as np

from keras_mmreg.datasets.rml.clips import EMOTIONS
from keras_mmreg.datasets.rml.clips import Clips
from keras_mmreg.datasets.rml.clips import list_clips
from keras_mmreg.datasets.rml.clips import read_clip
from keras_mmreg.datasets.rml.loading import split_of
from keras_mmreg.datasets.tfds_builder import Examples
from keras_mmreg.datasets.tfds_builder import tfds


class Builder(tfds.core.GeneratorBasedBuilder):
    """RML for `tfds.load`.

    The splits are `train`, `validation` and `test`. They have different
    subjects in the default config `subjects`, and the same in `clips`. An
    example is `{"image": uint8 (128, 128, 3), "audio": float32 (256, 256, 1),
    "label": int64, "subject": int64, "name": string}`; see `load_rml`.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(manual_dir="RML")
    train = tfds.load(
        "rml",
        split="train",
        as_supervised=True,
        download_and_prepare_kwargs={"download_config": config},
    )
    model.fit(train.shuffle(500).batch(32))
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Ask for the database at http://www.rml.ryerson.ca/rml-emotion-database.html,
    unpack it, and make the folder that holds `s1` to `s8`, at any depth, the
    `manual_dir`. Reading it needs PyAV and Pillow: `pip install av pillow`.
    """
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="subjects", description="Splits of different subjects."
        ),
        tfds.core.BuilderConfig(
            name="clips", description="Splits that share subjects."
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(128, 128, 3)),
                    "audio": tfds.features.Tensor(
                        shape=(256, 256, 1), dtype=np.float32, encoding="zlib"
                    ),
                    "label": tfds.features.ClassLabel(names=EMOTIONS),
                    "subject": np.int64,
                    "name": tfds.features.Text(),
                }
            ),
            supervised_keys=({"image": "image", "audio": "audio"}, "label"),
            homepage="http://www.rml.ryerson.ca/rml-emotion-database.html",
            license="Research and non-commercial use, by agreement.",
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
            yield (
                index,
                {
                    "image": image,
                    "audio": audio,
                    "label": clips.emotion[index],
                    "subject": clips.subject[index],
                    "name": clips.name[index],
                },
            )
