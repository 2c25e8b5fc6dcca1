"""Trains on 1, 2 and 4 replicas of TensorFlow's `MirroredStrategy`."""

import functools
import json
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests.integration import replicas


@functools.cache
def strategy(number: int) -> tf.distribute.Strategy:
    """One for each number: TensorFlow mixes up the collectives of several.

    Nor has it collectives of groups of two sizes in one process.
    """
    devices = [f"CPU:{index}" for index in range(number)]
    reduction = tf.distribute.ReductionToOneDevice() if number == 2 else None
    return tf.distribute.MirroredStrategy(devices, reduction)


def fitted(create, number: int) -> dict:
    keras.utils.set_random_seed(0)
    if number == 1:
        return replicas.fitted(create())
    with strategy(number).scope():
        model = create()
    results = replicas.fitted(model)
    check_copies(model)
    # The last batch has one example, and all replicas but the first none.
    x, y = replicas.data(2 * replicas.BATCH_SIZE + 1)
    model.fit(x, y, batch_size=replicas.BATCH_SIZE, verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    return results


def check_copies(model) -> None:
    """That what methods and codebooks keep is the same on all replicas."""
    for variable in model.variables:
        first, *others = getattr(variable.value, "values", [0])
        if variable.aggregation == "only_first_replica":
            for copy in others:
                np.testing.assert_array_equal(first, copy, variable.path)


def subclassed():
    names = ("disentangled", "dropout")
    return replicas.regularized(replicas.Subclassed(), names)


def main() -> None:
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": True}  # It would take half of the time.
    )
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 4,
    )
    found = {}

    def compare(name, create, *numbers):
        alone = fitted(create, 1)
        for number in numbers:
            found[f"{name} on {number}"] = replicas.largest(
                alone, fitted(create, number)
            )

    compare("cm_vqvae", replicas.cm_vqvae, 2, 4)
    with mock.patch.multiple(keras.random, **replicas.FIXED_DRAWS):
        compare("regularized", replicas.several_methods, 4)
        compare("subclassed", subclassed, 2)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
