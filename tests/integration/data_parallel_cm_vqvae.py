"""Trains a CM-VQVAE on one device and on two; prints how far logs are apart.

A process of its own: the number of devices is fixed when a backend starts.
"""

import json
import os

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "")
    + " --xla_force_host_platform_device_count=2"
)

import keras
import numpy as np

from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models import CMVQVAE
from tests.integration.data_parallel import two_devices

Dense = keras.layers.Dense


def logs_and_weights() -> tuple[dict, list]:
    """With batches of 16, 16 and 8."""
    keras.utils.set_random_seed(0)
    model = CMVQVAE(
        encoders={"image": Dense(4), "audio": Dense(4)},
        decoders={"image": Dense(4), "audio": Dense(5)},
        head=Dense(3, activation="softmax"),
        quantizers=VectorQuantizer(6, restart_threshold=0.9, seed=0),
    )
    model.compile(
        keras.optimizers.SGD(0.05),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    random = np.random.default_rng(0)
    x = {
        "image": random.normal(size=(40, 4)).astype("float32"),
        "audio": random.normal(size=(40, 5)).astype("float32"),
    }
    y = random.integers(3, size=40)
    options = {"batch_size": 16, "verbose": 0}
    history = model.fit(
        x, y, validation_data=(x, y), epochs=2, shuffle=False, **options
    )
    logs = {f"eval_{k}": v for k, v in evaluated(model, x, y).items()}
    return {**history.history, **logs}, model.get_weights()


def evaluated(model: CMVQVAE, x: dict, y: np.ndarray) -> dict:
    return model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)


def main() -> None:
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * 2,
        )
    alone, weights = logs_and_weights()
    with two_devices():
        together, weights_together = logs_and_weights()
    assert alone.keys() == together.keys()
    differences = {
        name: float(np.max(np.abs(np.divide(together[name], alone[name]) - 1)))
        for name in alone
    }
    differences["weights"] = float(
        max(
            np.abs(one - other).max()
            for one, other in zip(weights, weights_together, strict=True)
        )
    )
    print(json.dumps(differences))


if __name__ == "__main__":
    main()
