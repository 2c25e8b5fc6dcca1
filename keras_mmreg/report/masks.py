"""The mask of a model's output, which leaves positions out of its loss."""

from typing import Any

import keras
import numpy as np

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.report.interventions import as_tensors
from keras_mmreg.report.interventions import cut
from keras_mmreg.report.output import Output


class OutputMask(keras.Model):
    """Predicts the mask of an output, as `evaluate` applies it.

    Args:
        model: The model.
        output: The output.
    """

    def __init__(self, model: keras.Model, output: Output) -> None:
        super().__init__()
        self._model = model
        self._output = output

    def call(self, inputs: Any) -> Any:
        """Returns a boolean mask `(batch, positions)`, or `None`."""
        predictions = self._model(inputs, training=False)
        return mask_of(self._output.of(predictions, "predictions"))


def find_mask(
    model: keras.Model, x: Any, y: np.ndarray, output: Output
) -> OutputMask | None:
    """Returns the mask of an output, or `None` if it has none.

    Args:
        model: The model.
        x: Some inputs.
        y: Labels. With one label per example, there are no positions to leave
            out.
        output: The output.
    """
    if y.ndim < 2 or y[0].size < 2:
        return None
    mask = OutputMask(model, output)
    found = mask(as_tensors(cut(x, 0, 1)))
    return mask if found is not None and found.shape[1] == y.shape[1] else None


def masked(weight: Any, mask: np.ndarray) -> np.ndarray:
    """Returns sample weights with 0 at padding.

    The weights have the shape `(batch,)` or `(batch, positions)`.
    """
    mask = np.asarray(mask, "float32")
    if weight is None:
        return mask
    if weight.ndim == 1 or weight.shape[1:] == (1,):
        weight = weight.reshape(len(weight), *(1,) * (mask.ndim - 1))
    return weight * mask
