"""Runs an inner model again from where its modalities were perturbed.

A network has one point for each modality: the input itself, or the output of
the layer that taps it. `run` computes the clean activations; `replace` computes
what follows from new values at some of the points. Everything runs in
inference mode: batch statistics and dropout would make f jump for reasons
other than the perturbation, and moving statistics would be updated twice.
"""

import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import ExitStack
from contextlib import contextmanager
from functools import partial
from typing import Any
from typing import NamedTuple
from typing import Protocol

import keras
from keras.src.models.functional import Functional

from keras_mmreg.ops.masking import mask_of
from keras_mmreg.ops.masking import with_mask
from keras_mmreg.ops.perturbation import repeat_samples
from keras_mmreg.ops.perturbation import take_examples
from keras_mmreg.types import Tensor

AUTOMATIC_NAME = re.compile(r"(keras_tensor|input_layer)(_\d+)?")

_INDIFFERENT_CALLS = (
    Functional.call,
    keras.Sequential.call,
    keras.layers.Dense.call,
    keras.layers.EinsumDense.call,
)
"""These take `training`, but only pass it on, or quantise weights by it."""


_PREPARATIONS = (
    keras.layers.Masking,
    keras.layers.Rescaling,
    keras.layers.Normalization,
)
_LOOKUPS = (
    keras.layers.Embedding,
    keras.layers.CategoryEncoding,
    keras.layers.IntegerLookup,
    keras.layers.Hashing,
)


class Network(Protocol):
    """What runs an inner model again; each kind has its own activations."""

    modalities: list[str]

    def points(self, inputs: Any) -> dict[str, Tensor]:
        """The clean value of each modality that needs no run of the model."""

    def run(self, inputs: Any) -> Any:
        """The clean activations."""

    def points_of(self, activations: Any) -> dict[str, Tensor]:
        """The value of each modality among the activations."""

    def outputs_of(self, activations: Any) -> Any:
        """The model's outputs among the activations."""

    def take(self, activations: Any, indices: Tensor) -> Any:
        """The activations of some of the examples."""

    def replace(
        self, activations: Any, values: dict[str, Tensor], num_samples: int = 1
    ) -> Any:
        """The activations that follow from new values at some points."""


def create_network(
    inner: keras.Model,
    inputs: Any,
    taps: Mapping[str, str] | None = None,
    modalities: list[str] | None = None,
) -> Network:
    """The network of a built model.

    Args:
        inner: A built `keras.Model`.
        inputs: A batch of its inputs, or anything of the same structure.
        taps: Optional dict from modality to the name of a layer.
        modalities: Optional list of the modalities to perturb.

    Returns:
        A `FunctionalNetwork` where the model is a graph of layers and the taps
        are among them, an `OpaqueNetwork` otherwise.

    Raises:
        ValueError: If a tap or a modality does not exist, or a modality is not
            a float tensor.
    """
    taps = dict(taps or {})
    graph = as_graph(inner)
    if graph is None:
        return OpaqueNetwork(inner, inputs, taps, modalities)
    own_layers = {layer.name for layer in graph.layers}
    if not own_layers.issuperset(taps.values()):
        return OpaqueNetwork(inner, inputs, taps, modalities)
    return FunctionalNetwork(graph, taps, modalities)


def symbolic_inputs(inner: keras.Model) -> Any:
    """The inputs of a model that knows them before it is called, or `None`."""
    graph = _graph_in(inner)
    return None if graph is None else graph.input


def trains_as_it_infers(inner: keras.Model) -> bool:
    """Whether no layer of a model behaves differently in training."""
    return not any(
        layer._call_has_training_arg
        and type(layer).call not in _INDIFFERENT_CALLS
        for layer in inner._flatten_layers()
    )


def modality_names(
    inner: keras.Model,
    inputs: Any,
    taps: Mapping[str, str] | None = None,
    modalities: list[str] | None = None,
) -> list[str]:
    """The modalities to perturb: those asked for, or every input."""
    return _select(_input_names(inner, inputs), dict(taps or {}), modalities)


class FunctionalNetwork:
    """A functional or sequential model: only what depends on a point reruns.

    Activations are a dict of tensors by the id of their symbolic tensor in the
    model's graph.
    """

    def __init__(
        self,
        graph: keras.Model,
        taps: dict[str, str],
        modalities: list[str] | None,
    ) -> None:
        self._graph = graph
        self._nodes = _nodes_in_order(graph)
        names = _input_names(graph, graph.input)
        inputs = dict(zip(names, graph.inputs, strict=True))
        self.modalities = _select(names, taps, modalities)
        self._points = {
            name: self._tapped(name, taps[name], inputs)
            if name in taps
            else self._behind_preparation(inputs[name])
            for name in self.modalities
        }
        for name, point in self._points.items():
            _require_float(name, point.dtype)
            self._require_no_lookup(name, point)
            self._require_known_padding(name, point)

    def points(self, inputs: Any) -> dict[str, Tensor]:
        """The clean value of each modality, as far as the points alone."""
        return self.points_of(self._run(inputs, self._points.values()))

    def run(self, inputs: Any) -> Mapping[int, Tensor]:
        """The clean activations."""
        return self._run(inputs, self._graph.outputs)

    def points_of(self, activations: Mapping[int, Tensor]) -> dict[str, Tensor]:
        """The value of each modality among the activations."""
        points = {
            name: activations[id(point)] for name, point in self._points.items()
        }
        # Optional inputs may be `None`.
        return {name: x for name, x in points.items() if x is not None}

    def outputs_of(self, activations: Mapping[int, Tensor]) -> Any:
        """The model's outputs among the activations."""
        return keras.tree.map_structure(
            lambda output: activations[id(output)], self._graph.output
        )

    def take(
        self, activations: Mapping[int, Tensor], indices: Tensor
    ) -> Mapping[int, Tensor]:
        """The activations of some of the examples."""
        return _Derived(activations, partial(take_examples, indices=indices))

    def replace(
        self,
        activations: Mapping[int, Tensor],
        values: dict[str, Tensor],
        num_samples: int = 1,
    ) -> Mapping[int, Tensor]:
        """The activations that follow from new values at some points.

        Args:
            activations: What `run` or `replace` returned.
            values: Dict of tensors of shape `(num_samples * batch, ...)`.
            num_samples: Integer, samples for each example. Defaults to `1`.

        Returns:
            Activations of `num_samples * batch` examples. Those that no value
            reaches are the clean ones, repeated and not computed again.
        """
        replaced = _Derived(
            activations, partial(repeat_samples, num_samples=num_samples)
        )
        changed = set()
        for name, value in values.items():
            point = self._points[name]
            mask = mask_of(replaced[id(point)])
            value = keras.ops.cast(value, activations[id(point)].dtype)
            replaced[id(point)] = with_mask(value, mask)
            changed.add(id(point))
        for node in self._nodes:
            outputs = {id(output) for output in node.outputs}
            depends = any(id(x) in changed for x in node.input_tensors)
            if depends and not outputs & changed:
                replaced.update(_call_node(node, replaced))
                changed |= outputs
        return replaced

    def _run(self, inputs: Any, targets: Any) -> Mapping[int, Tensor]:
        tensors = self._graph._standardize_inputs(inputs)
        activations = {
            id(symbol): tensor
            for symbol, tensor in zip(self._graph.inputs, tensors, strict=True)
        }
        needed = _ancestors(targets)
        for node in self._nodes:
            if id(node) in needed:
                activations.update(_call_node(node, activations))
        return activations

    def _tapped(self, name: str, layer: str, inputs: dict[str, Any]) -> Any:
        """The output of the tapping layer that depends on the modality."""
        sources = {
            id(_producer(tensor))
            for leaf, tensor in inputs.items()
            if _belongs_to(leaf, name)
        }
        nodes = [
            node
            for node in self._nodes
            if node.operation.name == layer
            and sources & _ancestors(node.outputs)
        ]
        if len(nodes) != 1:
            raise ValueError(
                f"`taps` names layer {layer!r} for modality {name!r}, but in "
                f"this model {len(nodes)} calls of that layer depend on the "
                "modality, and there must be exactly one. Name a layer that is "
                "called once on this modality."
            )
        if len(nodes[0].outputs) != 1:
            raise ValueError(_several_outputs(name, layer))
        return nodes[0].outputs[0]

    def _require_no_lookup(self, name: str, point: Any) -> None:
        """Token ids in a float tensor are still no numbers to add noise to."""
        for node in self._consumers(point):
            if isinstance(node.operation, _LOOKUPS):
                raise ValueError(
                    f"Modality {name!r} holds indices, which layer "
                    f"{node.operation.name!r} looks up. "
                    f"{_measure_elsewhere(name)}"
                )

    def _require_known_padding(self, name: str, point: Any) -> None:
        source = _producer(point)
        for node in self._nodes:
            if node is source or not _finds_padding(node.operation):
                continue
            if id(source) in _ancestors(node.outputs):
                raise ValueError(_hidden_padding(name, node.operation.name))

    def _behind_preparation(self, point: Any) -> Any:
        """Moves a point behind the layers that only prepare the data.

        Noise on padding would make it look like data to a `Masking` layer, and
        information is per squared unit, so that a model that scales its own
        inputs is measured in the units that it has chosen.
        """
        consumers = self._consumers(point)
        if len(consumers) == 1 and isinstance(
            consumers[0].operation, _PREPARATIONS
        ):
            return self._behind_preparation(consumers[0].outputs[0])
        return point

    def _consumers(self, point: Any) -> list[Any]:
        """The nodes that a tensor goes into.

        Keras adds the computation of masks, with boolean results, to the graph.
        """
        return [
            node
            for node in self._nodes
            if any(x is point for x in node.input_tensors)
            and keras.backend.standardize_dtype(node.outputs[0].dtype) != "bool"
        ]


class _Run(NamedTuple):
    inputs: Any
    points: dict[str, Tensor]
    outputs: Any


class OpaqueNetwork:
    """Any other model: it is called again as a whole."""

    def __init__(
        self,
        inner: keras.Model,
        inputs: Any,
        taps: dict[str, str],
        modalities: list[str] | None,
    ) -> None:
        self._inner = inner
        self._names = _input_names(inner, inputs)
        self.modalities = _select(self._names, taps, modalities)
        self._layers = {
            name: _find_layer(inner, taps[name])
            for name in self.modalities
            if name in taps
        }
        for name, point in self.points(inputs).items():
            _require_float(name, point.dtype)
            self._require_known_padding(name, point)

    def points(self, inputs: Any) -> dict[str, Tensor]:
        """The clean value of each modality that is an input."""
        return self._input_points(self._standardize(inputs))

    def run(self, inputs: Any) -> _Run:
        """The clean activations."""
        inputs = self._standardize(inputs)
        captured: dict[str, list[Tensor]] = {name: [] for name in self._layers}

        def capture(name: str, output: Tensor) -> Tensor:
            captured[name].append(output)
            return output

        outputs = self._call(
            inputs, {name: partial(capture, name) for name in captured}
        )
        for name, tensors in captured.items():
            self._check_tap(name, tensors)
        points = self._input_points(inputs)
        points |= {name: tensors[0] for name, tensors in captured.items()}
        points = {n: points[n] for n in self.modalities if n in points}
        return _Run(inputs, points, outputs)

    def points_of(self, activations: _Run) -> dict[str, Tensor]:
        """The value of each modality among the activations."""
        return activations.points

    def outputs_of(self, activations: _Run) -> Any:
        """The model's outputs among the activations."""
        return activations.outputs

    def take(self, activations: _Run, indices: Tensor) -> _Run:
        """The activations of some of the examples."""
        return _Run(
            *keras.tree.map_structure(
                lambda x: None if x is None else take_examples(x, indices),
                tuple(activations),
            )
        )

    def replace(
        self,
        activations: _Run,
        values: dict[str, Tensor],
        num_samples: int = 1,
    ) -> _Run:
        """The activations that follow from new values at some points.

        Args:
            activations: What `run` or `replace` returned.
            values: Dict of tensors of shape `(num_samples * batch, ...)`.
            num_samples: Integer, samples for each example. Defaults to `1`.

        Returns:
            Activations of `num_samples * batch` examples.
        """
        values = {
            name: keras.ops.cast(value, activations.points[name].dtype)
            for name, value in values.items()
        }
        points = {
            name: values.get(name, repeat_samples(point, num_samples))
            for name, point in activations.points.items()
        }
        leaves = {
            name: points[name]
            if name in points and name not in self._layers
            else None
            if leaf is None
            else repeat_samples(leaf, num_samples)
            for name, leaf in self._named_leaves(activations.inputs).items()
        }
        inputs = keras.tree.pack_sequence_as(
            activations.inputs, list(leaves.values())
        )

        def overwrite(name: str, output: Tensor) -> Tensor:
            return with_mask(points[name], mask_of(output))

        outputs = self._call(
            inputs, {name: partial(overwrite, name) for name in self._layers}
        )
        return _Run(inputs, points, outputs)

    def _standardize(self, inputs: Any) -> Any:
        """The inputs in the structure that their names belong to."""
        graph = _graph_in(self._inner)
        if graph is None:
            return inputs
        tensors = graph._standardize_inputs(inputs)
        return keras.tree.pack_sequence_as(graph.input, tensors)

    def _input_points(self, inputs: Any) -> dict[str, Tensor]:
        """The modalities that are inputs, without optional ones left out."""
        return {
            name: leaf
            for name, leaf in self._named_leaves(inputs).items()
            if name in self.modalities
            and name not in self._layers
            and leaf is not None
        }

    def _require_known_padding(self, name: str, point: Any) -> None:
        """Which modality a layer is called on does not show: any sequence."""
        for layer in self._inner._flatten_layers(include_self=False):
            if (
                isinstance(layer, keras.layers.Masking)
                and layer not in self._layers.values()
                and len(point.shape) > 2
            ):
                raise ValueError(_hidden_padding(name, layer.name))

    def _named_leaves(self, inputs: Any) -> dict[str, Any]:
        leaves = keras.tree.flatten(inputs)
        return dict(zip(self._names, leaves, strict=True))

    def _call(
        self, inputs: Any, transforms: dict[str, Callable[[Tensor], Tensor]]
    ) -> Any:
        with ExitStack() as stack:
            for name, transform in transforms.items():
                stack.enter_context(
                    _transformed_output(self._layers[name], transform)
                )
            return self._inner(inputs, training=False)

    def _check_tap(self, name: str, tensors: list[Tensor]) -> None:
        layer = self._layers[name].name
        if len(tensors) != 1:
            raise ValueError(
                f"`taps` names layer {layer!r} for modality {name!r}, but the "
                f"model called that layer {len(tensors)} times, and it must "
                "be exactly once. Name a layer that is called once."
            )
        if keras.tree.is_nested(tensors[0]):
            raise ValueError(_several_outputs(name, layer))
        _require_float(name, tensors[0].dtype)


class _Derived(dict):
    """Activations; what is missing is made from others when it is needed.

    It is not kept: JAX may ask for it in several traces.
    """

    def __init__(
        self,
        source: Mapping[int, Tensor],
        derive: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        self._source = source
        self._derive = derive

    def __missing__(self, key: int) -> Tensor | None:
        x = self._source[key]
        # Optional inputs may be `None`.
        return None if x is None else self._derive(x)


def _graph_in(inner: keras.Model) -> Functional | None:
    """The graph of layers that a model was made of, however it is called."""
    if isinstance(inner, keras.Sequential):
        return inner._functional
    return inner if isinstance(inner, Functional) else None


def as_graph(inner: keras.Model) -> Functional | None:
    """The model as a graph of layers, if calling it means running that."""
    own_call = type(inner).call not in (Functional.call, keras.Sequential.call)
    return None if own_call else _graph_in(inner)


def _nodes_in_order(graph: keras.Model) -> list[Any]:
    """The nodes of a functional model, each behind those it depends on."""
    depths = sorted(graph._nodes_by_depth, reverse=True)
    return [
        node
        for depth in depths
        for node in graph._nodes_by_depth[depth]
        if not node.is_input
    ]


def _call_node(node: Any, activations: Mapping[int, Tensor]) -> dict:
    feed = {id(x): activations[id(x)] for x in node.input_tensors}
    args, kwargs = node.arguments.fill_in(feed)
    if isinstance(node.operation, keras.layers.Layer):
        kwargs["training"] = False
    outputs = keras.tree.flatten(node.operation(*args, **kwargs))
    return {
        id(symbol): tensor
        for symbol, tensor in zip(node.outputs, outputs, strict=True)
    }


def _producer(tensor: Any) -> Any:
    operation, node_index, _ = tensor._keras_history
    return operation._inbound_nodes[node_index]


def _ancestors(tensors: Any) -> set[int]:
    """Ids of the nodes that compute the tensors."""
    found: dict[int, Any] = {}
    waiting = [_producer(tensor) for tensor in tensors]
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found[id(node)] = node
            waiting += [_producer(tensor) for tensor in node.input_tensors]
    return set(found)


@contextmanager
def _transformed_output(
    layer: keras.layers.Layer, transform: Callable[[Tensor], Tensor]
) -> Iterator[None]:
    """Sends what a layer returns through `transform` for a while."""
    call = layer.call
    layer.call = lambda *args, **kwargs: transform(call(*args, **kwargs))
    try:
        yield
    finally:
        del layer.call


def _find_layer(inner: keras.Model, name: str) -> keras.layers.Layer:
    layers = {
        layer.name: layer for layer in inner._flatten_layers(include_self=False)
    }
    if name not in layers:
        raise ValueError(
            f"`taps` names layer {name!r}, which the model does not have. "
            f"Its layers are {sorted(layers)}."
        )
    return layers[name]


def _input_names(inner: keras.Model, inputs: Any) -> list[str]:
    """The name of each input, in the order of the flattened structure.

    An input has its path in a dict, such as `"text/ids"`, or else the name it
    was given, or else its place: `"input"` if it is alone, or `"input_0"`.
    Keras's automatic names count the layers made before, so that they would
    differ from one session to the next.

    Args:
        inner: A model, whose symbolic inputs are named if it knows them.
        inputs: A batch of its inputs, which is named otherwise.
    """
    symbols = symbolic_inputs(inner)
    own_names = getattr(inner, "modalities", None)  # As a `CMVQVAE` has them.
    if own_names and isinstance(inputs, list | tuple):
        return list(own_names)
    by_path = symbols is None or isinstance(symbols, dict)
    return [
        _leaf_name(path)
        if by_path or AUTOMATIC_NAME.fullmatch(leaf.name)
        else leaf.name
        for path, leaf in keras.tree.flatten_with_path(
            inputs if symbols is None else symbols
        )
    ]


def _leaf_name(path: tuple) -> str:
    if all(isinstance(key, int) for key in path):
        return "_".join(["input", *map(str, path)])
    return "/".join(map(str, path))


def _belongs_to(leaf: str, modality: str) -> bool:
    return leaf == modality or leaf.startswith(modality + "/")


def _select(
    leaves: list[str], taps: dict[str, str], modalities: list[str] | None
) -> list[str]:
    """The modalities: inputs and taps, where a tap stands for its inputs."""
    for name in taps:
        if not any(_belongs_to(leaf, name) for leaf in leaves):
            raise ValueError(
                f"`taps` names modality {name!r}, which is no input of the "
                f"model. Its inputs are {leaves}."
            )
    names: list[str] = []
    for leaf in leaves:
        tapped = [name for name in taps if _belongs_to(leaf, name)]
        names += [name for name in tapped or [leaf] if name not in names]
    if modalities is None:
        return names
    unknown = [name for name in modalities if name not in names]
    if unknown or not modalities:
        raise ValueError(
            f"`modalities` must name at least one of {names}. "
            f"Received: modalities={modalities}"
        )
    return list(modalities)


def _several_outputs(name: str, layer: str) -> str:
    return (
        f"`taps` names layer {layer!r} for modality {name!r}, but that layer "
        "returns several tensors. Name a layer that returns one, such as a "
        "`keras.layers.Identity` behind the tensor that you mean."
    )


def _finds_padding(layer: Any) -> bool:
    """Whether a layer, or one inside of it, masks what equals a value."""
    return isinstance(layer, keras.layers.Layer) and any(
        isinstance(part, keras.layers.Masking)
        for part in layer._flatten_layers()
    )


def _hidden_padding(name: str, layer: str) -> str:
    return (
        f"Layer {layer!r} finds padding by its value, and noise on modality "
        f"{name!r} would make padding look like data. Perturb the modality "
        "behind the `keras.layers.Masking` that it goes through, with "
        f"`taps={{{name!r}: <name of the Masking layer>}}`."
    )


def _require_float(name: str, dtype: Any) -> None:
    dtype = keras.backend.standardize_dtype(dtype)
    if not keras.backend.is_float_dtype(dtype):
        raise ValueError(
            f"Modality {name!r} has dtype {dtype}, which has no gradient. "
            f"{_measure_elsewhere(name)}"
        )


def _measure_elsewhere(name: str) -> str:
    return (
        f"Measure it at a float layer, as in `taps={{{name!r}: 'embedding'}}` "
        "with the name of the layer that embeds or rescales it, or leave it "
        "out by naming the others in `modalities=[...]`."
    )
