import keras
import numpy as np
import pytest

from keras_mmreg.callbacks.complementarity_logger import ComplementarityLogger
from keras_mmreg.layers import ComplementarityMask

NAMES = ("image", "audio", "depth")


def create_model():
    inputs = {name: keras.Input((2,), name=name) for name in NAMES}
    mask = ComplementarityMask(strength=1.0)
    masked = mask(inputs)
    joined = keras.layers.Concatenate()([masked[name] for name in NAMES])
    model = keras.Model(inputs, keras.layers.Dense(1)(joined))
    model.compile(keras.optimizers.SGD(1e-4), loss="mse")
    return model, mask


def fit(model, **kwargs):
    x = {name: np.ones((4, 2)) for name in NAMES}
    return model.fit(x, np.ones((4, 1)), verbose=0, **kwargs).history


def test_history_and_csv(tmp_path):
    model, mask = create_model()
    mask.channel_weights["audio"].assign([0.0, 0.2])
    csv = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    logger = ComplementarityLogger(pairs=True)
    history = fit(model, epochs=2, callbacks=[logger, csv])
    np.testing.assert_allclose(history["complementary_audio"], [100 / 6] * 2)
    np.testing.assert_allclose(history["contradictory_audio"], [100 / 6] * 2)
    np.testing.assert_allclose(history["complementary_image"], [200 / 6] * 2)
    assert history["contradictory_image"] == [0.0, 0.0]
    assert history["zeta"] == [0.5, 0.5]
    pairs = {name: v[0] for name, v in history.items() if "zeta_" in name}
    assert pairs == {
        "zeta_audio_depth": 0.5,
        "zeta_audio_image": 0.5,
        "zeta_depth_image": 1.0,
    }
    header = (tmp_path / "log.csv").read_text().splitlines()[0]
    assert "complementary_audio" in header and "zeta" in header


def test_model_without_a_mask():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="exactly one `ComplementarityMask`"):
        model.fit(
            np.ones((2, 2)),
            np.ones((2, 1)),
            callbacks=[ComplementarityLogger()],
            verbose=0,
        )
