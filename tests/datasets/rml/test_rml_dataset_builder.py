import pathlib
import shutil
import tempfile

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")
pytest.importorskip("av")
pytest.importorskip("PIL")

from keras_mmreg import datasets  # noqa: E402
from tests.datasets.rml import toys  # noqa: E402


class RMLTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on six clips of five subjects."""

    DATASET_CLASS = datasets.RMLBuilder
    BUILDER_CONFIG_NAMES_TO_TEST = ["subjects"]
    SPLITS = {"train": 3, "validation": 1, "test": 2}

    @classmethod
    def setUpClass(cls):
        cls.EXAMPLE_DIR = tempfile.mkdtemp()
        toys.save(pathlib.Path(cls.EXAMPLE_DIR))
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.EXAMPLE_DIR)


def test_same_data_as_numpy(tmp_path):
    folder = toys.save(tmp_path / "RML")
    config = tfds.download.DownloadConfig(manual_dir=folder)
    loaded = tfds.load(
        "rml/clips",
        data_dir=tmp_path,
        download_and_prepare_kwargs={"download_config": config},
    )
    data = datasets.load_rml(folder, "clips", dtype="uint8")
    for split, examples in data._asdict().items():
        found = list(tfds.as_numpy(loaded[split]))
        order = {name: i for i, name in enumerate(examples.name.tolist())}
        found.sort(key=lambda example: order[example["name"].decode()])
        assert len(found) == len(examples.y) >= 1
        for i, example in enumerate(found):
            assert example["label"] == examples.y[i]
            assert example["name"].decode() == examples.name[i]
            assert example["subject"] == examples.subject[i]
            for name, x in examples.x.items():
                np.testing.assert_array_equal(example[name], x[i])


def test_configs_and_metadata():
    builder = datasets.RMLBuilder
    assert list(builder.builder_configs) == ["subjects", "clips"]
    metadata = builder.get_metadata()
    assert "eight people" in metadata.description
    assert "wang2008recognizing" in metadata.citation
