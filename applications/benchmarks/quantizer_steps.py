"""What the benchmark of the quantizer runs, compiled as Keras would."""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

import keras_mmreg as mmreg

CODE_DIM = 64


class OneHotQuantizer(keras.layers.Layer):
    """The same quantizer, written down from the equations.

    All distances at once, `argmin`, and products with the one-hot choice of
    codes; moving averages, straight-through gradient and commitment loss.
    """

    def __init__(self, num_embeddings: int, decay: float = 0.99) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.decay = decay

    def build(self, input_shape: tuple) -> None:
        self.counts = self.add_weight(
            shape=(self.num_embeddings,), initializer="ones", trainable=False
        )
        self.sums = self.add_weight(
            shape=(self.num_embeddings, input_shape[-1]),
            initializer="random_normal",
            trainable=False,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        codebook = self.sums / self.counts[:, None]
        distances = (
            ops.sum(inputs**2, axis=1, keepdims=True)
            - 2 * ops.matmul(inputs, ops.transpose(codebook))
            + ops.sum(codebook**2, axis=1)
        )
        one_hot = ops.one_hot(
            ops.argmin(distances, axis=1), self.num_embeddings
        )
        quantized = ops.stop_gradient(ops.matmul(one_hot, codebook))
        self.add_loss(0.25 * ops.mean((inputs - quantized) ** 2))
        if training:
            self._update(ops.stop_gradient(inputs), one_hot)
        return inputs + ops.stop_gradient(quantized - inputs)

    def _update(self, inputs: Any, one_hot: Any) -> None:
        decay = self.decay
        counts = ops.sum(one_hot, axis=0)
        sums = ops.matmul(ops.transpose(one_hot), inputs)
        self.counts.assign(decay * self.counts + (1 - decay) * counts)
        self.sums.assign(decay * self.sums + (1 - decay) * sums)


def prepare(
    variant: str, num_embeddings: int, num_vectors: int
) -> Callable[[], float]:
    """A function that runs a variant once and returns the seconds it took."""
    rng = np.random.default_rng(0)

    def random_vectors(size: int) -> Any:
        values = rng.normal(size=(size, CODE_DIM)).astype("float32")
        return ops.convert_to_tensor(values)

    vectors = random_vectors(num_vectors)
    if variant == "product":
        codebook = random_vectors(num_embeddings)
        product = _compiled(_product)

        def step() -> Any:
            return product(vectors, codebook)

    else:
        layer = _layer(variant, num_embeddings)
        layer.build(vectors.shape)
        step = _training_step(layer, vectors)

    def run() -> float:
        start = time.perf_counter()
        _wait_for(step())
        return time.perf_counter() - start

    return run


def _product(vectors: Any, codebook: Any) -> Any:
    return ops.matmul(vectors, ops.transpose(codebook))


def _layer(variant: str, num_embeddings: int) -> keras.layers.Layer:
    if variant == "one_hot":
        return OneHotQuantizer(num_embeddings)
    return mmreg.layers.VectorQuantizer(num_embeddings, update=variant, seed=0)


def _training_step(
    layer: keras.layers.Layer, vectors: Any
) -> Callable[[], Any]:
    """Forward, backward to vectors and codes, and the update of the codes."""
    if keras.config.backend() == "jax":
        return _jax_training_step(layer, vectors)
    if keras.config.backend() == "tensorflow":
        return _tensorflow_training_step(layer, vectors)
    return _torch_training_step(layer, vectors)


def _loss(outputs: Any, losses: list) -> Any:
    return ops.mean(outputs) + sum(losses)


def _jax_training_step(
    layer: keras.layers.Layer, vectors: Any
) -> Callable[[], Any]:
    import jax

    def loss(differentiated: Any, state: list) -> tuple:
        outputs, state, losses = layer.stateless_call(
            differentiated["weights"],
            state,
            differentiated["vectors"],
            training=True,
            return_losses=True,
        )
        return _loss(outputs, losses), state

    gradient = jax.jit(jax.grad(loss, has_aux=True))
    weights = [variable.value for variable in layer.trainable_variables]
    state = [variable.value for variable in layer.non_trainable_variables]

    def step() -> Any:
        nonlocal state
        differentiated = {"weights": weights, "vectors": vectors}
        gradients, state = gradient(differentiated, state)
        return gradients

    return step


def _tensorflow_training_step(
    layer: keras.layers.Layer, vectors: Any
) -> Callable[[], Any]:
    import tensorflow as tf

    variables = [variable.value for variable in layer.trainable_variables]

    @tf.function(jit_compile=True)
    def step() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            loss = _loss(layer(vectors, training=True), layer.losses)
        return tape.gradient(loss, [vectors, *variables])

    return step


def _torch_training_step(
    layer: keras.layers.Layer, vectors: Any
) -> Callable[[], Any]:
    import torch

    vectors.requires_grad_()
    variables = [variable.value for variable in layer.trainable_variables]

    def step() -> Any:
        loss = _loss(layer(vectors, training=True), layer.losses)
        return torch.autograd.grad(loss, [vectors, *variables])

    return step


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    if keras.config.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    return function


def _wait_for(tensors: Any) -> None:
    """Until the device has computed them."""
    if keras.config.backend() == "jax":
        import jax

        jax.block_until_ready(tensors)
    elif keras.config.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
    else:
        # A scalar of each, read back.
        for tensor in keras.tree.flatten(tensors):
            tensor[:1, :1].numpy()
