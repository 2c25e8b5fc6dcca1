"""The inputs of a `CMVQVAE` by modality, and the shape of the joined ones."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from keras_mmreg.models.cm_vqvae.parts import is_compatible
from keras_mmreg.network import symbolic_inputs


def by_modality(inputs: Any, modalities: Sequence[str]) -> dict[str, Any]:
    """Returns the inputs as a dict in the order of `modalities`.

    Args:
        inputs: A dict from modality to a tensor or a dict of tensors, a list
            in the order of `modalities`, or the tensor of a single modality.
        modalities: The modalities' names.
    """
    if isinstance(inputs, Mapping):
        return _ordered(inputs, modalities)
    values = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    return _named(values, modalities)


def shapes_by_modality(shapes: Any, modalities: Sequence[str]) -> dict:
    """Returns the inputs' shapes as a dict of tuples, like `by_modality`."""
    if isinstance(shapes, Mapping):
        shapes = _ordered(shapes, modalities)
    else:
        several = isinstance(shapes[0], (list, tuple))
        shapes = _named(shapes if several else [shapes], modalities)
    return {name: _as_tuples(shapes[name]) for name in shapes}


def _as_tuples(shape: Any) -> Any:
    if isinstance(shape, Mapping):
        return {name: tuple(shape[name]) for name in shape}
    return tuple(shape)


def _ordered(values: Mapping, modalities: Sequence[str]) -> dict[str, Any]:
    if set(values) != set(modalities):
        raise ValueError(
            "`inputs` must be a dict with the modalities of `encoders`, "
            f"{sorted(modalities)}. Received: {sorted(values)}"
        )
    missing = [name for name in values if values[name] is None]
    if missing:
        raise ValueError(
            "`inputs` must have data for every modality. "
            f"Received: None for {missing}"
        )
    return {name: values[name] for name in modalities}


def _named(values: Sequence, modalities: Sequence[str]) -> dict[str, Any]:
    if len(values) != len(modalities):
        remedy = "" if len(modalities) == 1 else " Pass a dict or a list."
        raise ValueError(
            f"`inputs` must have {len(modalities)} modalities, "
            f"{list(modalities)}. Received: {len(values)}.{remedy}"
        )
    return dict(zip(modalities, values, strict=True))


def create_input(name: str, shape: Any, encoder: Any) -> Any:
    """Returns a modality's `keras.Input`, or a dict of them.

    Args:
        name: The modality.
        shape: The shape of its tensor, or a dict of shapes.
        encoder: Its encoder, which knows the dtypes if it has `keras.Input`s.
    """
    symbols = symbolic_inputs(encoder)

    def create(name: str, shape: Sequence, symbol: Any) -> Any:
        dtype = getattr(symbol, "dtype", None)
        return keras.Input(shape[1:], name=name, dtype=dtype)

    if isinstance(shape, Mapping):
        known = symbols if isinstance(symbols, Mapping) else {}
        return {
            key: create(f"{name}_{key}", shape[key], known.get(key))
            for key in shape
        }
    return create(name, shape, symbols)


def joined_shape(shapes: Mapping[str, tuple], axis: int) -> tuple:
    """Returns the shape of all features, concatenated along an axis."""
    joined = list(next(iter(shapes.values())))
    for name, shape in shapes.items():
        joined[axis] = shape[axis]
        if not is_compatible(shape, joined):
            raise ValueError(
                "`fusion='concatenate'` needs features that differ in their "
                f"channels alone. Received: shapes={dict(shapes)}, {name!r} "
                "differs. Pass `fusion='none'` and a head that takes a dict."
            )
    joined[axis] = sum(shape[axis] for shape in shapes.values())
    return tuple(joined)
