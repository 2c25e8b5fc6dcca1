"""The `daquar` builder for TensorFlow Datasets."""

import dataclasses
import pathlib

import numpy as np

from keras_mmreg.datasets.daquar.loading import SPLITS
from keras_mmreg.datasets.daquar.loading import load_daquar
from keras_mmreg.datasets.tfds_builder import Examples
from keras_mmreg.datasets.tfds_builder import examples_of
from keras_mmreg.datasets.tfds_builder import tfds


@dataclasses.dataclass(eq=False)
class DAQUARConfig(tfds.core.BuilderConfig):
    """The configuration of `tfds.load("daquar")`.

    Like every TFDS config, it is identified by its `name`: give your own config
    a new name whenever you change a value. Otherwise TFDS returns the data that
    it prepared before.

    Args:
        name: String. The name of the config, and of its folder on disk.
        path: The path of the folder or `.npz` file that `load_daquar` reads,
            or `None` for TFDS's `manual_dir`. Defaults to `None`.
        split: `"official"`, `"cp_soft"` or `"cp"`. Defaults to `"official"`.
        frames: The path of the frames, see `load_daquar`, or `None` for text
            alone. Defaults to `None`.
        image_size: Height and width of the frames. Defaults to `(60, 80)`.
        question_length: Integer. Defaults to `20`.
        num_answers: Integer, or `None` for all. Defaults to `None`.

    Example:

    ```python
    config = keras_mmreg.datasets.DAQUARConfig(
        name="cp_soft_rgb", path="daquar", frames="nyu_depth_images"
    )
    tfds.load("daquar", builder_kwargs={"config": config})
    ```
    """

    path: str | pathlib.Path | None = None
    split: str = "official"
    frames: str | pathlib.Path | None = None
    image_size: tuple[int, int] = (60, 80)
    question_length: int = 20
    num_answers: int | None = None


class Builder(tfds.core.GeneratorBasedBuilder):
    """DAQUAR for `tfds.load`.

    The splits are `train`, `validation` and `test`. An example has the word
    ids `question`, the answer's class `label` (-1 if the answer is not a
    class), the frame `image` if the config has frames, and `question_text`,
    `answer_text`, `question_type` and `frame`.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    train = tfds.load("daquar/cp_soft", split="train", as_supervised=True)
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        DAQUARConfig(name=split, split=split, description=description)
        for split, description in zip(
            SPLITS,
            (
                "The split of Malinowski and Fritz.",
                "Shifted answer priors, 80% of each group on one side.",
                "Shifted answer priors, each group on one side.",
            ),
            strict=True,
        )
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    Put qa.894.raw.train.txt and qa.894.raw.test.txt into `manual_dir`. They
    are at https://www.mpi-inf.mpg.de/departments/computer-vision-and-machine-learning/research/vision-and-language/visual-turing-challenge,
    section DAQUAR, or directly
    https://datasets.d2.mpi-inf.mpg.de/mateusz14visual-turing/qa.894.raw.train.txt
    https://datasets.d2.mpi-inf.mpg.de/mateusz14visual-turing/qa.894.raw.test.txt
    For the frames unpack nyu_depth_images.tar from the same place, and name
    its folder in a `DAQUARConfig`.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        words = tfds.features.Tensor(
            shape=(config.question_length,), dtype=np.int32
        )
        features = {
            "question": words,
            "label": tfds.features.Scalar(np.int32),
            "question_text": tfds.features.Text(),
            "answer_text": tfds.features.Text(),
            "question_type": tfds.features.Text(),
            "frame": tfds.features.Scalar(np.int32),
        }
        inputs = {"question": "question"}
        if config.frames is not None:
            features["image"] = tfds.features.Image(
                shape=(*config.image_size, 3)
            )
            inputs["image"] = "image"
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=(inputs, "label"),
            homepage="https://www.mpi-inf.mpg.de/departments/computer-vision-and-machine-learning/research/vision-and-language/visual-turing-challenge",
            license="Not stated; for research.",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Examples]:
        config = self.builder_config
        data = load_daquar(
            dl_manager.manual_dir if config.path is None else config.path,
            split=config.split,
            frames=config.frames,
            num_answers=config.num_answers,
            question_length=config.question_length,
            image_size=config.image_size,
        )
        return {
            split: self._generate_examples(getattr(data, split))
            for split in ("train", "validation", "test")
        }

    def _generate_examples(self, split: tuple) -> Examples:
        yield from examples_of(split, y="label")
