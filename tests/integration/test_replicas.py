"""Several devices and processes train what one does.

On TensorFlow and torch, the draws are fixed: replicas draw for themselves, as
those of Keras's own layers do. On JAX they are the draws of one device.
"""

import json
import subprocess
import sys

import keras
import pytest

TOLERANCE = 1e-5


def run(*command):
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def only_on(backend):
    return pytest.mark.skipif(
        keras.config.backend() != backend, reason=f"for {backend}"
    )


@only_on("tensorflow")
def test_replicas_of_a_mirrored_strategy():
    found = run("tests.integration.on_mirrored")
    assert len(found) == 4
    assert max(found.values())[0] < TOLERANCE, found


@only_on("jax")
def test_devices_that_share_data_and_models():
    found = run("tests.integration.on_mesh")
    assert len(found) == 3
    assert max(found.values())[0] < TOLERANCE, found


@only_on("torch")
def test_processes_of_distributed_data_parallel():
    found = run(
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "-m",
        "tests.integration.on_processes",
    )
    # Of what other seeds come to: random numbers alone are not the same.
    assert found.pop("spreads") < 2.0
    assert len(found) == 3
    assert max(found.values())[0] < TOLERANCE, found
