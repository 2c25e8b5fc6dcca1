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
from tests.datasets.crema_d_av import toys  # noqa: E402


class CREMADAVTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on four clips of three actors."""

    DATASET_CLASS = datasets.CREMADAVBuilder
    BUILDER_CONFIG_NAMES_TO_TEST = ["authors"]
    SPLITS = {"train": 2, "validation": 1, "test": 1}

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
    folder = toys.save(tmp_path / "CREMA-D")
    config = tfds.download.DownloadConfig(manual_dir=folder)
    loaded = tfds.load(
        "crema_d_av",
        data_dir=tmp_path,
        download_and_prepare_kwargs={"download_config": config},
    )
    data = datasets.load_crema_d_av(folder, dtype="uint8")
    for split, examples in data._asdict().items():
        found = list(tfds.as_numpy(loaded[split]))
        found.sort(key=lambda example: example["name"])
        assert len(found) == len(examples.y) >= 1
        for i, example in enumerate(found):
            assert example["label"] == examples.y[i]
            assert example["name"].decode() == examples.name[i]
            assert example["race"] == examples.race[i]
            for name, x in examples.x.items():
                np.testing.assert_array_equal(example[name], x[i])


def test_configs_and_metadata():
    builder = datasets.CREMADAVBuilder
    assert list(builder.builder_configs) == ["actors", "authors"]
    metadata = builder.get_metadata()
    assert "91 actors" in metadata.description
    assert "cao2014crema" in metadata.citation
