"""Runs the tests once for every installed backend: `python -m tests`.

Keras fixes its backend when it is imported, so each backend has a process of
its own. Arguments go to pytest.
"""

import importlib.util
import os
import subprocess
import sys


def main() -> int:
    backends = [
        name
        for name in ("jax", "tensorflow", "torch")
        if importlib.util.find_spec(name)
    ]
    if not backends:
        print("No backend is installed: pip install keras-mmreg[jax]")
        return 1
    failed = []
    for backend in backends:
        print(f"\n=== KERAS_BACKEND={backend} ===", flush=True)
        command = [sys.executable, "-m", "pytest", "-n", "2", *sys.argv[1:]]
        environment = {
            **os.environ,
            "KERAS_BACKEND": backend,
            "CUDA_VISIBLE_DEVICES": "",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        if subprocess.run(command, env=environment).returncode:
            failed.append(backend)
    print("\nFailed on: " + ", ".join(failed) if failed else "\nAll passed.")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
