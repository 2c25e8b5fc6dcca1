"""Finds padding in the inputs, from the layers that mask it."""

from typing import Any

import keras
import numpy as np

from keras_mmreg.backend.keras_internals import as_graph
from keras_mmreg.models.unwrap import unwrap
from keras_mmreg.network.graph import Graph


def padding_values(model: keras.Model, x: Any) -> dict[int, float]:
    """Returns the padding value of each input that a `Masking` layer masks.

    Args:
        model: The model. In a subclassed model, such inputs are not found.
        x: Inputs, or a batch of them.

    Returns:
        Dict from indices into `keras.tree.flatten(x)` to `mask_value`.
    """
    graph_model = as_graph(unwrap(model))
    if graph_model is None:
        return {}
    graph = Graph(graph_model)
    if len(keras.tree.flatten(x)) != len(graph.inputs):
        return {}
    return {
        index: step.operation.mask_value
        for index, key in enumerate(graph.inputs)
        for step in graph.consumers(key)
        if isinstance(step.operation, keras.layers.Masking)
    }


def is_padding(x: np.ndarray, value: float | None) -> Any:
    """Returns which steps are padding, with a last axis; `False` for none."""
    if value is None:
        return False
    return np.all(x == value, axis=-1, keepdims=True)
