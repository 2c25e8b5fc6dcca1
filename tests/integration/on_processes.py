"""Trains with torch's DistributedDataParallel, as Keras's guide does.

`torchrun --nproc-per-node 2 -m tests.integration.on_processes`; every process
sees half of each batch.
"""

import json
import os
from unittest import mock

import keras
import numpy as np
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from tests.integration import replicas


def train(model: keras.Model, parallel: bool) -> dict:
    """The loop of https://keras.io/guides/distributed_training_with_torch."""
    x, y = replicas.data()
    rank = distributed.get_rank() if parallel else 0
    number = distributed.get_world_size() if parallel else 1
    size = replicas.BATCH_SIZE // number
    model({name: torch.tensor(v[:1]) for name, v in x.items()})  # Builds it.
    network = DistributedDataParallel(model) if parallel else model
    weights = [v.value for v in model.trainable_variables]
    optimizer = torch.optim.SGD(weights, 0.05)
    for start in range(0, 24, replicas.BATCH_SIZE):
        part = slice(start + rank * size, start + (rank + 1) * size)
        batch = {name: torch.tensor(v[part]) for name, v in x.items()}
        labels = torch.tensor(y[part])
        outputs = network(batch, training=True)
        loss = model.compute_loss(batch, labels, outputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return replicas.values(model)


def trained(parallel: bool) -> dict[str, dict]:
    results = {}
    for name, create in CASES.items():
        keras.utils.set_random_seed(0)
        results[name] = train(create(), parallel)
    return results


def weights_after_random_draws(seed: int, parallel: bool) -> np.ndarray:
    keras.utils.set_random_seed(0)  # Of the first weights.
    inner = replicas.functional()
    methods = ("fisher", "noise", "dropout", "mix")
    train(replicas.regularized(inner, methods, seed), parallel)
    return np.concatenate([w.ravel() for w in inner.get_weights()])


def distance_in_spreads(alone: list[np.ndarray], together: np.ndarray) -> float:
    """How far from the mean, as a part of what other seeds come to."""
    mean = np.mean(alone, axis=0)
    farthest = max(np.linalg.norm(each - mean) for each in alone)
    return float(np.linalg.norm(together - mean) / farthest)


def main() -> None:
    rank = int(os.environ["RANK"])
    alone, draws = {}, []
    fixed = mock.patch.multiple(keras.random, **replicas.FIXED_DRAWS)
    if rank == 0:
        draws = [weights_after_random_draws(seed, False) for seed in range(5)]
        with fixed:
            alone = trained(parallel=False)
    distributed.init_process_group("gloo")
    shared = weights_after_random_draws(0, parallel=True)
    with fixed:
        together = trained(parallel=True)
    everywhere = [{}] * distributed.get_world_size()
    distributed.all_gather_object(everywhere, together)
    distributed.destroy_process_group()
    for other in everywhere:
        for case in together:
            for name, value in together[case].items():
                np.testing.assert_array_equal(other[case][name], value, name)
    if rank == 0:
        found = {
            case: replicas.largest(alone[case], together[case])
            for case in alone
        }
        found["spreads"] = distance_in_spreads(draws, shared)
        print(json.dumps(found))


CASES = {
    "cm_vqvae": replicas.cm_vqvae,
    "regularized": lambda: replicas.regularized(
        replicas.functional(),
        [name for name in replicas.ALL if name != "disentangled"],
    ),
    "subclassed": lambda: replicas.regularized(
        replicas.Subclassed(), ("disentangled", "dropout")
    ),
}

if __name__ == "__main__":
    main()
