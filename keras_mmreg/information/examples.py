"""The examples of a batch: their number, choice and weights."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_mmreg.network import Network
from keras_mmreg.network.checks import require_float
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.types import Tensor


def float_points(
    network: Network, points: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Returns the points to which noise can be added, one or more a modality.

    Raises:
        ValueError: If a modality has only integers.
    """
    dtypes: dict[str, list] = {}
    for leaf, x in points.items():
        dtypes.setdefault(network.leaves[leaf], []).append(x.dtype)
    for name, own in dtypes.items():
        require_float(name, own)
    is_float = keras.backend.is_float_dtype
    return {
        leaf: x
        for leaf, x in points.items()
        if is_float(keras.backend.standardize_dtype(x.dtype))
    }


def choose_examples(
    inputs: Any, fraction: float, seed: keras.random.SeedGenerator | None
) -> Tensor:
    """Returns indices of a new random part of the batch, at least one."""
    batch = batch_size(inputs)
    order = ops.argsort(keras.random.uniform((batch,), seed=seed))
    if isinstance(batch, int):
        return order[: max(round(fraction * batch), 1)]
    size = ops.round(fraction * ops.cast(batch, loss_dtype()))
    return order[: ops.maximum(ops.cast(size, "int32"), 1)]


def batch_size(inputs: Any) -> int | Tensor:
    """Returns the number of examples; optional inputs may be `None`."""
    leaves = [x for x in keras.tree.flatten(inputs) if x is not None]
    return ops.shape(leaves[0])[0]


def example_weight(sample_weight: Any) -> Tensor | None:
    """Returns each example's weight, the mean over outputs and positions."""
    weights = [
        _mean_over_positions(ops.cast(weight, loss_dtype()))
        for weight in keras.tree.flatten(sample_weight)
        if weight is not None
    ]
    return sum(weights) / len(weights) if weights else None


def weights_of_classes(y: Any, class_weight: Mapping[int, float]) -> Tensor:
    """Returns each example's class weight, as `fit` computes it."""
    (labels,) = keras.tree.flatten(y)
    if len(labels.shape) > 1 and labels.shape[-1] > 1:
        labels = ops.argmax(labels, axis=-1)
    labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
    classes = ops.convert_to_tensor(list(class_weight), "int32")
    weights = ops.convert_to_tensor(list(class_weight.values()), loss_dtype())
    found = ops.cast(ops.equal(labels[:, None], classes), loss_dtype())
    return 1.0 + ops.sum(found * (weights - 1.0), axis=1)


def _mean_over_positions(x: Tensor) -> Tensor:
    axes = tuple(range(1, len(x.shape)))
    return ops.mean(x, axis=axes) if axes else x
