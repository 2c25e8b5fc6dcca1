"""A functional model as a flat list of steps, nested models unrolled.

A step is one call of a layer or operation. Tensors are named by *keys*,
integers, because a model that is called twice contributes each of its symbolic
tensors twice.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any
from typing import NamedTuple

import keras

from keras_mmreg.backend.keras_internals import all_layers
from keras_mmreg.backend.keras_internals import as_graph
from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import nodes_in_order
from keras_mmreg.types import Tensor

_ENDING_IN_ACTIVATION = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Activation,
)
_PROBABILITIES = {
    keras.activations.softmax: "softmax",
    keras.activations.sigmoid: "sigmoid",
}


class Step(NamedTuple):
    """One call: `outputs = operation(inputs)`."""

    operation: Any
    arguments: Any
    inputs: dict[int, int]
    """The key of each symbolic input, by the symbol's `id`."""
    outputs: tuple[int, ...]
    symbols: tuple[keras.KerasTensor, ...]

    def run(self, values: Mapping[int, Tensor], training: bool) -> dict:
        """Returns the step's outputs, by key."""
        feed = {symbol: values[key] for symbol, key in self.inputs.items()}
        args, kwargs = self.arguments.fill_in(feed)
        if isinstance(self.operation, keras.layers.Layer):
            kwargs["training"] = training
        results = keras.tree.flatten(self.operation(*args, **kwargs))
        return dict(zip(self.outputs, results, strict=True))


class Graph:
    """The steps of a functional or sequential model.

    Args:
        model: A model whose `call` runs its graph of layers.

    Attributes:
        steps: The steps, each after those that it depends on.
        calls: The name and the outputs of each layer and nested model called.
        symbols: The symbolic tensor of each key.
        inputs: The keys of the model's inputs, in flattened order.
        outputs: The keys of the model's outputs, in flattened order.
        masks: The keys of the padding masks that belong to a key. Keras makes
            masks separate steps, which other steps take as their `mask`.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.steps: list[Step] = []
        self.calls: list[tuple[str, list[int]]] = []
        self.symbols: dict[int, keras.KerasTensor] = {}
        self.masks: dict[int, set[int]] = {}
        self.inputs = [self._new_key(symbol) for symbol in model.inputs]
        self.outputs = self._unroll(model, self.inputs)
        self.producers = {
            key: step for step in self.steps for key in step.outputs
        }

    def ancestors(self, keys: Iterable[int]) -> set[int]:
        """Returns the given keys and those of all tensors they depend on."""
        found: set[int] = set()
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key not in found:
                found.add(key)
                step = self.producers.get(key)
                waiting += step.inputs.values() if step else ()
        return found

    def consumers(self, key: int) -> list[Step]:
        """Returns the steps that take a tensor as input."""
        return [step for step in self.steps if key in step.inputs.values()]

    def last_key_of_its_own(self, leaves: Iterable[int]) -> int | None:
        """Returns the last tensor through which some inputs must pass.

        It depends on no other input, and all paths from these inputs to the
        outputs lead through it or its padding mask. It is not an output itself.
        Returns `None` if there is no such tensor.
        """
        leaves = frozenset(leaves)
        for key, sources in reversed(self._sources().items()):
            own = sources and sources <= leaves and key not in self.outputs
            passed = [key, *self.masks.get(key, ())]
            if own and not leaves & self.reaching_outputs_without(passed):
                return key
        return None

    def preactivation(self, key: int) -> tuple[str, "_Preactivation"] | None:
        """Finds how to compute the input of a final softmax or sigmoid.

        Returns:
            The activation's name and a callable of the activations, or `None`
            if the output does not end in an activation that can be removed.
        """
        step = self.producers.get(key)
        if step is None:
            return None
        layer = step.operation
        if type(layer) is keras.layers.Softmax and layer.axis == -1:
            return "softmax", _Preactivation(step, removes=None)
        activation = getattr(layer, "activation", None)
        if type(layer) in _ENDING_IN_ACTIVATION:
            for function, name in _PROBABILITIES.items():
                if activation is function:
                    return name, _Preactivation(step, removes=layer)
        return None

    def _sources(self) -> dict[int, frozenset[int]]:
        """Maps each tensor, in step order, to the inputs it depends on."""
        sources = {key: frozenset([key]) for key in self.inputs}
        for step in self.steps:
            own = frozenset().union(*(sources[k] for k in step.inputs.values()))
            sources.update(dict.fromkeys(step.outputs, own))
        return sources

    def reaching_outputs_without(self, keys: Iterable[int]) -> set[int]:
        """Returns what the outputs depend on, without paths through `keys`."""
        avoided = set(keys)
        found = set(avoided)
        waiting = list(self.outputs)
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                step = self.producers.get(current)
                waiting += step.inputs.values() if step else ()
        return found - avoided

    def _new_key(self, symbol: keras.KerasTensor) -> int:
        key = len(self.symbols)
        self.symbols[key] = symbol
        return key

    def _unroll(self, model: keras.Model, inputs: list[int]) -> list[int]:
        """Appends the steps of a model and returns its outputs' keys."""
        keys = {
            id(symbol): key
            for symbol, key in zip(model.inputs, inputs, strict=True)
        }
        known = []
        for node in nodes_in_order(model):
            nested = as_graph(node.operation)
            arguments = [keys[id(symbol)] for symbol in node.input_tensors]
            if nested is not None and _takes_as_they_are(nested, node):
                outputs = self._unroll(nested, arguments)
            else:
                outputs = [self._new_key(symbol) for symbol in node.outputs]
                self.steps.append(
                    Step(
                        node.operation,
                        node.arguments,
                        {id(x): keys[id(x)] for x in node.input_tensors},
                        tuple(outputs),
                        tuple(node.outputs),
                    )
                )
            self.calls.append((node.operation.name, outputs))
            for symbol, key in zip(node.outputs, outputs, strict=True):
                keys[id(symbol)] = key
                known.append((key, symbol))
        for key, symbol in known:
            mask = keys.get(id(mask_of(symbol)))
            if mask is not None:
                self.masks.setdefault(key, set()).add(mask)
        return [keys[id(symbol)] for symbol in model.outputs]


class _Preactivation(NamedTuple):
    """Reruns a step without its final activation."""

    step: Step
    removes: Any

    def __call__(self, activations: Mapping[int, Tensor]) -> Tensor:
        if self.removes is None:
            (key,) = self.step.inputs.values()
            return activations[key]
        with _without_activation(self.removes):
            (value,) = self.step.run(activations, training=False).values()
        return value


@contextmanager
def _without_activation(layer: keras.layers.Layer) -> Iterator[None]:
    """Makes a layer return its pre-activation."""
    activation = layer.activation
    layer.activation = keras.activations.linear
    try:
        yield
    finally:
        layer.activation = activation


def has_mask_in_a_graph(model: keras.Model, layer: keras.layers.Layer) -> bool:
    """Returns whether a graph in a model computes a layer's mask in own steps.

    Such steps depend on the layer's input, even if its output is replaced.
    """
    graphs = [Graph(part) for part in map(as_graph, all_layers(model)) if part]
    return any(
        step.operation is layer and graph.masks.keys() & set(step.outputs)
        for graph in graphs
        for step in graph.steps
    )


def _takes_as_they_are(nested: keras.Model, node: Any) -> bool:
    """Returns whether a nested model uses its inputs exactly as received.

    Instead, it might rearrange their structure, add an axis or cast them.
    """
    args = node.arguments.args
    if len(args) != 1:
        return False
    try:
        keras.tree.assert_same_structure(args[0], nested.input)
    except ValueError:
        return False
    return len(node.input_tensors) == len(nested.inputs) and all(
        received is symbol
        and len(received.shape) == len(expected.shape)
        and dtype_of(received) == dtype_of(expected)
        for received, symbol, expected in zip(
            keras.tree.flatten(args[0]),
            node.input_tensors,
            nested.inputs,
            strict=True,
        )
    )


def dtype_of(x: Any) -> str:
    """Returns the dtype of a tensor as a string."""
    return keras.backend.standardize_dtype(x.dtype)
