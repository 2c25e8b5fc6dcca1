"""On TensorFlow, every read of a weight stays ordered against its updates."""

import warnings

import keras
import numpy as np
import pytest

from keras_mmreg.models import RegularizedModel
from tests import toys
from tests.integration import replicas
from tests.regularizers.test_methods import METHODS
from tests.regularizers.test_methods import TAPS

if keras.config.backend() != "tensorflow":
    pytest.skip(
        "Only TensorFlow's graphs are optimized so", allow_module_level=True
    )

import tensorflow as tf


def optimized_graph(model, x, y):
    """The nodes, by name, of a train step as TensorFlow runs it."""
    from tensorflow.python.eager import context

    batch = ({k: tf.constant(v) for k, v in x.items()}, tf.constant(y))
    step = tf.function(lambda: model.train_step(batch))
    context.enable_run_metadata()
    step()
    metadata = context.export_run_metadata()
    context.disable_run_metadata()
    graphs = [g.post_optimization_graph for g in metadata.function_graphs]
    largest = max(graphs, key=lambda graph: len(graph.node))
    return {node.name: node for node in largest.node}


def take_a_step(model, x, y):
    """Creates all variables, which no second graph may do."""
    model.run_eagerly = True
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The gate is measured on training")
        model.train_on_batch(x, y)


def comes_before(nodes, first, last):
    """Whether `last` needs `first`, which `last` may be after by chance."""
    seen, left = {last}, [last]
    while left:
        for name in nodes[left.pop()].input:
            name = name.lstrip("^").split(":")[0]
            if name == first:
                return True
            if name not in seen:
                seen.add(name)
                left.append(name)
    return False


def unordered(nodes):
    """The reads that may see a variable before or after an update of it."""
    assert any(node.op == "AssignSubVariableOp" for node in nodes.values())
    return [
        (read.name, update.name)
        for update in nodes.values()
        if update.op.startswith("Assign")
        for read in nodes.values()
        if read.op == "ReadVariableOp"
        and read.input[0] == update.input[0]
        and not comes_before(nodes, read.name, update.name)
        and not comes_before(nodes, update.name, read.name)
    ]


@pytest.mark.parametrize("name", METHODS)
def test_reads_of_methods(name):
    model = RegularizedModel(
        toys.two_modalities(), METHODS[name](), taps=TAPS, seed=0
    )
    model.compile(keras.optimizers.SGD(0.1), toys.LOGITS_LOSS)
    x, y = toys.data(model.inner)
    take_a_step(model, x, y)
    assert unordered(optimized_graph(model, x, y)) == []


def test_reads_of_cm_vqvae():
    x, y = replicas.data(8)
    model = replicas.cm_vqvae()
    take_a_step(model, x, y)
    assert unordered(optimized_graph(model, x, y)) == []


def test_a_loss_keeps_its_gradient():
    from keras_mmreg.backend import before_gradients

    x = tf.Variable([1.0, np.inf, np.nan])
    with tf.GradientTape() as tape:
        y = before_gradients(x**2)
    np.testing.assert_array_equal(y, [1.0, np.inf, np.nan])
    np.testing.assert_array_equal(tape.gradient(y, x), [2.0, np.inf, np.nan])
