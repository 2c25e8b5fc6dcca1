import keras
import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.models.cm_vqvae import CMVQVAE
from keras_mmreg.visualization.cm_vqvae_features import plot_feature_embedding
from keras_mmreg.visualization.cm_vqvae_mask import plot_mask_weights
from keras_mmreg.visualization.cm_vqvae_reconstructions import (
    plot_reconstructions,
)
from keras_mmreg.visualization.cm_vqvae_shares import plot_complementarity


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def model_and_inputs():
    identity = keras.layers.Identity
    model = CMVQVAE(
        {"image": identity(), "sound": identity()},
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)]),
        {"image": identity(), "sound": identity()},
        quantizers=None,
    )
    random = np.random.default_rng(0)
    x = {
        "image": random.normal(size=(12, 4, 4, 3)).astype("float32"),
        "sound": random.normal(size=(12, 4, 4, 1)).astype("float32"),
    }
    model(x)
    model.mask.channel_weights["image"].assign([0.1, 0.0, 0.1])
    return model, x


def test_reconstructions(model_and_inputs):
    model, x = model_and_inputs
    for modality in x:
        figure = plot_reconstructions(model, x, modality, num_examples=3)
        assert len(figure.axes) == 4 * 3
        labels = [ax.get_ylabel() for ax in figure.axes[::3]]
        parts = ["input", "all", "complementary", "contradictory"]
        assert labels == parts
    with pytest.raises(ValueError, match="`modality` must be one of"):
        plot_reconstructions(model, x, "depth")


def test_feature_embedding(model_and_inputs):
    model, x = model_and_inputs
    figure = plot_feature_embedding(
        model, x, "image", np.arange(12) % 2, perplexity=3.0
    )
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["complementary", "contradictory"]
    assert len(figure.axes[0].collections) == 2
    with pytest.raises(ValueError, match="one label for each of the 12"):
        plot_feature_embedding(model, x, "image", np.arange(5))
    with pytest.raises(ValueError, match="`perplexity` must be positive and"):
        plot_feature_embedding(model, x, "image", np.arange(12) % 2)
    # All of the sound's channels are complementary.
    plot_feature_embedding(model, x, "sound", np.arange(12) % 2, perplexity=3.0)


def test_mask_weights(model_and_inputs):
    model, _ = model_and_inputs
    ax = plot_mask_weights(model.mask).axes[0]
    np.testing.assert_allclose(
        [bar.get_height() for bar in ax.patches], [0.1, 0.1, 0.0, 0.1]
    )
    assert ax.get_lines()[0].get_ydata()[0] == 0.05
    without_weights = ComplementarityMask(mode="none")
    without_weights.build({"image": (None, 4)})
    with pytest.raises(ValueError, match="must have weights to draw"):
        plot_mask_weights(without_weights)
    with pytest.raises(ValueError, match="that has seen data"):
        plot_mask_weights(ComplementarityMask())


def test_complementarity():
    logs = {"complementary_a": [50.0, 20.0], "zeta": [1.0, 0.5]}
    figure = plot_complementarity(logs)
    left, right = figure.axes
    np.testing.assert_allclose(left.get_lines()[0].get_ydata(), [50.0, 20.0])
    np.testing.assert_allclose(right.get_lines()[0].get_ydata(), [1.0, 0.5])
    with pytest.raises(ValueError, match="`history` must have"):
        plot_complementarity({"loss": [1.0]})
    resumed = keras.callbacks.History()
    resumed.epoch, resumed.history = [3, 4], logs
    line = plot_complementarity(resumed).axes[0].get_lines()[0]
    assert line.get_xdata().tolist() == [4, 5]
