import pathlib
import shutil
import tempfile

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")
pytest.importorskip("scipy")
pytest.importorskip("PIL")

from keras_mmreg import datasets  # noqa: E402
from tests.datasets.penn_action import toys  # noqa: E402


class PennActionTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on 4 clips of 9 frames."""

    DATASET_CLASS = datasets.PennActionBuilder
    SPLITS = {"train": 2, "test": 2}

    @classmethod
    def setUpClass(cls):
        cls.EXAMPLE_DIR = tempfile.mkdtemp()
        folder = pathlib.Path(cls.EXAMPLE_DIR)
        toys.save_folder(folder)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.EXAMPLE_DIR)


def test_same_data_as_numpy(tmp_path):
    folder = toys.save_folder(tmp_path / "Penn_Action")
    config = tfds.download.DownloadConfig(manual_dir=folder)
    loaded = tfds.load(
        "penn_action/frames",
        data_dir=tmp_path,
        download_and_prepare_kwargs={"download_config": config},
    )
    data = datasets.load_penn_action(
        folder, ["pose", "box", "frames"], dtype="uint8"
    )
    for split, examples in data._asdict().items():
        found = list(tfds.as_numpy(loaded[split]))
        found.sort(key=lambda example: example["clip"])
        for i, example in enumerate(found):
            assert example["label"] == examples.y[i]
            assert example["view"] == examples.view[i]
            assert example["clip"] == examples.clip[i]
            for name, x in examples.x.items():
                np.testing.assert_array_equal(example[name], x[i])


def test_configs_and_metadata():
    builder = datasets.PennActionBuilder
    assert list(builder.builder_configs) == ["pose", "frames"]
    metadata = builder.get_metadata()
    assert "test of\nredundant modalities" in metadata.description
    assert "zhang2013actemes" in metadata.citation
