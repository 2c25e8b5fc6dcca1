"""Trains on JAX: on one device, four that share data, and 2 x 2 of both."""

import json
import os

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "")
    + " --xla_force_host_platform_device_count=4"
)

import keras

from tests.integration import replicas

distribution = keras.distribution
# Keras asks that the devices divide every batch.
NUM_EXAMPLES = 3 * replicas.BATCH_SIZE + 4


def model_parallel() -> distribution.ModelParallel:
    """Batches on 2 devices, of which each has half of an encoder's columns."""
    mesh = distribution.DeviceMesh((2, 2), ("batch", "model"))
    layout = distribution.LayoutMap(mesh)
    layout["ear.*kernel"] = (None, "model")
    return distribution.ModelParallel(layout_map=layout, batch_dim_name="batch")


def fitted(create) -> dict:
    keras.utils.set_random_seed(0)
    return replicas.fitted(create(), NUM_EXAMPLES)


def main() -> None:
    found = {}

    def compare(name, create, **ways):
        distribution.set_distribution(None)
        alone = fitted(create)
        for way, make in ways.items():
            distribution.set_distribution(make())
            found[f"{name}, {way}"] = replicas.largest(alone, fitted(create))

    compare("regularized", replicas.several_methods, model=model_parallel)
    compare(
        "cm_vqvae",
        replicas.cm_vqvae,
        data=distribution.DataParallel,
        model=model_parallel,
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
