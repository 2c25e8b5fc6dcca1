"""The models of the benchmark: encoders, joined before one linear layer."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

NUM_CLASSES = 10

Encoder = tuple[tuple[int, ...], Callable[[Any], Any]]
"""The shape of an input, and the function that encodes it."""


def encoders(
    model: str, modalities: int, image_size: int
) -> dict[str, Encoder]:
    """The encoder of each modality.

    Args:
        model: `"small"` or `"resnet18"`.
        modalities: 2 (an image and a vector) or 4 (two images, a vector and a
            sequence).
        image_size: Pixels along each side of an image.
    """
    if model == "small":
        image = (image_size, image_size, 1), small_convolutions
    else:
        image = (image_size, image_size, 3), resnet18
    if modalities == 4:
        return {
            "image": image,
            "image_2": image,
            "vector": ((64,), perceptron),
            "sequence": ((32, 8), temporal_convolutions),
        }
    if model == "small":  # As in applications/colored_mnist.
        return {"image": image, "color": ((3,), lambda color: color)}
    return {"image": image, "vector": ((64,), perceptron)}


def classifier(encoders: dict[str, Encoder]) -> keras.Model:
    """The functional model that classifies by all modalities together."""
    inputs = {
        name: keras.Input(shape, name=name)
        for name, (shape, _) in encoders.items()
    }
    features = [encode(inputs[name]) for name, (_, encode) in encoders.items()]
    joined = layers.Concatenate()(features) if features[1:] else features[0]
    return keras.Model(inputs, layers.Dense(NUM_CLASSES)(joined))


class Subclassed(keras.Model):
    """The same layers behind a `call` that nobody can look into."""

    def __init__(self, functional: keras.Model) -> None:
        super().__init__()
        self.functional = functional

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.functional(inputs, training=training)


def small_convolutions(image: Any) -> Any:
    x = layers.Conv2D(16, 3, strides=2, activation="relu")(image)
    x = layers.Conv2D(32, 3, strides=2, activation="relu")(x)
    return layers.Dense(64, activation="relu")(layers.Flatten()(x))


def perceptron(vector: Any) -> Any:
    x = layers.Dense(64, activation="relu")(vector)
    return layers.Dense(64, activation="relu")(x)


def temporal_convolutions(sequence: Any) -> Any:
    x = layers.Conv1D(32, 3, activation="relu")(sequence)
    x = layers.Conv1D(64, 3, strides=2, activation="relu")(x)
    return layers.GlobalAveragePooling1D()(x)


def resnet18(image: Any) -> Any:
    """ResNet-18 (He et al. 2016, Table 1) up to its pooled features."""
    x = layers.ReLU()(_convolution(image, 64, kernel_size=7, strides=2))
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for filters in (64, 128, 256, 512):
        x = _residual_block(x, filters, strides=1 if filters == 64 else 2)
        x = _residual_block(x, filters)
    return layers.GlobalAveragePooling2D()(x)


def _residual_block(x: Any, filters: int, strides: int = 1) -> Any:
    y = layers.ReLU()(_convolution(x, filters, strides=strides))
    y = _convolution(y, filters)
    if x.shape[-1] != filters:
        x = _convolution(x, filters, kernel_size=1, strides=strides)
    return layers.ReLU()(layers.Add()([x, y]))


def _convolution(
    x: Any, filters: int, kernel_size: int = 3, strides: int = 1
) -> Any:
    x = layers.Conv2D(
        filters, kernel_size, strides=strides, padding="same", use_bias=False
    )(x)
    return layers.BatchNormalization()(x)
