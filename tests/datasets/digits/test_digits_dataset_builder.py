import pathlib

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")
pytest.importorskip("scipy")

from keras_mmreg import datasets  # noqa: E402

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


class DigitsTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on 140 images of each data set."""

    DATASET_CLASS = datasets.DigitsBuilder
    EXAMPLE_DIR = str(DUMMY_DATA)
    BUILDER_CONFIG_NAMES_TO_TEST = [
        datasets.DigitsConfig(name="dummy", train_pairs=200, held_out_pairs=20)
    ]
    DL_DOWNLOAD_RESULT = {
        "mnist": "mnist.npz",
        "train_32x32.mat": "train_32x32.mat",
        "test_32x32.mat": "test_32x32.mat",
    }
    SPLITS = {"train": 200, "validation": 20, "test": 20}


def test_same_data_as_numpy(tmp_path):
    options = {
        "mnist": DUMMY_DATA / "mnist.npz",
        "svhn": DUMMY_DATA,
        "train_pairs": 10,
        "held_out_pairs": 20,
    }
    config = datasets.DigitsConfig(name="local", **options)
    test = tfds.load(
        "digits",
        split="test",
        data_dir=tmp_path,
        builder_kwargs={"config": config},
    )
    expected = datasets.load_digits(**options).test
    order = expected.svhn_index.argsort()
    examples = sorted(tfds.as_numpy(test), key=lambda e: e["svhn_index"])
    for index, example in zip(order, examples, strict=True):
        assert example["label"] == expected.y[index]
        for name, x in expected.x.items():
            np.testing.assert_array_equal(example[name], x[index])


def test_metadata():
    citation = datasets.DigitsBuilder.get_metadata().citation
    assert "netzer2011reading" in citation
