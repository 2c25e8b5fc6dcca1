import importlib
import sys

import pytest

from keras_mmreg import datasets

BUILDERS = [
    "AVDigitsBuilder",
    "AVDigitsConfig",
    "BiasedDogsCatsBuilder",
    "ColoredMNISTBuilder",
    "ColoredMNISTConfig",
    "CREMADAVBuilder",
    "RMLBuilder",
    "NYUv2SegmentationBuilder",
    "PennActionBuilder",
    "UTDMHADBuilder",
    "DAQUARBuilder",
    "DAQUARConfig",
    "DigitsBuilder",
    "DigitsConfig",
    "SocialIQBuilder",
    "SocialIQConfig",
    "VQACPBuilder",
    "VQACPConfig",
]


@pytest.fixture
def without_tfds(monkeypatch):
    for name in list(sys.modules):
        if name.startswith(datasets.__name__) and "_builder" in name:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    importlib.reload(datasets)


@pytest.mark.usefixtures("without_tfds")
def test_arrays_need_no_tfds():
    data = datasets.load_colored_mnist()
    assert len(data.train[1]) == 4500


@pytest.mark.usefixtures("without_tfds")
@pytest.mark.parametrize("name", BUILDERS)
def test_builder_names_the_missing_package(name):
    with pytest.raises(ImportError, match="needs? TensorFlow Datasets") as e:
        getattr(datasets, name)
    e.match(r"`pip install keras-mmreg\[datasets\]`")


def test_names():
    assert {*datasets.__all__, *BUILDERS} <= set(dir(datasets))
    with pytest.raises(AttributeError, match="has no attribute 'mnist'"):
        getattr(datasets, "mnist")  # noqa: B009
