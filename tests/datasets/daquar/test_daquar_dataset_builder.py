import pathlib

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")

from keras_mmreg import datasets  # noqa: E402

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


class DAQUARTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on 18 questions."""

    DATASET_CLASS = datasets.DAQUARBuilder
    EXAMPLE_DIR = str(DUMMY_DATA)
    BUILDER_CONFIG_NAMES_TO_TEST = ["official"]
    # Two of the six images hold a third of the questions.
    SPLITS = {"train": 10, "validation": 2, "test": 6}


def test_same_data_as_numpy(tmp_path):
    frames = tmp_path / "frames.npz"
    rgb = np.random.default_rng(0).integers(0, 256, (1449, 2, 3, 3), np.uint8)
    np.savez(frames, rgb=rgb)
    config = datasets.DAQUARConfig(
        name="local", path=DUMMY_DATA, frames=frames, image_size=(2, 3)
    )
    test = tfds.load(
        "daquar",
        split="test",
        data_dir=tmp_path,
        builder_kwargs={"config": config},
    )
    expected = datasets.load_daquar(DUMMY_DATA, frames=frames).test
    found = {
        e["question"].tobytes() + bytes(e["frame"]): e
        for e in tfds.as_numpy(test)
    }
    assert len(found) == 6
    for index, label in enumerate(expected.y):
        ids = expected.x["question"][index]
        example = found[ids.tobytes() + bytes(expected.frame[index])]
        assert example["label"] == label
        assert example["answer_text"].decode() == expected.answer_text[index]
        np.testing.assert_array_equal(
            example["image"], rgb[expected.frame[index]]
        )


def test_configs_and_metadata():
    builder = datasets.DAQUARBuilder
    assert list(builder.builder_configs) == ["official", "cp_soft", "cp"]
    assert "malinowski2014multiworld" in builder.get_metadata().citation
