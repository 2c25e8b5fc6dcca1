"""A layer that replaces each feature vector by the nearest code."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import KeepsLossesApart
from keras_mmreg.backend.seeds import SavesSeeds
from keras_mmreg.checks import ShowsSettings
from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_integer
from keras_mmreg.checks import check_number
from keras_mmreg.checks import check_seed
from keras_mmreg.checks import get_initializer
from keras_mmreg.layers.codebook import Codebook
from keras_mmreg.ops import quantization
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.types import Tensor

_UPDATES = ("ema", "gradient")
_DISTANCES = ("euclidean", "cosine")
_GRADIENTS = ("straight_through", "rotation")
_DATA_FORMATS = ("channels_last", "channels_first")


@keras.saving.register_keras_serializable(package="keras_mmreg")
class VectorQuantizer(
    ShowsSettings, SavesSeeds, KeepsLossesApart, keras.layers.Layer
):
    """Replaces each feature vector by the nearest of a set of learned codes.

    Quantized features are countable units: how much of a modality a model
    uses becomes a number of channels instead of a matter of scale. At each
    position of the input, the vector `z` is replaced by

    `z_q = c_k` with `k = argmin_j ||z - c_j||^2`,

    where `c_j` are the codes. The gradient is copied unchanged from `z_q` to
    `z` (straight-through). The layer adds
    `commitment_cost * mean((z - sg[z_q])^2)` to the model's losses, plus
    `mean((sg[z] - z_q)^2)` with `update="gradient"`; `sg` stops the gradient.

    In training the codes follow the vectors assigned to them, by moving
    averages (`update="ema"`, which needs no learning rate) or by the optimizer
    (`update="gradient"`). Codes to which hardly any vector is assigned are
    restarted at vectors of the current batch. `trainable=False` stops both.

    Under data parallelism all replicas share their batches' statistics, and
    the codes are the same as on one device (but see `"kmeans"`). With
    `torch.distributed`, give every process the same `seed`.

    Distances are computed in float32 even under mixed precision. Padding
    (Keras masks) is quantized, but neither moves codes nor counts in the loss.

    Args:
        num_embeddings: Positive integer K, the number of codes (per group).
        commitment_cost: Non-negative float, the weight of the term that keeps
            features near their codes. Defaults to `0.25`.
        decay: Float in [0, 1), the part of the moving averages that a step
            keeps. With `update="gradient"` the averages serve only to find
            unused codes. Defaults to `0.99`.
        update: `"ema"` or `"gradient"`. Defaults to `"ema"`.
        epsilon: Small positive float, the Laplace smoothing of the counts that
            sums are divided by. The count of a code to which no vector is
            assigned falls to about `epsilon / (1 - decay)`, and the code itself
            shrinks toward 0. Defaults to `1e-5`.
        num_groups: Positive integer that divides the number of channels. Each
            group of neighboring channels gets its own codebook (product
            quantization). With one codebook, a single channel would reveal
            which code was chosen, and masking the others would remove nothing.
            Defaults to `1`.
        restart_threshold: Non-negative float. A code is restarted when its
            average count falls below this share of the mean count. `0`
            disables restarts. Defaults to `0.05`.
        codebook_initializer: `"data"` (random vectors of the first training
            batch), `"kmeans"` (the centers after ten steps of k-means on the
            first training batch, started at random vectors; on several
            replicas, on the first one's part of the batch), or a Keras
            initializer for codes of shape `(num_groups, num_embeddings,
            channels // num_groups)`. Defaults to `"data"`.
        distance: `"euclidean"`, or `"cosine"`: vectors (each group's part) and
            codes are divided by their norms, so that the nearest code is the
            one of largest cosine similarity, and the outputs have unit norm.
            Defaults to `"euclidean"`.
        gradient: How the gradient passes from codes to features:
            `"straight_through"` copies it; `"rotation"` rotates and scales it
            as the vector is rotated and scaled to its code (the rotation
            trick). Defaults to `"straight_through"`.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `"channels_last"`.
        seed: Optional integer, for the initial codes and the restarts.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor `(batch, ..., channels)`, or
            `(batch, channels, ...)` with `"channels_first"`.
        training: Whether codes are updated.
        mask: Optional boolean tensor that broadcasts against the input without
            its channels; `False` marks padding.
        return_indices: Whether to return the codes' indices too.
        at_once: Whether to compare all vectors with all codes in a single
            operation instead of chunk by chunk. This takes more memory, but
            ONNX and OpenVINO can represent it.

    Returns:
        A float tensor of the shape of `inputs`; with `return_indices=True`, a
        tuple of this tensor and integer indices `(batch, ..., num_groups)`.

    Raises:
        ValueError: If an argument is out of range, or the number of channels
            is unknown or not a multiple of `num_groups`.

    Example:

    >>> import numpy as np
    >>> quantizer = VectorQuantizer(num_embeddings=8, num_groups=2)
    >>> features = np.random.normal(size=(4, 7, 7, 6)).astype("float32")
    >>> quantized, indices = quantizer(
    ...     features, training=True, return_indices=True
    ... )
    >>> tuple(quantized.shape), tuple(indices.shape)
    ((4, 7, 7, 6), (4, 7, 7, 2))

    References:
        - van den Oord et al., Neural Discrete Representation Learning,
          NeurIPS 2017: Eqs. 1-3 and Appendix A.1.
        - Tejero-de-Pablos, Complementary-Contradictory Feature Regularization
          against Multimodal Overfitting, WACV 2024: Section 3.1 and Eq. 3.
        - Yu et al., Vector-quantized Image Modeling with Improved VQGAN, ICLR
          2022: Section 3.2, codes of unit norm.
        - Zeghidour et al., SoundStream: An End-to-End Neural Audio Codec, 2021:
          Section III.C, k-means on the first batch.
        - Fifty et al., Restructuring Vector Quantization with the Rotation
          Trick, ICLR 2025.
    """

    def __init__(
        self,
        num_embeddings: int,
        commitment_cost: float = 0.25,
        decay: float = 0.99,
        update: str = "ema",
        epsilon: float = 1e-5,
        num_groups: int = 1,
        restart_threshold: float = 0.05,
        codebook_initializer: Any = "data",
        distance: str = "euclidean",
        gradient: str = "straight_through",
        data_format: str = "channels_last",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_integer("num_embeddings", num_embeddings, minimum=1)
        check_integer("num_groups", num_groups, minimum=1)
        check_number("epsilon", epsilon, above=0)
        check_number("commitment_cost", commitment_cost, minimum=0)
        check_number("restart_threshold", restart_threshold, minimum=0)
        check_number("decay", decay, minimum=0, below=1)
        check_choice("update", update, _UPDATES)
        check_choice("distance", distance, _DISTANCES)
        check_choice("gradient", gradient, _GRADIENTS)
        check_choice("data_format", data_format, _DATA_FORMATS)
        check_seed(seed)
        if codebook_initializer not in ("data", "kmeans"):
            codebook_initializer = get_initializer(
                "codebook_initializer", codebook_initializer
            )
        self.num_embeddings = num_embeddings
        self.commitment_cost = commitment_cost
        self.decay = decay
        self.update = update
        self.epsilon = epsilon
        self.num_groups = num_groups
        self.restart_threshold = restart_threshold
        self.codebook_initializer = codebook_initializer
        self.distance = distance
        self.gradient = gradient
        self.data_format = data_format
        self.seed = seed
        self.supports_masking = True
        self.codes = Codebook(
            num_embeddings,
            num_groups,
            update,
            decay,
            epsilon,
            restart_threshold,
            codebook_initializer,
            unit_norm=distance == "cosine",
            seed=seed,
            dtype=self.state_dtype,
            name="codebook",
        )

    def build(self, input_shape: tuple) -> None:
        """Creates the codebook for the input's channels."""
        axis = -1 if self._is_channels_last else 1
        channels = input_shape[axis]
        if channels is None or channels % self.num_groups:
            raise ValueError(
                "The input's channels must be known and a multiple of "
                f"`num_groups`={self.num_groups}. Received: input_shape="
                f"{tuple(input_shape)}, with `data_format`={self.data_format!r}"
            )
        self.input_spec = keras.layers.InputSpec(
            ndim=len(input_shape), axes={axis: channels}
        )
        self.codes.build((self.num_groups, None, channels // self.num_groups))

    @property
    def state_dtype(self) -> str:
        """The dtype of codes and distances: at least float32."""
        return keras.backend.result_type(self.variable_dtype, "float32")

    @property
    def codebook(self) -> Tensor:
        """The codes, `(num_groups, num_embeddings, channels per group)`."""
        return self.codes.codes

    def call(
        self,
        inputs: Tensor,
        training: bool = False,
        mask: Tensor | None = None,
        return_indices: bool = False,
        at_once: bool = False,
    ) -> Tensor:
        """Quantizes the inputs, and updates the codes in training."""
        features = self._channels_last(ops.cast(inputs, self.state_dtype))
        vectors = self._split_groups(features)
        if self.distance == "cosine":
            vectors = quantization.unit_vectors(vectors)
        weights = self._vector_weights(features, mask)
        moves = training and self.trainable
        if moves:
            self.codes.prepare(ops.stop_gradient(vectors), weights)
        codebook = self.codebook
        indices = quantization.nearest_codes(vectors, codebook, at_once)
        codes = quantization.lookup(indices, codebook)
        loss = quantization.quantization_loss(
            vectors,
            codes,
            weights,
            self.commitment_cost,
            codebook_cost=float(self.update == "gradient"),
        )
        self.add_loss(at_least_float32(loss))
        if moves:
            self.codes.follow(ops.stop_gradient(vectors), indices, weights)
        bridge = (
            quantization.rotate_to
            if self.gradient == "rotation"
            else quantization.straight_through
        )
        quantized = self._merge_groups(
            bridge(vectors, codes), ops.shape(features)
        )
        quantized = ops.cast(
            self._channels_first(quantized), self.compute_dtype
        )
        if not return_indices:
            return quantized
        return quantized, self._merge_indices(indices, ops.shape(features))

    def lookup(self, indices: Tensor) -> Tensor:
        """Returns the features that `indices` stand for.

        Args:
            indices: Integers `(batch, ..., num_groups)`, as returned by a call
                with `return_indices=True`.

        Returns:
            A tensor `(batch, ..., channels)`, or channels first.
        """
        shape = ops.shape(indices)
        rows = ops.transpose(ops.reshape(indices, (-1, self.num_groups)))
        codes = quantization.lookup(rows, self.codebook)
        codes = ops.cast(codes, self.compute_dtype)
        return self._channels_first(self._merge_groups(codes, shape))

    def _vector_weights(self, features: Tensor, mask: Tensor | None) -> Tensor:
        """Returns one weight per vector: 1, or 0 for padding."""
        positions = ops.shape(features)[:-1]
        if mask is None:
            return ops.reshape(
                ops.ones(positions, dtype=self.state_dtype), (-1,)
            )
        return quantization.vector_weights(
            ops.cast(mask, self.state_dtype), positions
        )

    def _split_groups(self, features: Tensor) -> Tensor:
        """From `(batch, ..., channels)` to `(groups, vectors, code_dim)`."""
        code_dim = features.shape[-1] // self.num_groups
        vectors = ops.reshape(features, (-1, self.num_groups, code_dim))
        return ops.swapaxes(vectors, 0, 1)

    def _merge_groups(self, codes: Tensor, shape: tuple) -> Tensor:
        """From `(groups, vectors, code_dim)` to `(batch, ..., channels)`."""
        channels = self.num_groups * codes.shape[-1]
        merged = ops.swapaxes(codes, 0, 1)
        return ops.reshape(merged, (*shape[:-1], channels))

    def _merge_indices(self, indices: Tensor, shape: tuple) -> Tensor:
        """From `(groups, vectors)` to `(batch, ..., groups)`."""
        merged = ops.transpose(ops.cast(indices, "int32"))
        return ops.reshape(merged, (*shape[:-1], self.num_groups))

    @property
    def _is_channels_last(self) -> bool:
        return self.data_format == "channels_last"

    def _channels_last(self, x: Tensor) -> Tensor:
        return x if self._is_channels_last else ops.moveaxis(x, 1, -1)

    def _channels_first(self, x: Tensor) -> Tensor:
        return x if self._is_channels_last else ops.moveaxis(x, -1, 1)

    def compute_output_spec(
        self,
        inputs: Tensor,
        training: bool = False,
        mask: Tensor | None = None,
        return_indices: bool = False,
        at_once: bool = False,
    ) -> Any:
        """Returns the spec of the output, and of the indices on request."""
        quantized = keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
        if not return_indices:
            return quantized
        shape = list(inputs.shape)
        del shape[-1 if self._is_channels_last else 1]
        shape.append(self.num_groups)
        return quantized, keras.KerasTensor(shape, dtype="int32")

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of the quantized features, the input's shape."""
        return input_shape

    def compute_mask(self, inputs: Tensor, previous_mask: Any) -> Any:
        """Returns the input's mask, which the quantized features keep."""
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "commitment_cost": self.commitment_cost,
            "decay": self.decay,
            "update": self.update,
            "epsilon": self.epsilon,
            "num_groups": self.num_groups,
            "restart_threshold": self.restart_threshold,
            "codebook_initializer": keras.saving.serialize_keras_object(
                self.codebook_initializer
            ),
            "distance": self.distance,
            "gradient": self.gradient,
            "data_format": self.data_format,
            "seed": self.seed,
        }
