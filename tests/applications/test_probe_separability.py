import keras
import numpy as np
import pytest

from applications.common.probe_separability import probe_separability
from keras_mmreg.models import CMVQVAE


def create_model():
    """Features are the inputs; of each modality the first channel is kept."""
    identity = keras.layers.Identity
    model = CMVQVAE(
        {"image": identity(), "audio": identity()},
        keras.layers.Dense(2),
        quantizers=None,
        fusion="none",
        mask="binary",
    )
    model.mask.build({"image": (None, 2, 2), "audio": (None, 3)})
    model.mask.channel_weights["image"].assign([0.1, 0.0])
    model.mask.channel_weights["audio"].assign([0.1, 0.0, 0.0])
    return model


def data():
    random = np.random.default_rng(0)
    labels = np.arange(60) % 2
    x = {
        "image": random.normal(size=(60, 2, 2)),
        "audio": random.normal(size=(60, 3)),
    }
    x["image"][..., 1] += 5.0 * labels[:, None]  # contradictory
    x["audio"][..., 0] += 5.0 * labels  # complementary
    return x, labels


@pytest.mark.parametrize("pooling", ["mean", "flatten"])
@pytest.mark.parametrize("groups", [None, np.arange(60) // 3])
def test_finds_the_part_with_the_attribute(pooling, groups):
    x, labels = data()
    result = probe_separability(
        create_model(), x, labels, groups, pooling=pooling, batch_size=16
    )
    assert result["image"]["contradictory"] > 0.9
    assert result["image"]["complementary"] < 0.75
    assert result["audio"]["complementary"] > 0.9
    assert result["audio"]["contradictory"] < 0.75
    assert result["audio"]["chance"] == 0.5


def test_part_without_channels():
    x, labels = data()
    model = create_model()
    model.mask.channel_weights["image"].assign([0.1, 0.1])
    result = probe_separability(model, x, {"image": labels, "audio": labels})
    assert np.isnan(result["image"]["contradictory"])
    assert result["image"]["complementary"] > 0.9


def test_bad_arguments():
    x, labels = data()
    with pytest.raises(ValueError, match="`pooling` must be one of"):
        probe_separability(create_model(), x, labels, pooling="max")
    with pytest.raises(ValueError, match="`attributes` must have one label"):
        probe_separability(create_model(), x, labels[:-1])
