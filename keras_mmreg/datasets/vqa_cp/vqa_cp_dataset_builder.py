"""The `vqa_cp` builder for TensorFlow Datasets."""

import dataclasses
import pathlib

import numpy as np

from keras_mmreg.datasets.tfds_builder import Examples
from keras_mmreg.datasets.tfds_builder import examples_of
from keras_mmreg.datasets.tfds_builder import tfds
from keras_mmreg.datasets.vqa_cp.loading import load_vqa_cp
from keras_mmreg.datasets.vqa_cp.published import ANSWER_TYPES
from keras_mmreg.datasets.vqa_cp.published import NUM_PEOPLE


@dataclasses.dataclass(eq=False)
class VQACPConfig(tfds.core.BuilderConfig):
    """The configuration of `tfds.load("vqa_cp")`.

    Like every TFDS config, it is identified by its `name`: give your own config
    a new name whenever you change a value. Otherwise TFDS returns the data that
    it prepared before.

    Args:
        name: String. The name of the config, and of its folder on disk.
        path: The path of the folder that `load_vqa_cp` reads, or `None` for
            TFDS's `manual_dir`. Defaults to `None`.
        features: The path of the images' features, see `load_vqa_cp`, or
            `None` for text alone. Defaults to `None`.
        feature_shape: The shape of an image's features. Defaults to `(2048,)`.
        min_answer_count: Integer. Defaults to `9`.
        question_length: Integer. Defaults to `14`.

    Example:

    ```python
    config = keras_mmreg.datasets.VQACPConfig(
        name="resnet", path="vqa_cp", features="resnet.npz"
    )
    tfds.load("vqa_cp", builder_kwargs={"config": config})
    ```
    """

    path: str | pathlib.Path | None = None
    features: str | pathlib.Path | None = None
    feature_shape: tuple[int, ...] = (2048,)
    min_answer_count: int = 9
    question_length: int = 14


class Builder(tfds.core.GeneratorBasedBuilder):
    """VQA-CP v2 for `tfds.load`.

    The splits are `train`, `validation` (other images of the training set) and
    `test`. An example has the word ids `question`, the class `label` of the
    most frequent answer (-1 if it is not a class), `image` if the config has
    features, and the fields of `load_vqa_cp`.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    train = tfds.load("vqa_cp", split="train", as_supervised=True)
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        VQACPConfig(name="text", description="Without features of the images.")
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    Put vqacp_v2_train_questions.json, vqacp_v2_train_annotations.json,
    vqacp_v2_test_questions.json and vqacp_v2_test_annotations.json into
    `manual_dir`. Their page is https://www.iro.umontreal.ca/~agrawal/vqa-cp/.
    The server that it links to, https://computing.ece.vt.edu/~aish/vqacp/, is
    often out of reach; then ask the data set's authors, whose address is on
    the page.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        features = {
            "question": tfds.features.Tensor(
                shape=(config.question_length,), dtype=np.int32
            ),
            "label": tfds.features.Scalar(np.int32),
            "answers": tfds.features.Tensor(
                shape=(NUM_PEOPLE,), dtype=np.int32
            ),
            "question_text": tfds.features.Text(),
            "question_type": tfds.features.Text(),
            "answer_type": tfds.features.ClassLabel(names=ANSWER_TYPES),
            "question_id": tfds.features.Scalar(np.int32),
            "image_id": tfds.features.Scalar(np.int32),
            "image_file": tfds.features.Text(),
        }
        inputs = {"question": "question"}
        if config.features is not None:
            features["image"] = tfds.features.Tensor(
                shape=config.feature_shape, dtype=np.float32
            )
            inputs["image"] = "image"
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=(inputs, "label"),
            homepage="https://www.iro.umontreal.ca/~agrawal/vqa-cp/",
            license="CC BY 4.0, as VQA v2, which it rearranges",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Examples]:
        config = self.builder_config
        data = load_vqa_cp(
            config.path or dl_manager.manual_dir,
            config.features,
            min_answer_count=config.min_answer_count,
            question_length=config.question_length,
        )
        return {
            split: self._generate_examples(getattr(data, split))
            for split in ("train", "validation", "test")
        }

    def _generate_examples(self, split: tuple) -> Examples:
        for index, example in examples_of(split, y="label"):
            yield index, example | {"answer_type": str(example["answer_type"])}
