"""Reruns an inner model from the points where its modalities were changed."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_mmreg.backend.keras_internals import as_graph
from keras_mmreg.network.functional_network import FunctionalNetwork
from keras_mmreg.network.graph import Graph
from keras_mmreg.network.naming import check_taps
from keras_mmreg.network.naming import modality_names
from keras_mmreg.network.naming import require_inputs
from keras_mmreg.network.naming import symbolic_inputs
from keras_mmreg.network.network import Network
from keras_mmreg.network.opaque_network import OpaqueNetwork

__all__ = [
    "FunctionalNetwork",
    "Network",
    "OpaqueNetwork",
    "create_network",
    "modality_names",
    "require_inputs",
    "symbolic_inputs",
]


def create_network(
    inner: keras.Model,
    inputs: Any,
    taps: Mapping[str, str] | str | None = None,
    modalities: list[str] | None = None,
) -> Network:
    """Creates the network of a model.

    Args:
        inner: A `keras.Model`.
        inputs: A batch of its inputs, or anything of the same structure.
        taps: Optional dict from modality to the name of a layer, or `"auto"`
            for the last tensor of each modality before it is merged with
            another.
        modalities: Optional list of the modalities that get points.

    Returns:
        A `FunctionalNetwork` if the model is a graph of layers that includes
        the taps, otherwise an `OpaqueNetwork`.

    Raises:
        ValueError: If a tap or a modality does not exist.
    """
    automatic = taps == "auto"
    layers = {} if isinstance(taps, str | None) else dict(taps)
    check_taps(layers, modality_names(inner, inputs))
    model = as_graph(inner)
    if model is not None:
        graph = Graph(model)
        called = {name for name, _ in graph.calls}
        if automatic or called.issuperset(layers.values()):
            return FunctionalNetwork(
                graph, "auto" if automatic else layers, modalities
            )
    if automatic:
        raise ValueError(
            "`taps='auto'` finds the points in a graph of layers, which a "
            "subclassed model does not have. Pass a dict from modality to the "
            "name of a layer, or `taps=None` for the inputs. "
            f"Received: inner of type {type(inner).__name__}"
        )
    return OpaqueNetwork(inner, inputs, layers, modalities)
