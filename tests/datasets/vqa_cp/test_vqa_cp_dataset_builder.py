import pathlib

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")

from keras_mmreg import datasets  # noqa: E402

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


class VQACPTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on 32 questions."""

    DATASET_CLASS = datasets.VQACPBuilder
    EXAMPLE_DIR = str(DUMMY_DATA)
    BUILDER_CONFIG_NAMES_TO_TEST = ["text"]
    SPLITS = {"train": 22, "validation": 2, "test": 8}


def test_same_data_as_numpy(tmp_path):
    features = tmp_path / "features.npz"
    np.savez(features, image_id=np.arange(30), features=np.eye(30)[:, :3])
    config = datasets.VQACPConfig(
        name="local", path=DUMMY_DATA, features=features, feature_shape=(3,)
    )
    test = tfds.load(
        "vqa_cp",
        split="test",
        data_dir=tmp_path,
        builder_kwargs={"config": config},
    )
    expected = datasets.load_vqa_cp(DUMMY_DATA, features).test
    examples = sorted(tfds.as_numpy(test), key=lambda e: e["question_id"])
    assert len(examples) == len(expected.y)
    for index, example in enumerate(examples):
        assert example["label"] == expected.y[index]
        names = ("yes/no", "number", "other")
        assert names[example["answer_type"]] == expected.answer_type[index]
        for name, x in expected.x.items():
            np.testing.assert_array_equal(example[name], x[index])
        np.testing.assert_array_equal(
            example["answers"], expected.answers[index]
        )


def test_metadata():
    assert "agrawal2018dont" in datasets.VQACPBuilder.get_metadata().citation
