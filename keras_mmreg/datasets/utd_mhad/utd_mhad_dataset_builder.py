"""The `utd_mhad` builder for TensorFlow Datasets."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_mmreg.datasets.utd_mhad.loading import Examples
from keras_mmreg.datasets.utd_mhad.loading import load_utd_mhad
from keras_mmreg.datasets.utd_mhad.recordings import ACTIONS

try:
    import tensorflow_datasets as tfds
except ImportError as error:
    raise ImportError(
        "The `utd_mhad` builder needs TensorFlow Datasets. Install it with "
        "`pip install keras-mmreg[datasets]`, or use "
        "`keras_mmreg.datasets.load_utd_mhad`, which needs SciPy alone."
    ) from error


class Builder(tfds.core.GeneratorBasedBuilder):
    """UTD-MHAD for `tfds.load`.

    The splits are `train` (431 clips of the odd-numbered subjects) and `test`
    (430 of the even-numbered ones). An example is `{"depth": float32 (8, 48,
    64, 1), "skeleton": float32 (32, 20, 3), "inertial": float32 (64, 6),
    "label": int64, "subject": int64, "trial": int64}`; units are those of
    `load_utd_mhad`. `as_supervised=True` gives pairs that `model.fit` accepts
    directly.

    Example:

    ```python
    import keras_mmreg.datasets  # registers the builder
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(manual_dir="UTD-MHAD")
    train, test = tfds.load(
        "utd_mhad",
        split=["train", "test"],
        as_supervised=True,
        download_and_prepare_kwargs={"download_config": config},
    )
    model.fit(train.shuffle(500).batch(16))
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Go to https://www.utdallas.edu/~kehtar/UTD-MHAD.html, download Depth.zip,
    Skeleton.zip and Inertial.zip, and put them into `manual_dir` as they are.
    Reading them needs SciPy: `pip install scipy`.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        def signal(*shape: int) -> tfds.features.Tensor:
            return tfds.features.Tensor(
                shape=shape, dtype=np.float32, encoding="zlib"
            )

        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "depth": signal(8, 48, 64, 1),
                    "skeleton": signal(32, 20, 3),
                    "inertial": signal(64, 6),
                    "label": tfds.features.ClassLabel(names=ACTIONS),
                    "subject": np.int64,
                    "trial": np.int64,
                }
            ),
            supervised_keys=(
                {
                    "depth": "depth",
                    "skeleton": "skeleton",
                    "inertial": "inertial",
                },
                "label",
            ),
            homepage="https://www.utdallas.edu/~kehtar/UTD-MHAD.html",
            license="Free for research, with a citation.",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        data = load_utd_mhad(dl_manager.manual_dir)
        return {
            split: self._generate_examples(examples)
            for split, examples in data._asdict().items()
        }

    def _generate_examples(
        self, examples: Examples
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for i, label in enumerate(examples.y):
            subject, trial = examples.subject[i], examples.trial[i]
            yield (
                f"a{label + 1}_s{subject}_t{trial}",
                {
                    **{name: x[i] for name, x in examples.x.items()},
                    "label": label,
                    "subject": subject,
                    "trial": trial,
                },
            )
