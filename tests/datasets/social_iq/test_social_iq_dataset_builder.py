import pathlib

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")

from keras_mmreg import datasets  # noqa: E402
from tests.datasets.social_iq import toys  # noqa: E402

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


class SocialIQTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on 24 questions."""

    DATASET_CLASS = datasets.SocialIQBuilder
    EXAMPLE_DIR = str(DUMMY_DATA)
    BUILDER_CONFIG_NAMES_TO_TEST = ["binary"]
    DL_DOWNLOAD_RESULT = {"train": "qa_train.json", "val": "qa_val.json"}
    SPLITS = {"train": 72, "validation": 8, "test": 16}


def load(folder, split="test", **options):
    config = datasets.SocialIQConfig(name="local", **options)
    loaded = tfds.load(
        "social_iq",
        split=split,
        data_dir=folder,
        builder_kwargs={"config": config},
    )
    return list(tfds.as_numpy(loaded))


def test_choice(tmp_path):
    found = load(tmp_path, task="choice", path=DUMMY_DATA)
    expected = datasets.load_social_iq(DUMMY_DATA, "choice").test
    assert len(found) == len(expected.y)
    for example in found:
        (index,) = np.flatnonzero(
            expected.question_index == example["question_index"]
        )
        assert example["label"] == expected.y[index]
        assert [text.decode() for text in example["answer_text"]] == [
            *expected.answer_text[index]
        ]
        np.testing.assert_array_equal(
            example["answer"], expected.x["answer"][index]
        )


def test_features(tmp_path):
    toys.save(tmp_path, num_train=2, num_test=1)
    sizes = {"question": 4, "answer": 4, "vision": 5}
    found = load(tmp_path, task="features", path=tmp_path, sizes=sizes)
    assert len(found) == 42
    assert {*found[0]} == {*sizes, "label", "question_index", "video"}
    assert all(example["vision"].tolist() == [2.0] * 5 for example in found)


def test_configs_and_metadata():
    builder = datasets.SocialIQBuilder
    assert list(builder.builder_configs) == ["binary", "choice", "features"]
    assert "zadeh2019social" in builder.get_metadata().citation
