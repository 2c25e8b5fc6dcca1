import pathlib
import shutil
import tempfile

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")
pytest.importorskip("scipy")

from keras_mmreg import datasets  # noqa: E402
from tests.datasets.utd_mhad import toys  # noqa: E402


class UTDMHADTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on 12 clips in three archives."""

    DATASET_CLASS = datasets.UTDMHADBuilder
    SPLITS = {"train": 8, "test": 4}

    @classmethod
    def setUpClass(cls):
        cls.EXAMPLE_DIR = tempfile.mkdtemp()
        toys.save_zips(pathlib.Path(cls.EXAMPLE_DIR))
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.EXAMPLE_DIR)


def test_same_data_as_numpy(tmp_path):
    path = toys.save_folders(tmp_path / "UTD-MHAD")
    config = tfds.download.DownloadConfig(manual_dir=path)
    loaded = tfds.load(
        "utd_mhad",
        data_dir=tmp_path,
        download_and_prepare_kwargs={"download_config": config},
    )
    for split, examples in datasets.load_utd_mhad(path)._asdict().items():
        found = list(tfds.as_numpy(loaded[split]))
        found.sort(key=lambda example: example["inertial"][0, 0])
        for i, example in enumerate(found):
            assert example["label"] == examples.y[i]
            assert example["subject"] == examples.subject[i]
            assert example["trial"] == examples.trial[i]
            for name, x in examples.x.items():
                np.testing.assert_array_equal(example[name], x[i])


def test_metadata():
    metadata = datasets.UTDMHADBuilder.get_metadata()
    assert "by subject" in metadata.description
    assert "chen2015utd" in metadata.citation
