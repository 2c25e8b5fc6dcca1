"""Builds a model on the first batch of the data that `fit` is given."""

import types
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import keras

_CONTAINERS = (list, tuple, Mapping, str)


def build_on_first_batch(
    model: Any, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Calls a model that is not built on the first batch.

    Within a trace, in which Keras builds models, nothing has a value. A model
    on several replicas is left to Keras, which knows where to place variables.

    Args:
        model: A `RegularizedModel`.
        arguments: The arguments of `fit`, or of another method: `x`.

    Returns:
        These arguments. If the data are a generator, it still yields
        the first batch.
    """
    strategy = getattr(model, "distribute_strategy", None)
    alone = getattr(strategy, "num_replicas_in_sync", 1) == 1
    if alone and not model.built:
        batch, arguments = _first_batch(arguments)
        inputs = keras.utils.unpack_x_y_sample_weight(batch)[0]
        inputs = keras.tree.map_structure(_to_tensor, inputs)
        if inputs is not None:
            # `inner` first, since torch makes up the size of a symbolic batch.
            model.inner(inputs)
            model(inputs)
    if model.built:
        model.known_outputs()  # In a trace it would be too late.
    return arguments


def _first_batch(arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Returns the first batch, and arguments of `fit` that still contain it.

    The batch is `(None,)` for data that Keras is left to read or to reject.
    """
    data = arguments.get("x")
    if isinstance(data, types.GeneratorType):
        batch = next(data, None)
        if batch is None:  # Keras rejects an empty generator.
            return (None,), arguments
        return batch, {**arguments, "x": _resumed(batch, data)}
    if isinstance(data, keras.utils.PyDataset):
        return data[0], arguments
    if _is_arrays(data):
        size = arguments.get("batch_size") or 32
        rows = keras.tree.map_structure(
            lambda x: None if x is None else x[:size], data
        )
        return (rows,), arguments
    if isinstance(data, Iterable) and not isinstance(data, _CONTAINERS):
        return next(iter(data), (None,)), arguments
    return (None,), arguments


def _is_arrays(data: Any) -> bool:
    leaves = [x for x in keras.tree.flatten(data) if x is not None]
    return bool(leaves) and all(hasattr(x, "shape") for x in leaves)


def _to_tensor(x: Any) -> Any:
    if hasattr(x, "to_numpy"):  # A pandas object.
        x = x.to_numpy()
    return None if x is None else keras.ops.convert_to_tensor(x)


def _resumed(batch: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield batch
    # `yield from` would close the caller's iterator.
    for each in rest:  # noqa: UP028
        yield each
