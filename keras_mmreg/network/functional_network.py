"""Reruns a functional model from the points where modalities were changed."""

from collections.abc import Iterable
from collections.abc import Mapping
from functools import cached_property
from functools import partial
from typing import Any

import keras

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import standardize_inputs
from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.network import checks
from keras_mmreg.network import messages
from keras_mmreg.network.activations import Activations
from keras_mmreg.network.activations import Derived
from keras_mmreg.network.activations import kept_masks
from keras_mmreg.network.graph import Graph
from keras_mmreg.network.naming import leaf_names
from keras_mmreg.network.naming import modality_of
from keras_mmreg.network.naming import other_modalities
from keras_mmreg.network.naming import select_modalities
from keras_mmreg.network.network import Intervention
from keras_mmreg.network.network import Points
from keras_mmreg.ops.perturbation import repeat_samples
from keras_mmreg.ops.perturbation import take_examples
from keras_mmreg.types import Tensor

_PREPARATIONS = (
    keras.layers.Masking,
    keras.layers.Rescaling,
    keras.layers.Normalization,
)


_OF_A_SHAPE = ("OnesLike", "ZerosLike")  # For example, to make positions.


class FunctionalNetwork:
    """Reruns only those parts of a functional model that depend on a point.

    Activations are a dict of tensors by their key in the model's `Graph`.

    Args:
        graph: The model's graph.
        taps: Dict from modality to the name of a layer, or `"auto"`.
        modalities: Optional list of the modalities that get points.
    """

    def __init__(
        self,
        graph: Graph,
        taps: Mapping[str, str] | str,
        modalities: list[str] | None,
    ) -> None:
        self._graph = graph
        self._model = graph.model
        names = leaf_names(self._model, self._model.input)
        self.modalities = select_modalities(names, modalities)
        self.others = other_modalities(names, self.modalities)
        self._points: dict[str, int] = {}
        self.leaves: dict[str, str] = {}
        self._inputs = {
            modality: {
                name: key
                for name, key in zip(names, graph.inputs, strict=True)
                if modality_of(name) == modality
            }
            for modality in self.modalities
        }
        self._at_inputs: list[str] = []
        for modality, inputs in self._inputs.items():
            points = self._tapped_points(modality, inputs, taps)
            if points is None:
                self._at_inputs.append(modality)
                points = {
                    name: self._behind_preparation(key)
                    for name, key in inputs.items()
                }
            self._points |= points
            self.leaves |= dict.fromkeys(points, modality)
        self._needed_for_points = graph.ancestors(self._points.values())
        self._needed_for_outputs = graph.ancestors(graph.outputs)

    def points(self, inputs: Any) -> dict[str, Tensor]:
        """Returns the clean values at the points; runs nothing behind them."""
        return self.points_of(
            self._computed(self._fed(inputs), self._needed_for_points, False)
        )

    def run(
        self,
        inputs: Any,
        training: bool = False,
        intervene: Intervention | None = None,
    ) -> Activations:
        """Returns all activations on a batch; see `Network`."""
        activations = self._fed(inputs)
        if intervene is None:
            return self._computed(
                activations, self._needed_for_outputs, training
            )
        activations = self._computed(
            activations, self._needed_for_points, training
        )
        values = intervene(self.points_of(activations))
        return self._continued(
            activations, values, activations, training, self._needed_for_outputs
        )

    def points_of(self, activations: Activations) -> dict[str, Tensor]:
        """Returns the values at the points, from the activations."""
        points = {name: activations[key] for name, key in self._points.items()}
        # Optional inputs may be `None`.
        return {name: x for name, x in points.items() if x is not None}

    def features_of(self, activations: Activations) -> dict[str, list[Tensor]]:
        """Returns each modality's last tensor before it meets another."""
        return {
            name: [activations[key] for key in keys]
            for name, keys in self._features.items()
        }

    def outputs_of(self, activations: Activations) -> Any:
        """Returns the model's outputs, from the activations."""
        return keras.tree.pack_sequence_as(
            self._model.output,
            [activations[key] for key in self._graph.outputs],
        )

    def logits_of(self, activations: Activations) -> list[tuple | None]:
        """Returns the input of each output's last softmax or sigmoid."""
        logits: list[tuple | None] = []
        for key in self._graph.outputs:
            found = self._graph.preactivation(key)
            logits.append(found and (found[0], found[1](activations)))
        return logits

    def take(self, activations: Activations, indices: Tensor) -> Activations:
        """Returns the activations of some of the examples."""
        return Derived(activations, partial(take_examples, indices=indices))

    def replace(
        self,
        activations: Activations,
        values: Points,
        num_samples: int = 1,
    ) -> Activations:
        """Returns the activations for new values; see `Network`.

        Activations that do not depend on a new value are the clean ones,
        repeated and not recomputed.
        """
        replaced = Derived(
            activations, partial(repeat_samples, num_samples=num_samples)
        )
        return self._continued(replaced, values, activations, False, set())

    @property
    def symbols(self) -> dict[str, keras.KerasTensor]:
        """The symbolic tensors at the points."""
        return {n: self._graph.symbols[key] for n, key in self._points.items()}

    @property
    def feature_symbols(self) -> dict[str, list[keras.KerasTensor]]:
        """The symbolic tensors that `features_of` returns."""
        return {
            name: [self._graph.symbols[key] for key in keys]
            for name, keys in self._features.items()
        }

    @property
    def output_symbols(self) -> Any:
        """The symbolic outputs."""
        return self._model.output

    def leaves_of(self, modality: str) -> list[str]:
        """Returns the leaves of a modality."""
        return [leaf for leaf, own in self.leaves.items() if own == modality]

    def modalities_at_inputs(self) -> list[str]:
        """Returns the modalities at their inputs, or only preprocessed ones."""
        return list(self._at_inputs)

    def around(self, modality: str) -> list[str]:
        """Returns a modality's inputs that reach the outputs past its point."""
        if modality in self._at_inputs:
            return []
        (leaf,) = self.leaves_of(modality)
        found = self._reaching_outputs_around(self._points[leaf])
        inputs = self._inputs[modality]
        return [name for name, key in inputs.items() if key in found]

    def bypassing(self, modality: str) -> list[str]:
        """Returns a modality's inputs that only partly go through its point."""
        if modality in self._at_inputs:
            return []
        (leaf,) = self.leaves_of(modality)
        point = self._points[leaf]
        tell_where = {
            key
            for step in self._graph.steps
            for key, symbol in zip(step.outputs, step.symbols, strict=True)
            if keras.backend.standardize_dtype(symbol.dtype) == "bool"
            or type(step.operation).__name__ in _OF_A_SHAPE
        }
        through = self._graph.ancestors([point])
        found = through & self._reaching_outputs_around(point, tell_where)
        return [n for n, key in self._inputs[modality].items() if key in found]

    def require_float_points(self) -> None:
        """Raises for a modality to which no noise can be added."""
        for modality in self.modalities:
            keys = [self._points[leaf] for leaf in self.leaves_of(modality)]
            symbols = [self._graph.symbols[key] for key in keys]
            checks.require_float(modality, [x.dtype for x in symbols])
            for key in keys:
                self._require_no_lookup(modality, key)
                self._require_known_padding(modality, key)

    def _fed(self, inputs: Any) -> dict[int, Tensor]:
        tensors = standardize_inputs(self._model, inputs)
        return dict(zip(self._graph.inputs, tensors, strict=True))

    def _computed(
        self,
        activations: dict[int, Tensor],
        needed: set[int],
        training: bool,
    ) -> dict[int, Tensor]:
        """Computes the needed tensors that are missing, and adds them."""
        with kept_masks(activations) as run:
            for step in self._graph.steps:
                missing = needed.intersection(step.outputs) - activations.keys()
                if missing:
                    run(step, training)
        return activations

    def _continued(
        self,
        activations: dict[int, Tensor],
        values: Points,
        origin: Activations,
        training: bool,
        needed: set[int],
    ) -> dict[int, Tensor]:
        """Puts values at their points and computes the tensors behind them.

        Other tensors that are needed are computed if they are missing.
        """
        changed = set()
        for name, value in values.items():
            key = self._points[name]
            old = origin[key]
            value = keras.ops.cast(value, old.dtype)
            mask, known = mask_of(value), mask_of(activations[key])
            if mask is None:
                value = with_mask(value, known)
            elif mask is not known:  # Later steps take it from the graph.
                masks = self._graph.masks.get(key, set())
                activations.update(dict.fromkeys(masks, mask))
                changed.update(masks)
            activations[key] = value
            changed.add(key)
        with kept_masks(activations) as run:
            for step in self._graph.steps:
                if changed.intersection(step.outputs):
                    continue  # A point behind another one keeps its value.
                depends = changed.intersection(step.inputs.values())
                missing = needed.intersection(step.outputs) - activations.keys()
                if depends or missing:
                    run(step, training)
                if depends:
                    changed.update(step.outputs)
        return activations

    @cached_property
    def _features(self) -> dict[str, list[int]]:
        """Returns the keys of each modality's features; see `features_of`."""
        features = {}
        for modality, inputs in self._inputs.items():
            last = self._graph.last_key_of_its_own(inputs.values())
            points = [self._points[leaf] for leaf in self.leaves_of(modality)]
            features[modality] = points if last is None else [last]
        return features

    def _tapped_points(
        self,
        modality: str,
        inputs: dict[str, int],
        taps: Mapping[str, str] | str,
    ) -> dict[str, int] | None:
        """Returns a tapped modality's point, or `None` if it has no tap."""
        if isinstance(taps, Mapping):
            if modality not in taps:
                return None
            return {modality: self._tapped(modality, taps[modality], inputs)}
        key = self._graph.last_key_of_its_own(inputs.values())
        if key is None or key in inputs.values():
            return None
        return {modality: key}

    def _tapped(self, name: str, layer: str, inputs: dict[str, int]) -> int:
        """Returns the tapped layer's output that depends on the modality."""
        sources = set(inputs.values())
        calls = [
            outputs
            for called, outputs in self._graph.calls
            if called == layer and sources & self._graph.ancestors(outputs)
        ]
        if len(calls) != 1:
            raise ValueError(
                f"`taps` names layer {layer!r} for modality {name!r}, but in "
                f"this model {len(calls)} calls of that layer depend on the "
                "modality, and there must be exactly one. Name a layer that is "
                "called once on this modality."
            )
        if len(calls[0]) != 1:
            raise ValueError(messages.several_outputs(name, layer))
        before = self._graph.ancestors(calls[0])
        for other, keys in self._inputs.items():
            if other != name and before.intersection(keys.values()):
                raise ValueError(messages.joined_output(name, layer, other))
        return calls[0][0]

    def _require_no_lookup(self, name: str, key: int) -> None:
        """Rejects token ids in float tensors, which noise would not fit."""
        for step in self._graph.consumers(key):
            if isinstance(step.operation, checks.LOOKUPS):
                raise ValueError(
                    f"Modality {name!r} holds indices, which layer "
                    f"{step.operation.name!r} looks up. "
                    f"{messages.measure_elsewhere(name)}"
                )

    def _require_known_padding(self, name: str, key: int) -> None:
        behind = {key}
        for step in self._graph.steps:
            if not behind.intersection(step.inputs.values()):
                continue
            behind.update(step.outputs)
            if checks.finds_padding(step.operation):
                raise ValueError(
                    messages.hidden_padding([name], step.operation.name)
                )

    def _behind_preparation(self, key: int) -> int:
        """Moves a point behind the layers that only preprocess the data.

        Noise on padding would make it look like data to a `Masking` layer, and
        a model that rescales its inputs is measured at the scale that it uses.
        """
        for step in self._graph.consumers(key):
            if isinstance(step.operation, _PREPARATIONS):
                (prepared,) = step.outputs
                if key not in self._reaching_outputs_around(prepared):
                    return self._behind_preparation(prepared)
        return key

    def _reaching_outputs_around(
        self, point: int, avoided: Iterable[int] = ()
    ) -> set[int]:
        """Returns what the outputs depend on besides a point and its mask."""
        masks = self._graph.masks.get(point, set())
        return self._graph.reaching_outputs_without({point, *masks, *avoided})
