"""Small models and data that the tests share."""

import keras
import numpy as np
import pytest

needs_strings = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="has tensors of strings"
)
LOGITS_LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class OwnGradient(keras.layers.Layer):
    """Squares, by a function that brings its own derivative."""

    def call(self, x):
        @keras.ops.custom_gradient
        def square(x):
            def gradient(*args, upstream=None):
                if upstream is None:  # As TensorFlow and JAX pass it.
                    (upstream,) = args
                return 2.0 * x * upstream

            return x**2, gradient

        return square(x)


def two_modalities(activation=None, hidden=5):
    """A classifier of "audio" (4 features) and "image" (6 x 6 x 1)."""
    audio = keras.Input((4,), name="audio")
    image = keras.Input((6, 6, 1), name="image")
    heard = keras.layers.Dense(hidden, activation="tanh", name="ear")(audio)
    seen = keras.layers.Conv2D(3, 3, strides=2, activation="tanh", name="eye")(
        image
    )
    seen = keras.layers.Flatten()(seen)
    merged = keras.layers.Concatenate()([heard, seen])
    outputs = keras.layers.Dense(3, activation=activation, name="head")(merged)
    return keras.Model({"audio": audio, "image": image}, outputs)


def linear(activation="softmax"):
    """A linear classifier of "audio" (4 features) and "image" (3)."""
    audio = keras.Input((4,), name="audio")
    image = keras.Input((3,), name="image")
    merged = keras.layers.Concatenate()([audio, image])
    outputs = keras.layers.Dense(3, activation=activation)(merged)
    return keras.Model({"audio": audio, "image": image}, outputs)


def data(model, num_examples=16, seed=0, num_classes=3):
    """Random inputs of a functional model, and labels."""
    rng = np.random.default_rng(seed)
    x = {
        tensor.name: rng.normal(size=(num_examples, *tensor.shape[1:])).astype(
            "float32"
        )
        for tensor in model.inputs
    }
    return x, rng.integers(0, num_classes, num_examples)


def told_by_one(number=200):
    """Two modalities: `a` tells the label, and `b` nothing."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, number)
    a = np.eye(3, 4)[y] + 0.3 * rng.normal(size=(number, 4))
    b = rng.normal(size=(number, 2))
    return {"a": a.astype("float32"), "b": b.astype("float32")}, y


def count_calls(layer):
    """A list that grows when the layer is called: when a step is traced."""
    calls, call = [], layer.call

    def counted(*args, **kwargs):
        calls.append(layer.name)
        return call(*args, **kwargs)

    layer.call = counted
    return calls


def tensor(values):
    values = np.asarray(values)
    if values.dtype != bool:
        values = values.astype("float32")
    return keras.ops.convert_to_tensor(values)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)
