"""Trains a quantizer on one device and on two; prints its weights' difference.

A process of its own: the number of devices is fixed when a backend starts.
"""

import contextlib
import os
import sys

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "")
    + " --xla_force_host_platform_device_count=2"
)

import keras
import numpy as np

from keras_mmreg.layers import VectorQuantizer


def two_devices() -> contextlib.AbstractContextManager:
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    return contextlib.nullcontext()


def trained_weights(update: str) -> list[np.ndarray]:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    projected = keras.layers.Dense(4, kernel_initializer="identity")(inputs)
    # Most codes are restarted in every step.
    quantizer = VectorQuantizer(
        6, update=update, num_groups=2, restart_threshold=0.9, seed=0
    )
    model = keras.Model(inputs, quantizer(projected))
    model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=False)
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    model.fit(x, x, batch_size=16, epochs=2, shuffle=False, verbose=0)
    return [np.asarray(weight) for weight in model.get_weights()]


def main(update: str) -> None:
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * 2,
        )
    alone = trained_weights(update)
    with two_devices():
        together = trained_weights(update)
    differences = [
        np.abs(one - other).max()
        for one, other in zip(alone, together, strict=True)
        if one.dtype == "float32"
    ]
    print(max(differences))


if __name__ == "__main__":
    main(sys.argv[1])
