"""Encoders and heads that problems share: small ones, for quick runs."""

from collections.abc import Callable
from typing import Any

from keras import layers

# In a reshape the batch has to be left out of the count.
POSITIONS, CHANNELS = 4, 32

Net = Callable[[Any], Any]


def identity(x: Any) -> Any:
    """A modality that reaches the fusion as it is."""
    return x


def vector(name: str, units: int = 32, hidden: int = 64) -> Net:
    """Of numbers: two dense layers."""

    def encode(x: Any) -> Any:
        x = layers.Dense(hidden, activation="relu")(x)
        return layers.Dense(units, name=f"{name}_features")(x)

    return encode


def image(name: str, units: int = 64) -> Net:
    """Of an image of 28 x 28: two convolutions and a dense layer."""

    def encode(x: Any) -> Any:
        for filters in (16, 32):
            x = layers.Conv2D(filters, 3, strides=2, activation="relu")(x)
        x = layers.Flatten()(x)
        return layers.Dense(units, activation="relu", name=f"{name}_features")(
            x
        )

    return encode


def patches(name: str) -> Net:
    """Of an image or a spectrogram: to four vectors of 32 channels."""

    def encode(x: Any) -> Any:
        x = layers.Conv2D(16, 4, strides=4, activation="relu")(x)
        x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(
            x
        )
        x = layers.Dense(POSITIONS * CHANNELS)(layers.Flatten()(x))
        shape = (POSITIONS, CHANNELS)
        return layers.Reshape(shape, name=f"{name}_features")(x)

    return encode


def sequence(name: str, units: int = 64, filters: int = 32) -> Net:
    """Of a time series: two convolutions over time, and the mean."""

    def encode(x: Any) -> Any:
        if len(x.shape) == 4:  # Joints x coordinates at every moment.
            x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
        for kernel in (5, 5):
            x = layers.Conv1D(
                filters, kernel, strides=2, padding="same", activation="relu"
            )(x)
        x = layers.Flatten()(x)
        return layers.Dense(units, activation="relu", name=f"{name}_features")(
            x
        )

    return encode


def words(name: str, vocabulary: int, units: int = 32) -> Net:
    """Of token ids, 0 where there is none: the mean of their embeddings."""

    def encode(x: Any) -> Any:
        x = layers.Embedding(
            vocabulary, units, mask_zero=True, name=f"{name}_embedding"
        )(x)
        x = layers.GlobalAveragePooling1D()(x)
        return layers.Dense(units, activation="relu", name=f"{name}_features")(
            x
        )

    return encode


def head(num_classes: int, hidden: int = 0) -> Net:
    """To logits, through a hidden layer if it has units."""

    def classify(x: Any) -> Any:
        if len(x.shape) > 2:
            x = layers.Flatten()(x)
        if hidden:
            x = layers.Dense(hidden, activation="relu")(x)
        return layers.Dense(num_classes, name="logits")(x)

    return classify
