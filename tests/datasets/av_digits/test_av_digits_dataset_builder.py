import pathlib
from unittest import mock

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")

from keras_mmreg import datasets  # noqa: E402
from keras_mmreg.datasets.av_digits import fsdd  # noqa: E402

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


class AVDigitsTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on 60 recordings and 70 images."""

    DATASET_CLASS = datasets.AVDigitsBuilder
    EXAMPLE_DIR = str(DUMMY_DATA)
    BUILDER_CONFIG_NAMES_TO_TEST = ["fold_0"]
    DL_DOWNLOAD_RESULT = {"mnist": "mnist.npz", "fsdd": "fsdd.zip"}
    SPLITS = {"train": 10_000, "validation": 1000, "test": 1000}
    # GitHub does not promise that an archive's bytes stay the same.
    SKIP_CHECKSUMS = True

    def setUp(self):
        super().setUp()
        digest = fsdd.digest(fsdd.read_fsdd(DUMMY_DATA / "fsdd.zip"))
        patcher = mock.patch.object(fsdd, "FSDD_SHA256", digest)
        patcher.start()
        self.patchers.append(patcher)


def test_same_data_as_numpy(tmp_path):
    options = {
        "mnist": DUMMY_DATA / "mnist.npz",
        "fsdd": DUMMY_DATA / "fsdd.zip",
        "fold": 3,
        "train_pairs": 20,
        "held_out_pairs": 10,
        "image_noise": 0.5,
        "seed": 7,
    }
    config = datasets.AVDigitsConfig(name="local", **options)
    loaded = tfds.load(
        "av_digits", data_dir=tmp_path, builder_kwargs={"config": config}
    )
    for split, examples in datasets.load_av_digits(**options)._asdict().items():
        found = list(tfds.as_numpy(loaded[split]))
        found.sort(key=lambda example: example["image"].sum())
        order = examples.x["image"].sum(axis=(1, 2, 3)).argsort()
        assert len(found) == len(order)
        for example, index in zip(found, order, strict=True):
            assert example["label"] == examples.y[index]
            assert example["speaker"] == examples.speaker[index]
            for name, x in examples.x.items():
                np.testing.assert_array_equal(example[name], x[index])


def test_supervised_pairs(tmp_path):
    config = datasets.AVDigitsConfig(
        name="small",
        mnist=DUMMY_DATA / "mnist.npz",
        fsdd=DUMMY_DATA / "fsdd.zip",
        train_pairs=10,
        held_out_pairs=10,
    )
    test = tfds.load(
        "av_digits",
        split="test",
        data_dir=tmp_path,
        as_supervised=True,
        builder_kwargs={"config": config},
    )
    assert set(test.element_spec[0]) == {"image", "audio"}
    assert sorted(int(label) for _, label in test) == list(range(10))


def test_configs_and_metadata():
    builder = datasets.AVDigitsBuilder
    assert list(builder.builder_configs) == [f"fold_{i}" for i in range(6)]
    metadata = builder.get_metadata()
    assert "nuisance" in metadata.description
    assert "jackson2016free" in metadata.citation
