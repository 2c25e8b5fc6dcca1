import keras
import numpy as np
import pytest

from applications.common.cm_vqvae_methods import create_cm_vqvae

Dense = keras.layers.Dense


def create(method="cm_vqvae", **kwargs):
    return create_cm_vqvae(
        method,
        encoders={"image": Dense(4), "audio": Dense(4)},
        decoders={"image": Dense(6), "audio": Dense(5)},
        head=Dense(3, activation="softmax"),
        num_embeddings=8,
        **kwargs,
    )


@pytest.mark.parametrize(
    "method,mode,reconstructs,strength",
    [
        ("concat", "none", False, 0.0),
        ("dropout", "dropout", True, 0.0),
        ("gated", "attention", True, 0.0),
        ("cm_vqvae_unregularized", "binary", True, 0.0),
        ("cm_vqvae", "binary", True, 1e-4),
        ("config_i", "none", False, 0.0),
        ("config_ii", "none", True, 0.0),
        ("config_iii", "binary", False, 1e-4),
    ],
)
def test_rows(method, mode, reconstructs, strength):
    model = create(method)
    assert model.mask.mode == mode
    assert model.mask.strength == strength
    assert bool(model.decoders) is bool(model.quantizers) is reconstructs
    outputs = model({"image": np.ones((2, 6)), "audio": np.ones((2, 5))})
    assert tuple(outputs.shape) == (2, 3)


def test_options_and_authors_constants():
    model = create(compat="authors", mask_options={"strength": 0.5})
    assert model.mask.threshold == 0.005
    assert model.mask.initial_value == 0.01
    assert model.mask.strength == 0.5
    assert model.quantizers["image"].restart_threshold == 0.0
    initializer = model.quantizers["image"].codebook_initializer
    assert initializer.get_config() == {
        "mean": 0.0,
        "stddev": 1.0,
        "seed": None,
    }
    assert model.data_variance == {"image": 1.0, "audio": 1.0}


def test_bad_arguments():
    with pytest.raises(ValueError, match="`method` must be one of"):
        create("sum")
    with pytest.raises(ValueError, match="`compat` must be"):
        create(compat="code")
