"""A layer that replaces a missing modality by a learned token."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.checks import get_initializer
from keras_mmreg.ops.perturbation import align_mask
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class MissingModality(keras.layers.Layer):
    """Replaces a modality by a learned token in examples that lack it.

    An example lacks the modality if its flag says so, or, without flags, if all
    its values are NaN. Other NaN values become 0. Neither the output nor the
    gradient of the token or of `inputs` is NaN, not even for a batch that lacks
    the modality altogether.

    Put the layer directly behind the modality's input. At the end of the
    modality's encoder it needs a flag, and the encoder's input must be finite
    (for example, zeros where the modality is missing): the gradient of a
    layer's kernel is a product with the layer's input, and NaN times a gradient
    of 0 is NaN. If the data contain NaN, put a second `MissingModality` in
    front of the encoder.

    `ModalityDropout(value={"audio": "nan"})` makes examples lack `audio` in
    training, so that the token can be learned even from complete data.

    Args:
        initializer: The token's initializer. Defaults to `"zeros"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor of shape `(batch, ...)`.
        present: Optional tensor of shape `(batch,)` or `(batch, 1)`, 0 or
            `False` where an example lacks the modality.

    Returns:
        A tensor like `inputs`.

    Raises:
        ValueError: If the size of the last axis is unknown.

    Example:

    >>> import numpy as np
    >>> layer = MissingModality(initializer="ones")
    >>> x = np.array([[0.5, 2.0], [np.nan, np.nan]], "float32")
    >>> keras.ops.convert_to_numpy(layer(x)).tolist()
    [[0.5, 2.0], [1.0, 1.0]]
    """

    def __init__(self, initializer: Any = "zeros", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initializer = get_initializer("initializer", initializer)
        self.supports_masking = True

    def build(self, inputs_shape: tuple, present_shape: Any = None) -> None:
        """Creates the token, which broadcasts along axes of unknown size."""
        if len(inputs_shape) < 2 or inputs_shape[-1] is None:
            raise ValueError(
                "`inputs` must have a last axis that is known. "
                f"Received: inputs_shape={tuple(inputs_shape)}"
            )
        self.token = self.add_weight(
            name="token",
            # Along an axis of varying length the token is the same everywhere.
            shape=tuple(1 if n is None else n for n in inputs_shape[1:]),
            initializer=self.initializer,
        )

    def call(self, inputs: Tensor, present: Tensor | None = None) -> Tensor:
        """Puts the token where the modality is missing."""
        missing_value = ops.isnan(inputs)
        if present is None:
            axes = tuple(range(1, len(inputs.shape)))
            present = ops.logical_not(ops.all(missing_value, axis=axes))
        present = ops.reshape(ops.cast(present, "float32"), (-1,))
        known = ops.where(missing_value, ops.zeros_like(inputs), inputs)
        token = ops.cast(self.token, inputs.dtype)
        keep = align_mask(present, inputs) > 0
        return with_mask(ops.where(keep, known, token), mask_of(inputs))

    def compute_output_shape(
        self, inputs_shape: tuple, present_shape: Any = None
    ) -> tuple:
        """Returns the shape of the input."""
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "initializer": keras.initializers.serialize(self.initializer),
        }
