"""Reruns any model as a whole, with other values at its points."""

from collections.abc import Callable
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from functools import partial
from typing import Any
from typing import NamedTuple

import keras

from keras_mmreg.backend.keras_internals import all_layers
from keras_mmreg.backend.keras_internals import graph_in
from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import standardize_inputs
from keras_mmreg.backend.keras_internals import transformed_output
from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.network import checks
from keras_mmreg.network import messages
from keras_mmreg.network.graph import has_mask_in_a_graph
from keras_mmreg.network.naming import leaf_names
from keras_mmreg.network.naming import modality_of
from keras_mmreg.network.naming import other_modalities
from keras_mmreg.network.naming import select_modalities
from keras_mmreg.network.network import Intervention
from keras_mmreg.network.network import Points
from keras_mmreg.ops.perturbation import repeat_samples
from keras_mmreg.ops.perturbation import take_examples
from keras_mmreg.types import Tensor


class Run(NamedTuple):
    """The observable activations of an opaque model."""

    inputs: Any
    points: dict[str, Tensor]
    outputs: Any


class OpaqueNetwork:
    """Reruns a subclassed model, or one with a tap outside its graph.

    Args:
        inner: The model.
        inputs: A batch of its inputs, or anything of the same structure.
        taps: Dict from modality to the name of a layer.
        modalities: Optional list of the modalities that get points.
    """

    def __init__(
        self,
        inner: keras.Model,
        inputs: Any,
        taps: Mapping[str, str],
        modalities: list[str] | None,
    ) -> None:
        self._inner = inner
        self._names = leaf_names(inner, inputs)
        self.modalities = select_modalities(self._names, modalities)
        self.others = other_modalities(self._names, self.modalities)
        self._layers = {
            name: _find_layer(inner, taps[name])
            for name in self.modalities
            if name in taps
        }
        self.leaves = {
            name: modality_of(name)
            for name in self._names
            if modality_of(name) in self.modalities
            and modality_of(name) not in self._layers
        }
        self.leaves |= {name: name for name in self._layers}
        # Without values: on JAX these belong to a single trace.
        self._input_symbols = keras.tree.map_structure(
            lambda x: (
                None if x is None else keras.KerasTensor(x.shape, x.dtype)
            ),
            self._standardize(inputs),
        )
        self._symbols = self._input_points(self._input_symbols)

    def points(self, inputs: Any) -> dict[str, Tensor]:
        """Returns the clean values at the points that are inputs."""
        return self._input_points(self._standardize(inputs))

    def run(
        self,
        inputs: Any,
        training: bool = False,
        intervene: Intervention | None = None,
    ) -> Run:
        """Returns the activations on a batch; see `Network`."""
        inputs = self._standardize(inputs)
        if not self._inner.built:  # Building may call layers once more.
            self._inner(inputs, training=False)
        points = self._input_points(inputs)
        if intervene is not None:
            points |= intervene(points)
            inputs = self._with_points(inputs, points)
        captured: dict[str, list[Tensor]] = {name: [] for name in self._layers}

        def capture(name: str, output: Tensor) -> Tensor:
            if intervene is not None:
                mask = mask_of(output)
                output = intervene({name: output})[name]
                if mask_of(output) is None:
                    output = with_mask(output, mask)
            captured[name].append(output)
            return output

        outputs = self._call(
            inputs,
            {name: partial(capture, name) for name in captured},
            training,
        )
        for name, tensors in captured.items():
            self._check_tap(name, tensors)
            points[name] = tensors[0]
        points = {name: points[name] for name in self.leaves if name in points}
        return Run(inputs, points, outputs)

    def points_of(self, activations: Run) -> dict[str, Tensor]:
        """Returns the values at the points, from the activations."""
        return dict(activations.points)

    def features_of(self, activations: Run) -> dict[str, list[Tensor]]:
        """Returns the values at each point; later tensors are unknown."""
        return {
            name: [activations.points[leaf] for leaf in self.leaves_of(name)]
            for name in self.modalities
        }

    def outputs_of(self, activations: Run) -> Any:
        """Returns the model's outputs, from the activations."""
        return activations.outputs

    def logits_of(self, activations: Run) -> list[tuple | None]:
        """Returns `None` for each output: pre-activations are unknown."""
        return [None] * len(keras.tree.flatten(activations.outputs))

    def take(self, activations: Run, indices: Tensor) -> Run:
        """Returns the activations of some of the examples."""
        return Run(
            *keras.tree.map_structure(
                lambda x: None if x is None else take_examples(x, indices),
                tuple(activations),
            )
        )

    def replace(
        self, activations: Run, values: Points, num_samples: int = 1
    ) -> Run:
        """Returns the activations for new values; see `Network`."""
        points = {
            name: repeat_samples(point, num_samples)
            for name, point in activations.points.items()
        }
        for name, value in values.items():
            value = keras.ops.cast(value, points[name].dtype)
            if mask_of(value) is None:
                value = with_mask(value, mask_of(points[name]))
            points[name] = value
        inputs = keras.tree.map_structure(
            lambda x: None if x is None else repeat_samples(x, num_samples),
            activations.inputs,
        )
        inputs = self._with_points(inputs, points)

        def overwrite(name: str, output: Tensor) -> Tensor:
            mask = mask_of(points[name])
            return with_mask(
                points[name], mask_of(output) if mask is None else mask
            )

        outputs = self._call(
            inputs,
            {name: partial(overwrite, name) for name in self._layers},
            training=False,
        )
        return Run(inputs, points, outputs)

    @property
    def symbols(self) -> dict[str, keras.KerasTensor]:
        """The symbolic tensors at the points that are inputs."""
        return dict(self._symbols)

    @property
    def feature_symbols(self) -> dict[str, list[keras.KerasTensor]]:
        """The symbolic tensors that `features_of` returns.

        Raises:
            ValueError: If a modality is tapped, since its shape is unknown.
        """
        if self._layers:
            raise ValueError(
                "The shapes of the modalities' features have to be known, but "
                "a subclassed model does not tell those at its taps, "
                f"{sorted(self._layers)}. Build the model from `keras.Input`s, "
                "leave `taps` out, or pass `gate=None` if the method has a "
                "gate."
            )
        return {
            name: [self._symbols[leaf] for leaf in self.leaves_of(name)]
            for name in self.modalities
        }

    @cached_property
    def output_symbols(self) -> Any:
        """The symbolic outputs."""
        # With an unknown number of examples, because some outputs have as many
        # entries. Not for compiled steps, where the weights have no value.
        symbols = keras.tree.map_structure(
            lambda x: (
                None
                if x is None
                else keras.KerasTensor((None, *x.shape[1:]), x.dtype)
            ),
            self._input_symbols,
        )
        return self._inner.compute_output_spec(symbols)

    def leaves_of(self, modality: str) -> list[str]:
        """Returns the leaves of a modality."""
        return [leaf for leaf, own in self.leaves.items() if own == modality]

    def modalities_at_inputs(self) -> list[str]:
        """Returns the modalities whose points are inputs."""
        return [name for name in self.modalities if name not in self._layers]

    def around(self, modality: str) -> list[str]:
        """Returns a tapped modality's inputs, unless its tap has all of it."""
        if modality not in self._layers:
            return []
        own = [name for name in self._names if modality_of(name) == modality]
        masked = has_mask_in_a_graph(self._inner, self._layers[modality])
        return own if len(own) > 1 or masked else []

    def bypassing(self, modality: str) -> list[str]:
        """Returns an empty list: such inputs cannot be detected."""
        return []

    def require_float_points(self) -> None:
        """Raises for a modality to which no noise can be added."""
        sequences = []
        for modality in self.modalities:
            points = [
                self._symbols[leaf]
                for leaf in self.leaves_of(modality)
                if leaf in self._symbols
            ]
            if points:
                checks.require_float(modality, [x.dtype for x in points])
            if any(len(point.shape) == 3 for point in points):
                sequences.append(modality)
        if sequences:
            self._require_known_padding(sequences)

    def _standardize(self, inputs: Any) -> Any:
        """Returns the inputs in the structure that their names refer to."""
        graph = graph_in(self._inner)
        if graph is None:
            given = leaf_names(self._inner, inputs)
            if given != self._names:
                raise ValueError(
                    "Data must have the inputs that the model was first called "
                    f"with, {self._names}. Received: {given}"
                )
            return inputs
        tensors = standardize_inputs(graph, inputs)
        return keras.tree.pack_sequence_as(graph.input, tensors)

    def _input_points(self, inputs: Any) -> dict[str, Tensor]:
        """Returns the points that are inputs, except omitted optional ones."""
        leaves = zip(self._names, keras.tree.flatten(inputs), strict=True)
        return {
            name: leaf
            for name, leaf in leaves
            if name in self.leaves
            and name not in self._layers
            and leaf is not None
        }

    def _with_points(self, inputs: Any, points: Points) -> Any:
        """Returns the inputs, with new values at the points among them."""
        leaves = zip(self._names, keras.tree.flatten(inputs), strict=True)
        return keras.tree.pack_sequence_as(
            inputs,
            [
                leaf if name in self._layers else points.get(name, leaf)
                for name, leaf in leaves
            ],
        )

    def _require_known_padding(self, sequences: list[str]) -> None:
        # A layer's modality is unknown, so check for any sequence.
        for layer in all_layers(self._inner, include_self=False):
            if (
                isinstance(layer, keras.layers.Masking)
                and layer not in self._layers.values()
            ):
                raise ValueError(messages.hidden_padding(sequences, layer.name))

    def _call(
        self,
        inputs: Any,
        transforms: dict[str, Callable[[Tensor], Tensor]],
        training: bool,
    ) -> Any:
        with ExitStack() as stack:
            for name, transform in transforms.items():
                stack.enter_context(
                    transformed_output(self._layers[name], transform)
                )
            return self._inner(inputs, training=training)

    def _check_tap(self, name: str, tensors: list[Tensor]) -> None:
        layer = self._layers[name].name
        if len(tensors) != 1:
            raise ValueError(
                f"`taps` names layer {layer!r} for modality {name!r}, but the "
                f"model called that layer {len(tensors)} times, and it must "
                "be exactly once. Name a layer that is called once."
            )
        if keras.tree.is_nested(tensors[0]):
            raise ValueError(messages.several_outputs(name, layer))


def _find_layer(inner: keras.Model, name: str) -> keras.layers.Layer:
    layers = {
        layer.name: layer for layer in all_layers(inner, include_self=False)
    }
    if name not in layers:
        raise ValueError(
            f"`taps` names layer {name!r}, which the model does not have. "
            f"Its layers are {sorted(layers)}."
        )
    return layers[name]
