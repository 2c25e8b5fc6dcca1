"""Encoders, decoders and task heads for a `CMVQVAE`.

The convolutional models have the sizes of the public VQ-VAE implementation that
the paper builds on: two strided convolutions up to 128 channels, two residual
blocks of 32 channels, and 64 channels to quantize. With
`batch_normalization=True` they are the networks of the paper's authors. For
128 x 128 faces and 256 x 256 spectrograms, these are one `image_encoder` per
modality (with `max_pooling=True` for audio), one `image_decoder` per modality
(with `num_upsamplings=3` for audio), and `task_solver`.
"""

import math
from functools import partial

import keras
from keras import layers

from keras_mmreg.checks import check_integer
from keras_mmreg.types import Tensor

# Independent of `keras.config.image_data_format()`.
_Conv2D = partial(layers.Conv2D, data_format="channels_last")
_Conv2DTranspose = partial(layers.Conv2DTranspose, data_format="channels_last")


def image_encoder(
    input_shape: tuple[int, int, int],
    channels: int = 64,
    hidden_channels: int = 128,
    num_residual_blocks: int = 2,
    residual_channels: int = 32,
    max_pooling: bool = False,
    batch_normalization: bool = False,
    name: str | None = None,
) -> keras.Model:
    """Creates a convolutional encoder of images or spectrograms.

    Args:
        input_shape: `(height, width, input channels)`. Height and width must
            be multiples of 4, or of 8 with `max_pooling=True`.
        channels: Integer D, the channels to quantize. Defaults to `64`.
        hidden_channels: Integer. Defaults to `128`.
        num_residual_blocks: Integer. Defaults to `2`.
        residual_channels: Integer. Defaults to `32`.
        max_pooling: Whether to halve height and width once more. Defaults to
            `False`.
        batch_normalization: Whether to normalize before each activation.
            Defaults to `False`.
        name: Optional string.

    Returns:
        A model from `(batch, height, width, input channels)` to
        `(batch, height / 4, width / 4, channels)`, or to an eighth of height
        and width with `max_pooling=True`.

    Raises:
        ValueError: If height or width is not a multiple of 4, or of 8 with
            `max_pooling=True`.

    Example:

    >>> encoder = image_encoder((28, 28, 1), hidden_channels=16)
    >>> encoder.output_shape
    (None, 7, 7, 64)
    """
    multiple = 8 if max_pooling else 4
    if input_shape[0] % multiple or input_shape[1] % multiple:
        raise ValueError(
            "`input_shape` must have a height and a width that are multiples "
            f"of {multiple}. Pad or crop the data. Received: {input_shape}"
        )
    normalize = batch_normalization
    inputs = keras.Input(input_shape)
    x = _Conv2D(hidden_channels // 2, 4, strides=2, padding="same")(inputs)
    x = _Conv2D(hidden_channels, 4, strides=2, padding="same")(
        _relu(x, normalize)
    )
    x = _Conv2D(hidden_channels, 3, padding="same")(_relu(x, normalize))
    if max_pooling:
        x = layers.MaxPooling2D(
            3, strides=2, padding="same", data_format="channels_last"
        )(x)
    x = _residual_stack(x, num_residual_blocks, residual_channels, normalize)
    return keras.Model(inputs, _Conv2D(channels, 1)(x), name=name)


def image_decoder(
    feature_shape: tuple[int, int, int],
    output_channels: int = 1,
    hidden_channels: int = 128,
    num_residual_blocks: int = 2,
    residual_channels: int = 32,
    num_upsamplings: int = 2,
    batch_normalization: bool = False,
    activation: str | None = None,
    name: str | None = None,
) -> keras.Model:
    """Creates a decoder that mirrors `image_encoder`.

    Args:
        feature_shape: `(height, width, channels)` of the features.
        output_channels: Integer, the channels of the image. Defaults to `1`.
        hidden_channels: Integer. Defaults to `128`.
        num_residual_blocks: Integer. Defaults to `2`.
        residual_channels: Integer. Defaults to `32`.
        num_upsamplings: Positive integer, how many times height and width are
            doubled. Use 3 with an encoder that has `max_pooling=True`.
            Defaults to `2`.
        batch_normalization: Whether to normalize before each activation.
            Defaults to `False`.
        activation: Optional activation of the output. Defaults to `None`.
        name: Optional string.

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, 4 * height, 4 * width, output_channels)`, with 2 upsamplings.

    Raises:
        ValueError: If `num_upsamplings` is not a positive integer.

    Example:

    >>> image_decoder((7, 7, 64), 3, hidden_channels=16).output_shape
    (None, 28, 28, 3)
    """
    check_integer("num_upsamplings", num_upsamplings, minimum=1)
    normalize = batch_normalization
    inputs = keras.Input(feature_shape)
    x = _Conv2D(hidden_channels, 3, padding="same")(inputs)
    x = _residual_stack(x, num_residual_blocks, residual_channels, normalize)
    for halvings in range(1, num_upsamplings):
        x = _Conv2DTranspose(
            hidden_channels // 2**halvings, 4, strides=2, padding="same"
        )(x)
        x = _relu(x, normalize)
    outputs = _Conv2DTranspose(
        output_channels, 4, strides=2, padding="same", activation=activation
    )(x)
    return keras.Model(inputs, outputs, name=name)


def classification_head(
    feature_shape: tuple[int, int, int],
    num_classes: int,
    hidden_channels: int = 128,
    num_residual_blocks: int = 2,
    residual_channels: int = 32,
    activation: str | None = "softmax",
    name: str | None = None,
) -> keras.Model:
    """Creates a head that classifies the joined features.

    Args:
        feature_shape: `(height, width, channels)` of the joined features.
        num_classes: Integer.
        hidden_channels: Integer. Defaults to `128`.
        num_residual_blocks: Integer. Defaults to `2`.
        residual_channels: Integer. Defaults to `32`.
        activation: Optional activation of the output; `None` gives logits.
            Defaults to `"softmax"`.
        name: Optional string.

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Example:

    >>> classification_head((7, 7, 128), 10).output_shape
    (None, 10)
    """
    inputs = keras.Input(feature_shape)
    x = _Conv2D(hidden_channels, 3, padding="same")(inputs)
    x = _residual_stack(x, num_residual_blocks, residual_channels, False)
    x = layers.GlobalAveragePooling2D(data_format="channels_last")(x)
    outputs = layers.Dense(num_classes, activation=activation)(x)
    return keras.Model(inputs, outputs, name=name)


def task_solver(
    feature_shape: tuple[int, int, int],
    num_classes: int,
    hidden_channels: int = 32,
    num_residual_blocks: int = 2,
    residual_channels: int = 8,
    hidden_units: int = 256,
    dropout: float = 0.5,
    batch_normalization: bool = True,
    activation: str | None = None,
    name: str | None = None,
) -> keras.Model:
    """Creates a classifier of the joined features, as in the authors' code.

    It consists of two strided convolutions, residual blocks, and two dense
    layers. It keeps the positions, which `classification_head` averages over.

    Args:
        feature_shape: `(height, width, channels)` of the joined features.
        num_classes: Integer.
        hidden_channels: Integer. Defaults to `32`.
        num_residual_blocks: Integer. Defaults to `2`.
        residual_channels: Integer. Defaults to `8`.
        hidden_units: Integer, the units of the first dense layer. Defaults to
            `256`.
        dropout: Float in [0, 1), the dropout rate before the residual blocks
            and before the last layer. Defaults to `0.5`.
        batch_normalization: Whether to normalize before each activation.
            Defaults to `True`.
        activation: Optional activation of the output; `None` gives logits.
            Defaults to `None`.
        name: Optional string.

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, num_classes)`.

    Example:

    >>> task_solver((32, 32, 128), 6).output_shape
    (None, 6)
    """
    normalize = batch_normalization
    inputs = keras.Input(feature_shape)
    x = _Conv2D(hidden_channels, 3, strides=2, padding="same")(inputs)
    x = _Conv2D(hidden_channels, 3, strides=2, padding="same")(
        _relu(x, normalize)
    )
    x = layers.Dropout(dropout)(x)
    x = _residual_stack(x, num_residual_blocks, residual_channels, normalize)
    x = layers.Dense(hidden_units)(layers.Flatten()(x))
    x = layers.Dropout(dropout)(_relu(x, normalize))
    outputs = layers.Dense(num_classes, activation=activation)(x)
    return keras.Model(inputs, outputs, name=name)


def segmentation_head(
    feature_shape: tuple[int, int, int],
    num_classes: int,
    hidden_channels: int = 128,
    num_residual_blocks: int = 2,
    residual_channels: int = 32,
    activation: str | None = "softmax",
    name: str | None = None,
) -> keras.Model:
    """Creates a head that classifies each pixel.

    Args:
        feature_shape: `(height, width, channels)` of the joined features.
        num_classes: Integer.
        hidden_channels: Integer. Defaults to `128`.
        num_residual_blocks: Integer. Defaults to `2`.
        residual_channels: Integer. Defaults to `32`.
        activation: Optional activation of the output; `None` gives logits,
            which the torch backend needs with sparse labels. Defaults to
            `"softmax"`.
        name: Optional string.

    Returns:
        A model from `(batch, height, width, channels)` to
        `(batch, 4 * height, 4 * width, num_classes)`.

    Example:

    >>> segmentation_head((7, 7, 128), 5).output_shape
    (None, 28, 28, 5)
    """
    return image_decoder(
        feature_shape,
        num_classes,
        hidden_channels=hidden_channels,
        num_residual_blocks=num_residual_blocks,
        residual_channels=residual_channels,
        activation=activation,
        name=name,
    )


def vector_encoder(
    input_shape: tuple[int, ...],
    channels: int = 64,
    hidden_units: int = 128,
    name: str | None = None,
) -> keras.Model:
    """Creates a dense encoder of vectors, or of small arrays taken as vectors.

    Each example has one feature vector. A single codebook can therefore
    distinguish at most `num_embeddings` examples; with `num_groups=G` in the
    `VectorQuantizer`, it is `num_embeddings ** G`.

    Args:
        input_shape: Tuple of integers.
        channels: Integer D, the channels to quantize. Defaults to `64`.
        hidden_units: Integer. Defaults to `128`.
        name: Optional string.

    Returns:
        A model from `(batch, *input_shape)` to `(batch, channels)`.

    Example:

    >>> vector_encoder((20,)).output_shape
    (None, 64)
    """
    inputs = keras.Input(input_shape)
    x = layers.Flatten()(inputs)
    x = layers.Dense(hidden_units, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(channels)(x), name=name)


def vector_decoder(
    feature_shape: tuple[int],
    output_shape: tuple[int, ...],
    hidden_units: int = 128,
    name: str | None = None,
) -> keras.Model:
    """Creates a decoder that mirrors `vector_encoder`.

    Args:
        feature_shape: `(channels,)` of the features.
        output_shape: Tuple of integers, the shape of an example.
        hidden_units: Integer. Defaults to `128`.
        name: Optional string.

    Returns:
        A model from `(batch, channels)` to `(batch, *output_shape)`.

    Example:

    >>> vector_decoder((64,), (4, 5)).output_shape
    (None, 4, 5)
    """
    inputs = keras.Input(feature_shape)
    x = layers.Dense(hidden_units, activation="relu")(inputs)
    x = layers.Dense(math.prod(output_shape))(x)
    return keras.Model(inputs, layers.Reshape(output_shape)(x), name=name)


def _residual_stack(
    x: Tensor, num_blocks: int, channels: int, normalize: bool
) -> Tensor:
    for _ in range(num_blocks):
        y = _Conv2D(channels, 3, padding="same", use_bias=False)(
            _relu(x, normalize)
        )
        y = _Conv2D(x.shape[-1], 1, use_bias=False)(_relu(y, normalize))
        x = layers.Add()([x, y])
    return _relu(x, normalize)


def _relu(x: Tensor, normalize: bool) -> Tensor:
    if normalize:
        # The defaults of torch, in which the authors' code is written.
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return layers.ReLU()(x)
