"""Trains in two JAX processes, each with one device and half of each batch.

`python -m tests.integration.on_hosts <number of the process> <port>`.
"""

import json
import sys

import keras
import numpy as np

from tests.integration import replicas

distribution = keras.distribution


def main(number: str, port: str) -> None:
    address = f"127.0.0.1:{port}"
    distribution.initialize(f"{address},{address}", 2, int(number))
    distribution.set_distribution(
        distribution.DataParallel(auto_shard_dataset=False)
    )
    keras.utils.set_random_seed(0)
    model = replicas.regularized(replicas.functional(), ("noise", "unimodal"))
    x, y = replicas.data(24)
    own = np.arange(24) // 4 % 2 == int(number)
    x = {name: values[own] for name, values in x.items()}
    history = model.fit(
        x, y[own], batch_size=4, shuffle=False, verbose=0
    ).history
    weights = [
        np.asarray(w.value.addressable_data(0)).tolist()
        for w in model.inner.weights
    ]
    print(json.dumps([history, weights]))


if __name__ == "__main__":
    main(*sys.argv[1:])
