"""Models whose report is known beforehand."""

import keras
import numpy as np


def color_reader():
    """Reads the color alone, as probabilities."""
    color = keras.Input((3,), name="color")
    shape = keras.Input((2,), name="shape")
    ignored = keras.layers.Dense(3, kernel_initializer="zeros")(shape)
    scaled = keras.layers.Rescaling(10.0)(color)
    outputs = keras.layers.Softmax()(keras.layers.Add()([scaled, ignored]))
    return keras.Model({"color": color, "shape": shape}, outputs, name="reader")


def colored(num_examples=300):
    """One-hot colors that tell the label, shapes that do not."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, num_examples)
    shape = rng.normal(size=(num_examples, 2)).astype("float32")
    return {"color": np.eye(3, dtype="float32")[y], "shape": shape}, y


def adder(names, **kwargs):
    """The sum of its modalities: vectors of 3 logits."""
    inputs = {name: keras.Input((3,), name=name) for name in names}
    total = keras.layers.Add()(list(inputs.values()))
    return keras.Model(inputs, total, **kwargs)
