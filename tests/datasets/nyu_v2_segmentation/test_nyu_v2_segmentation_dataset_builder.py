import pathlib
import shutil
import tempfile
from unittest import mock

import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")

from keras_mmreg import datasets  # noqa: E402
from keras_mmreg.datasets.nyu_v2_segmentation import scenes  # noqa: E402
from tests.datasets.nyu_v2_segmentation import toys  # noqa: E402


class NYUv2SegmentationTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on 5 images."""

    DATASET_CLASS = datasets.NYUv2SegmentationBuilder
    DL_DOWNLOAD_RESULT = "nyu_depth_v2_labeled.mat"
    SPLITS = {"train": 3, "test": 2}

    @classmethod
    def setUpClass(cls):
        cls.EXAMPLE_DIR = tempfile.mkdtemp()
        folder = pathlib.Path(cls.EXAMPLE_DIR)
        toys.save_mat(folder / cls.DL_DOWNLOAD_RESULT)
        path = toys.save_annotation(folder / "annotation.npz")
        cls.short = mock.patch.object(scenes, "ANNOTATION_PATH", path)
        cls.short.start()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.short.stop()
        shutil.rmtree(cls.EXAMPLE_DIR)


def test_metadata():
    builder = datasets.NYUv2SegmentationBuilder
    metadata = builder.get_metadata()
    assert "to be ignored" in metadata.description
    assert "silberman2012indoor" in metadata.citation
    assert builder.url_infos[scenes.NYU_URL].checksum == scenes.NYU_SHA256
