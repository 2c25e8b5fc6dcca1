import json
import pathlib
import subprocess
import sys

import keras
import pytest

SCRIPT = pathlib.Path(__file__).with_name("data_parallel.py")


@pytest.mark.skipif(
    keras.config.backend() == "torch", reason="needs several processes"
)
@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_two_devices_train_the_same_codes_as_one(update):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), update], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-4


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="torch needs several processes; on JAX the results of two simulated "
    "CPU devices are not always the same, from one run to the next",
)
def test_two_devices_log_the_same_of_a_cm_vqvae_as_one():
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.data_parallel_cm_vqvae"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    differences = json.loads(done.stdout)
    assert {"val_task_loss", "reconstruction_loss"} <= differences.keys()
    assert max(differences.values()) < 1e-4, differences
