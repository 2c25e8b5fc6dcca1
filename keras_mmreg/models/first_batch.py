"""Building a model on the first batch of what `fit` is given."""

import types
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import keras

from keras_mmreg.backend.keras_internals import create_training_variables

_CONTAINERS = (list, tuple, Mapping, str)


def build_on_first_batch(
    model: Any, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Creates what training needs, before Keras traces it.

    A model that has no variables yet is called: within a trace nothing has a
    value, and variables may be created twice. A model on several replicas is
    left to Keras, which knows where to put them.

    Args:
        model: A `RegularizedModel`.
        arguments: Those of `fit`.

    Returns:
        The arguments, with a generator that still has its first batch.
    """
    strategy = getattr(model, "distribute_strategy", None)
    alone = getattr(strategy, "num_replicas_in_sync", 1) == 1
    if alone and not model.built:
        batch, arguments = _first_batch(arguments)
        inputs = keras.utils.unpack_x_y_sample_weight(batch)[0]
        inputs = keras.tree.map_structure(_to_tensor, inputs)
        if inputs is not None:
            # First on its own: torch makes the size of a symbolic batch up.
            model.inner(inputs)
            model(inputs)
    if model.built:
        outputs = model.network.output_symbols  # Methods ask in a trace.
        if alone and getattr(model, "optimizer", None) is not None:
            create_training_variables(model, _labels(arguments), outputs)
    return arguments


def _labels(arguments: dict[str, Any]) -> Any:
    """What has the shape of the labels, `None` where that does not show."""
    labels = arguments.get("y")
    elements = getattr(arguments.get("x"), "element_spec", None)
    if isinstance(elements, tuple) and len(elements) > 1:
        labels = elements[1]
    shape = getattr(labels, "shape", None)
    return None if getattr(shape, "rank", 0) is None else labels


def _first_batch(arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The first batch, and the arguments of `fit` that still have it.

    The batch is `(None,)` for what is left to Keras to read, or to refuse.
    """
    data = arguments.get("x")
    if isinstance(data, types.GeneratorType):
        batch = next(data, None)
        if batch is None:  # For Keras to refuse.
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
    if hasattr(x, "to_numpy"):  # Of pandas.
        x = x.to_numpy()
    return None if x is None else keras.ops.convert_to_tensor(x)


def _resumed(batch: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield batch
    # `yield from` would close what is the caller's.
    for each in rest:  # noqa: UP028
        yield each
