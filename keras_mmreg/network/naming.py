"""The names of a model's modalities.

Every input tensor of a model is a *leaf*. Leaves under one key of a dict, such
as `text/ids` and `text/mask`, form one *modality*, `text`: every operation on
the modality applies to all of its leaves.
"""

import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from keras_mmreg.backend.keras_internals import graph_in

AUTOMATIC_NAME = re.compile(r"(keras_tensor|input_layer)(_\d+)?")


def symbolic_inputs(inner: keras.Model) -> Any:
    """Returns a model's symbolic inputs, or `None` if it does not have any."""
    graph = graph_in(inner)
    return None if graph is None else graph.input


def leaf_names(inner: keras.Model, inputs: Any) -> list[str]:
    """Returns each input tensor's name, in the flattened order.

    The name of a leaf is its path in a dict, such as `"text/ids"`, or else the
    name that the user gave it, or else its position: `"input"` if it is the
    only one, or `"input_0"`. Keras's automatic names are not used: they count
    the layers created before, and so differ from one session to the next.

    Args:
        inner: A model, whose symbolic inputs are named if it has them.
        inputs: A batch of the model's inputs, which is named otherwise.
    """
    own_names = getattr(inner, "_mmreg_modalities", None)  # `CMVQVAE` has them.
    if own_names and isinstance(inputs, list | tuple):
        return list(own_names)
    symbols = symbolic_inputs(inner)
    by_path = symbols is None or isinstance(symbols, dict)
    return [
        _name_of_path(path)
        if by_path or AUTOMATIC_NAME.fullmatch(leaf.name)
        else leaf.name
        for path, leaf in keras.tree.flatten_with_path(
            inputs if symbols is None else symbols
        )
    ]


def require_inputs(inner: keras.Model, inputs: Any) -> None:
    """Raises for a dict of inputs that lacks one of the model's inputs.

    Keras treats some such dicts as lists, and so would confuse the inputs.
    """
    symbols = symbolic_inputs(inner)
    if not isinstance(symbols, Mapping) or not isinstance(inputs, Mapping):
        return
    needed, given = (
        {_name_of_path(path) for path, _ in keras.tree.flatten_with_path(each)}
        for each in (symbols, inputs)
    )
    if needed - given:
        raise ValueError(
            f"`data` must have the inputs of the model, {sorted(needed)}. "
            f"Missing: {sorted(needed - given)}. Received: {sorted(given)}"
        )


def modality_of(leaf: str) -> str:
    """Returns the modality of an input tensor, its outermost key."""
    return leaf.split("/", 1)[0]


def modality_names(
    inner: keras.Model, inputs: Any, modalities: Sequence[str] | None = None
) -> list[str]:
    """Returns the selected modalities of a model, or all of them.

    Args:
        inner: A `keras.Model`.
        inputs: A batch of its inputs, or anything of the same structure.
        modalities: Optional list of names to select.

    Raises:
        ValueError: If a name in `modalities` is not the name of a modality.
    """
    leaves = leaf_names(inner, inputs)
    return select_modalities(leaves, modalities)


def select_modalities(
    leaves: Sequence[str], modalities: Sequence[str] | None = None
) -> list[str]:
    """Returns the modalities of the leaves, or only the selected ones."""
    names = list(dict.fromkeys(modality_of(leaf) for leaf in leaves))
    if modalities is None:
        return names
    unknown = [name for name in modalities if name not in names]
    if unknown or not modalities or len(set(modalities)) < len(modalities):
        raise ValueError(
            f"`modalities` must name at least one of {names}, each once. "
            f"Received: modalities={modalities}"
        )
    return list(modalities)


def other_modalities(
    leaves: Sequence[str], modalities: Sequence[str]
) -> list[str]:
    """Returns the modalities of the leaves, without the selected ones."""
    return [n for n in select_modalities(leaves) if n not in modalities]


def check_named(
    argument: str,
    value: Iterable[str],
    inner: keras.Model,
    modalities: Sequence[str],
) -> None:
    """Raises if a dict by modality has a name that the model does not have.

    Args:
        argument: The argument's name.
        value: The dict.
        inner: The model.
        modalities: The modalities that have points. A model with known inputs
            may have others.
    """
    symbols = symbolic_inputs(inner)
    if symbols is not None:
        modalities = modality_names(inner, symbols)
    unknown = sorted(set(value) - set(modalities))
    if unknown:
        raise ValueError(
            f"`{argument}` must name modalities of the model, which are "
            f"{list(modalities)}. Received: {unknown}"
        )


def check_kind_of_modalities(modalities: Any) -> None:
    """Raises unless `modalities` is a list of strings or `None`."""
    if modalities is not None and not (
        isinstance(modalities, list | tuple)
        and all(isinstance(name, str) for name in modalities)
    ):
        raise ValueError(
            "`modalities` must be a list of names, or None for all. "
            f"Received: modalities={modalities!r}"
        )


def check_taps(taps: Mapping[str, str], modalities: Sequence[str]) -> None:
    """Raises for a tap of a modality that the model does not have."""
    for name in taps:
        if name not in modalities:
            raise ValueError(
                f"`taps` names modality {name!r}, which is not an input of "
                f"the model. Its modalities are {list(modalities)}."
            )


def check_kind_of_taps(taps: Any) -> None:
    """Raises unless `taps` is a dict, `"auto"` or `None`."""
    if taps != "auto" and not isinstance(taps, Mapping | None):
        raise ValueError(
            "`taps` must be a dict from a modality to the name of a layer, "
            "such as {'text': 'embedding'}, or 'auto'. "
            f"Received: taps={taps!r}"
        )


def describe_points(taps: Mapping[str, str] | str | None, network: Any) -> str:
    """Describes where each modality is perturbed and measured."""
    if isinstance(taps, str):
        return "each modality's last tensor before it meets another"
    layers = taps or {}
    return ", ".join(
        f"{name} at layer {layers[name]!r}"
        if name in layers
        else f"{name} at the input"
        for name in (network.modalities if network else [])
    )


def _name_of_path(path: tuple) -> str:
    if all(isinstance(key, int) for key in path):
        return "_".join(["input", *map(str, path)])
    return "/".join(map(str, path))
