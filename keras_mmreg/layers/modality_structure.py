"""Conversion of multimodal inputs: a dict, a list or a single tensor."""

from typing import Any

from keras_mmreg.types import Tensor


def shapes_by_modality(input_shape: Any) -> dict[str, Any]:
    """Returns a dict of shapes, given a dict or list of shapes or one shape."""
    if isinstance(input_shape, dict):
        return input_shape
    shapes = [input_shape] if _is_shape(input_shape) else input_shape
    return _numbered(shapes)


def tensors_by_modality(inputs: Any) -> dict[str, Tensor]:
    """Returns a dict of tensors, given a dict or list of tensors or one."""
    if isinstance(inputs, dict):
        return inputs
    return _numbered(inputs if isinstance(inputs, (list, tuple)) else [inputs])


def in_structure_of(inputs: Any, by_modality: dict[str, Tensor]) -> Any:
    """Returns the modalities in the structure and order of `inputs`."""
    ordered = {name: by_modality[name] for name in tensors_by_modality(inputs)}
    if isinstance(inputs, dict):
        return ordered
    if isinstance(inputs, (list, tuple)):
        return list(ordered.values())
    return ordered["modality_0"]


def _is_shape(shape: Any) -> bool:
    return all(size is None or isinstance(size, int) for size in shape)


def _numbered(items: Any) -> dict[str, Any]:
    return {f"modality_{index}": item for index, item in enumerate(items)}
