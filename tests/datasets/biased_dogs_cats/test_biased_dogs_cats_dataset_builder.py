import pathlib
import shutil
import tempfile
from unittest import mock

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")
pytest.importorskip("PIL")

from keras_mmreg import datasets  # noqa: E402
from keras_mmreg.datasets.biased_dogs_cats import colors  # noqa: E402
from tests.datasets.biased_dogs_cats import toys  # noqa: E402


class BiasedDogsCatsTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on 10 images of which 8 are listed."""

    DATASET_CLASS = datasets.BiasedDogsCatsBuilder
    SPLITS = {"tb1": 5, "tb2": 3}

    @classmethod
    def setUpClass(cls):
        cls.EXAMPLE_DIR = tempfile.mkdtemp()
        folder = pathlib.Path(cls.EXAMPLE_DIR)
        toys.save_zip(folder / "train.zip")
        path = toys.save_colors(folder / "colors.npz")
        cls.short_list = mock.patch.object(colors, "COLORS_PATH", path)
        cls.short_list.start()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.short_list.stop()
        shutil.rmtree(cls.EXAMPLE_DIR)


def test_same_data_as_numpy(tmp_path, monkeypatch):
    path = toys.save_colors(tmp_path / "colors.npz")
    monkeypatch.setattr(colors, "COLORS_PATH", path)
    folder = toys.save_folder(tmp_path / "dogs-vs-cats")
    config = tfds.download.DownloadConfig(manual_dir=folder)
    loaded = tfds.load(
        "biased_dogs_cats",
        data_dir=tmp_path,
        download_and_prepare_kwargs={"download_config": config},
    )
    data = datasets.load_biased_dogs_cats(folder, dtype="uint8")
    for split, examples in data._asdict().items():
        found = list(tfds.as_numpy(loaded[split]))
        found.sort(key=lambda e: (e["label"], e["kaggle_id"]))
        for i, example in enumerate(found):
            assert example["label"] == examples.y[i]
            assert example["kaggle_id"] == examples.kaggle_id[i]
            np.testing.assert_array_equal(
                example["image"], examples.x["image"][i]
            )


def test_metadata():
    metadata = datasets.BiasedDogsCatsBuilder.get_metadata()
    assert "by the color of the fur" in metadata.description
    assert "kim2019learning" in metadata.citation
