"""The `social_iq` builder for TensorFlow Datasets."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from keras_mmreg.datasets.social_iq.features import load_social_iq_features
from keras_mmreg.datasets.social_iq.loading import load_social_iq
from keras_mmreg.datasets.social_iq.published import NUM_ANSWERS
from keras_mmreg.datasets.social_iq.published import URLS
from keras_mmreg.datasets.tfds_builder import Examples
from keras_mmreg.datasets.tfds_builder import examples_of
from keras_mmreg.datasets.tfds_builder import tfds

_SIZES = {
    "question": 768,
    "answer": 768,
    "vision": 2208,
    "acoustic": 74,
    "transcript": 768,
}


@dataclasses.dataclass(eq=False)
class SocialIQConfig(tfds.core.BuilderConfig):
    """The configuration of `tfds.load("social_iq")`.

    Like every TFDS config, it is identified by its `name`: give your own config
    a new name whenever you change a value. Otherwise TFDS returns the data that
    it prepared before.

    Args:
        name: String. The name of the config, and of its folder on disk.
        task: `"binary"` or `"choice"` for the text of the second release,
            `"features"` for the features of the first. Defaults to
            `"binary"`.
        path: The `path` argument of `load_social_iq`; for `"features"` the
            folder that `load_social_iq_features` reads, where `None` stands for
            TFDS's `manual_dir`. Defaults to `None`, a download.
        question_length: Integer. Defaults to `20`.
        answer_length: Integer. Defaults to `25`.
        sizes: The sizes of the features; other modalities are left out.
            Defaults to those published.

    Example:

    ```python
    config = keras_mmreg.datasets.SocialIQConfig(
        name="local", task="choice", path="Social-IQ-2.0-Challenge/siq2/qa"
    )
    tfds.load("social_iq", builder_kwargs={"config": config})
    ```
    """

    task: str = "binary"
    path: str | pathlib.Path | None = None
    question_length: int = 20
    answer_length: int = 25
    sizes: dict[str, int] = dataclasses.field(default_factory=_SIZES.copy)


class Builder(tfds.core.GeneratorBasedBuilder):
    """Social-IQ for `tfds.load`.

    The splits are `train`, `validation` (other videos of the training set) and
    `test` (the published validation set). An example has the inputs `question`
    and `answer`, the `label`, `question_index` and `video`; the text configs
    have `question_text`, `answer_text` and `answer_type`, the config
    `features` has `vision`, `acoustic` and `transcript`.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    train = tfds.load("social_iq/binary", split="train", as_supervised=True)
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        SocialIQConfig(
            name="binary", description="Text: is this answer correct?"
        ),
        SocialIQConfig(
            name="choice",
            task="choice",
            description="Text: which of four answers is correct?",
        ),
        SocialIQConfig(
            name="features",
            task="features",
            description="Features of the first release: is this answer right?",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    For the config `features` put these files into `manual_dir`:
    http://immortal.multicomp.cs.cmu.edu/Social-IQ/qa/SOCIAL-IQ_QA_BERT_LASTLAYER_BINARY_CHOICE.csd
    http://immortal.multicomp.cs.cmu.edu/Social-IQ/vision/SOCIAL_IQ_DENSENET161_1FPS.csd
    http://immortal.multicomp.cs.cmu.edu/Social-IQ/acoustic/SOCIAL_IQ_COVAREP.csd
    http://immortal.multicomp.cs.cmu.edu/Social-IQ/transcript/SOCIAL_IQ_TRANSCRIPT_RAW_CHUNKS_BERT.csd
    The CMU Multimodal SDK (https://github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK)
    downloads them with `mmdatasdk.mmdataset(mmdatasdk.socialiq.highlevel,
    "socialiq/")`. The text configs are downloaded without you.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        features, inputs = (
            self._vectors() if config.task == "features" else self._texts()
        )
        features |= {
            "label": tfds.features.ClassLabel(
                num_classes=NUM_ANSWERS if config.task == "choice" else 2
            ),
            "question_index": tfds.features.Scalar(np.int32),
            "video": tfds.features.Text(),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=({name: name for name in inputs}, "label"),
            homepage="https://github.com/abwilf/Social-IQ-2.0-Challenge",
            license="MIT (second release); first release: for research",
        )

    def _vectors(self) -> tuple[dict[str, Any], list[str]]:
        features = {
            name: tfds.features.Tensor(shape=(size,), dtype=np.float32)
            for name, size in self.builder_config.sizes.items()
        }
        return features, [*features]

    def _texts(self) -> tuple[dict[str, Any], list[str]]:
        config = self.builder_config
        answers: tuple[int, ...] = ()
        strings = tfds.features.Text()
        if config.task == "choice":
            answers = (NUM_ANSWERS,)
            strings = tfds.features.Sequence(strings, length=NUM_ANSWERS)
        features = {
            "question": tfds.features.Tensor(
                shape=(config.question_length,), dtype=np.int32
            ),
            "answer": tfds.features.Tensor(
                shape=(*answers, config.answer_length), dtype=np.int32
            ),
            "question_text": tfds.features.Text(),
            "answer_text": strings,
            "answer_type": strings,
        }
        return features, ["question", "answer"]

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Examples]:
        config = self.builder_config
        data: Any
        if config.task == "features":
            data = load_social_iq_features(
                config.path or dl_manager.manual_dir,
                [n for n in config.sizes if n not in ("question", "answer")],
            )
        else:
            data = load_social_iq(
                config.path or dl_manager.download(URLS),
                config.task,
                question_length=config.question_length,
                answer_length=config.answer_length,
            )
        return {
            split: self._generate_examples(getattr(data, split))
            for split in ("train", "validation", "test")
        }

    def _generate_examples(self, split: tuple) -> Examples:
        yield from examples_of(split, y="label")
