"""Every test starts from the same seeds and the default dtype policy."""

import gc
import os

# Most of the time would go into making XLA's programs fast.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 "
    "--xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_use_fusion_emitters=false "
    "--xla_cpu_parallel_codegen_split_count=1",
)

import keras
import pytest

# Graphs are many objects: by default, garbage is looked for all the time.
gc.set_threshold(100_000, 50, 100)

if keras.config.backend() == "tensorflow":
    import tensorflow as tf

    # It takes longer to optimize the graphs of tests than to run them.
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": True}
    )


def run_eagerly(value):
    """Has TensorFlow trace no functions; it alone takes seconds for each."""
    if keras.config.backend() == "tensorflow":
        tf.config.run_functions_eagerly(value)


def pytest_addoption(parser):
    parser.addoption(
        "--share",
        help="backends, by commas, each of which has a run of its own: tests "
        "marked `once` run on one of them",
    )


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "once(backend): no backend has a part in it, or another test looks at "
        "what they do differently; by `--share`, it runs on this backend, or "
        "on the last, which compiles nothing: many steps take long there. "
        "With False, it runs on all of them, unlike the rest of its module",
    )
    config.addinivalue_line(
        "markers",
        "eager(value=True): what is tested does not depend on compilation, "
        "which others of its kind are tested with: not compiled on TensorFlow",
    )


def pytest_collection_modifyitems(config, items):
    backends = (config.getoption("--share") or "").split(",")

    def belongs_here(item):
        mark = item.get_closest_marker("once")
        if mark is None or mark.args == (False,) or backends == [""]:
            return True
        chosen = mark.args[0] if mark.args else backends[-1]
        chosen = chosen if chosen in backends else backends[-1]
        return chosen == keras.config.backend()

    elsewhere = [item for item in items if not belongs_here(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if belongs_here(item)]
    # At the end, the other process would wait for the longest.
    items.sort(key=lambda item: "test_replicas" not in item.nodeid)


@pytest.fixture(autouse=True)
def fresh_keras(request):
    keras.utils.set_random_seed(0)
    mark = request.node.get_closest_marker("eager")
    run_eagerly(mark is not None and mark.args != (False,))
    yield
    keras.config.set_dtype_policy("float32")
