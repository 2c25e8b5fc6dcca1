import pathlib

import keras
import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS's builder test case needs it, TFDS itself does not.
pytest.importorskip("dill")

from keras_mmreg import datasets  # noqa: E402

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


class ColoredMNISTTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own contract, on 20 training and 10 test digits."""

    DATASET_CLASS = datasets.ColoredMNISTBuilder
    EXAMPLE_DIR = str(DUMMY_DATA)
    BUILDER_CONFIG_NAMES_TO_TEST = ["gray_0.5"]
    DL_DOWNLOAD_RESULT = "mnist.npz"
    SPLITS = {"train": 18, "validation": 2, "test": 10, "test_gray": 10}


def load(data_dir, name="colored_mnist", **kwargs):
    return tfds.load(name, data_dir=data_dir, as_supervised=True, **kwargs)


def arrays(dataset):
    """The whole data set as NumPy arrays, in the order of the colors."""
    (batch,) = tfds.as_numpy(dataset.batch(len(dataset)))
    x, y = batch
    order = np.lexsort(np.c_[x["color"], x["shape"].sum((1, 2))].T)
    return {name: array[order] for name, array in x.items()}, y[order]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("tensorflow_datasets"))


@pytest.fixture(scope="module")
def local(data_dir):
    config = datasets.ColoredMNISTConfig(
        name="local",
        path=DUMMY_DATA / "mnist.npz",
        palette="hues",
        color_stddev=0.2,
        gray_value=0.25,
        seed=5,
    )
    return load(data_dir, builder_kwargs={"config": config})


def test_same_data_as_numpy(local):
    data = datasets.load_colored_mnist(
        DUMMY_DATA / "mnist.npz",
        palette="hues",
        color_stddev=0.2,
        gray_values=[0.25],
        seed=5,
    )
    expected = data._asdict() | {"test_gray": data.test_gray[0.25]}
    assert set(local) == set(expected)
    for split, (x, y) in expected.items():
        x_loaded, y_loaded = arrays(local[split])
        order = np.lexsort(np.c_[x["color"], x["shape"].sum((1, 2))].T)
        np.testing.assert_array_equal(x_loaded["color"], x["color"][order])
        np.testing.assert_array_equal(x_loaded["shape"], x["shape"][order])
        np.testing.assert_array_equal(y_loaded, y[order])


def test_supervised_pairs_go_into_fit(local):
    color = keras.Input((3,), name="color")
    shape = keras.Input((28, 28, 1), name="shape")
    features = keras.layers.Concatenate()(
        [color, keras.layers.Flatten()(shape)]
    )
    model = keras.Model(
        {"color": color, "shape": shape}, keras.layers.Dense(10)(features)
    )
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(True))
    history = model.fit(
        local["train"].batch(9),
        validation_data=local["validation"].batch(2),
        shuffle=False,
        verbose=0,
    )
    assert np.isfinite(history.history["val_loss"][0])


def test_sample_needs_no_network(data_dir):
    sample = load(data_dir, "colored_mnist/sample")
    assert {split: len(dataset) for split, dataset in sample.items()} == {
        "train": 4500,
        "validation": 500,
        "test": 1000,
        "test_gray": 1000,
    }


def test_full_sizes_and_download_are_registered():
    builder = datasets.ColoredMNISTBuilder
    (url,) = builder.url_infos
    assert url.endswith("/tf-keras-datasets/mnist.npz")
    assert builder.url_infos[url].size == 11_490_434
    assert list(builder.builder_configs)[0] == "gray_0.5"


def test_metadata():
    metadata = datasets.ColoredMNISTBuilder.get_metadata()
    assert "Colored MNIST" in metadata.description
    assert "gat2020removing" in metadata.citation


def test_wrong_local_file(data_dir, tmp_path):
    config = datasets.ColoredMNISTConfig(name="wrong", path=tmp_path / "no.npz")
    with pytest.raises(ValueError, match="`path` must be an `mnist.npz`"):
        load(data_dir, builder_kwargs={"config": config})
