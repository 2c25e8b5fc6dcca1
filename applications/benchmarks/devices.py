"""What the running backend knows about its device and its memory."""

import importlib
import os
import pathlib
import sys

import keras

MIB = 2**20


def versions() -> str:
    """The versions of Keras and of the backend."""
    name = keras.config.backend()
    version = importlib.import_module(name).__version__
    return f"keras {keras.__version__}, {name} {version}"


def device() -> str:
    """The name of the GPU, or the number of CPU cores."""
    return _gpu() or f"CPU, {os.cpu_count()} cores"


def _gpu() -> str | None:
    if keras.config.backend() == "jax":
        import jax

        first = jax.devices()[0]
        return None if first.platform == "cpu" else first.device_kind
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(gpu)
            return details.get("device_name", "GPU")
        return None
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def peak_memory() -> float:
    """The peak use of GPU memory, else of RAM, by this process, in MiB."""
    if _gpu() is None:
        return _peak_resident_memory()
    if keras.config.backend() == "jax":
        import jax

        return jax.devices()[0].memory_stats()["peak_bytes_in_use"] / MIB
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / MIB
    import torch

    return torch.cuda.max_memory_allocated() / MIB


def _peak_resident_memory() -> float:
    """On Linux not by `getrusage`, which counts the parent's memory too."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    import resource  # Not on Windows.

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 1024
