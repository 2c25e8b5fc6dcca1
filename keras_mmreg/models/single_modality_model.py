"""Builds a single-modality model from a multimodal one."""

from typing import Any

import keras

from keras_mmreg.backend.keras_internals import MERGING_OPERATIONS
from keras_mmreg.backend.keras_internals import as_graph
from keras_mmreg.backend.keras_internals import copy_layer
from keras_mmreg.backend.keras_internals import operation_behind
from keras_mmreg.checks import check_choice
from keras_mmreg.models.copy_weights import copy_weights
from keras_mmreg.network.graph import Graph
from keras_mmreg.network.graph import Step
from keras_mmreg.network.graph import dtype_of
from keras_mmreg.network.naming import leaf_names
from keras_mmreg.network.naming import modality_of

REMEDY = "Build the model of that modality by hand."


def single_modality_model(
    inner: keras.Model,
    modality: str,
    weights: str = "new",
    name: str | None = None,
) -> keras.Model:
    """Returns the same network for one modality alone, a baseline for fusion.

    The modality's own layers are copied, and so are the layers that follow. A
    `Concatenate`, `Add`, `Multiply` or another symmetric merge receives only
    the tensors that depend on the modality. The layers behind it are recreated
    for the shape that they now receive.

    Trained in the same way, these models show whether fusion beats the best
    single modality. Their `single_modality_ensemble` shows whether fusion beats
    modalities that never met in training. Most methods fail to beat the latter.

    Args:
        inner: A built functional or sequential model, trained or not.
        modality: The name of one of its modalities, see `RegularizedModel`.
        weights: The initial weights of the modality's own layers. `"new"`:
            layers with trainable weights are initialized anew, the others, such
            as a frozen backbone or an adapted `Normalization`, keep their
            weights. `"kept"`: all of them keep the weights that they have in
            `inner`; use this to fine-tune a pretrained backbone, with an
            `inner` that has not been trained on the task. Layers behind a
            merge get new weights, unless they are frozen and of the same
            shape; frozen ones of another shape are trained. Defaults to
            `"new"`.
        name: Optional string, the name of the model. Defaults to `None`, the
            name of `inner` and that of the modality.

    Returns:
        A `keras.Model`, not compiled, whose input is the part of `inner`'s
        input that belongs to the modality.

    Raises:
        ValueError: If `inner` has no such modality or is not a graph of layers,
            or if a layer is meaningless without the other modalities, such as
            cross-attention between two of them.

    Example:

    >>> import numpy as np
    >>> import keras_mmreg as mmreg
    >>> a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    >>> features = [keras.layers.Dense(4, activation="relu")(x) for x in (a, b)]
    >>> merged = keras.layers.Concatenate()(features)
    >>> outputs = keras.layers.Dense(2, activation="softmax")(merged)
    >>> inner = keras.Model({"a": a, "b": b}, outputs)
    >>> singles = {m: single_modality_model(inner, m) for m in ("a", "b")}
    >>> singles["a"].count_params()  # 3 * 4 + 4 and 4 * 2 + 2
    26
    >>> x, y = {"a": np.eye(9, 3), "b": np.eye(9, 2)}, np.arange(9) % 2
    >>> for name, single in singles.items():
    ...     single.compile("adam", "sparse_categorical_crossentropy")
    ...     history = single.fit({name: x[name]}, y, verbose=0)
    >>> inner.compile("adam", "sparse_categorical_crossentropy")
    >>> report = mmreg.modality_report(inner, (x, y), unimodal=singles)
    >>> ensemble = mmreg.models.single_modality_ensemble(singles)
    >>> ensemble.predict(x, verbose=0).shape
    (9, 2)
    """
    check_choice("weights", weights, ("new", "kept"))
    model = as_graph(inner)
    if model is None and isinstance(getattr(inner, "inner", None), keras.Model):
        raise ValueError(
            f"`inner` is a {type(inner).__name__}, which wraps the model that "
            "is meant. Pass its `inner`."
        )
    if model is None:
        raise ValueError(
            "`inner` must be a functional or sequential model: of a subclassed "
            f"one it does not show what belongs to a modality. {REMEDY} "
            f"Received: inner of type {type(inner).__name__}"
        )
    names = leaf_names(inner, model.input)
    if modality not in map(modality_of, names):
        known = list(dict.fromkeys(map(modality_of, names)))
        raise ValueError(
            f"`modality` must be one of {known}. Received: modality={modality}"
        )
    graph = Graph(model)
    values = {
        key: _like(graph.symbols[key])
        for key, name in zip(graph.inputs, names, strict=True)
        if modality_of(name) == modality
    }
    inputs = _own_structure(model.input, modality, list(values.values()))
    copy = _Copy(modality)
    for step in graph.steps:
        copy.run(step, values)
    if not values.keys() >= set(graph.outputs):
        raise ValueError(
            f"`modality` must reach every output of `inner`: {modality!r} does "
            f"not. {REMEDY}"
        )
    outputs = keras.tree.pack_sequence_as(
        model.output, [values[key] for key in graph.outputs]
    )
    name = name or f"{inner.name}_{modality}"
    single = keras.Model(inputs, outputs, name=name)
    copy.keep_weights(everywhere=weights == "kept")
    return single


class _Copy:
    """Copies the steps of a graph that one modality alone can run."""

    def __init__(self, modality: str) -> None:
        self._modality = modality
        self._copies: dict[int, tuple[Any, Any]] = {}
        self._behind_merge: set[int] = set()
        self._head: set[int] = set()

    def run(self, step: Step, values: dict[int, keras.KerasTensor]) -> None:
        """Runs a copy of a step on the known values and adds its outputs."""
        own = {
            symbol: values[key]
            for symbol, key in step.inputs.items()
            if key in values
        }
        if not own:
            return
        args = step.arguments.args
        # Keras computes the masks of the remaining tensors by itself.
        kwargs = {
            name: value
            for name, value in step.arguments.kwargs.items()
            if not name.endswith("mask") or _is_known(value, own)
        }
        merged = self._behind_merge.intersection(step.inputs.values())
        if _is_known((args, kwargs), own):
            args, kwargs = keras.tree.map_structure(
                lambda x: own.get(id(x), x), (args, kwargs)
            )
            outputs = self._call(step, args, kwargs)
        elif isinstance(step.operation, MERGING_OPERATIONS):
            merged = {*step.inputs}
            left = list(own.values())
            outputs = (
                left[0] if len(left) == 1 else self._call(step, (left,), {})
            )
        elif dtype_of(step.symbols[0]) == "bool":
            return
        else:
            raise ValueError(
                f"`inner` combines modality {self._modality!r} with others in "
                f"layer {step.operation.name!r}, a "
                f"{type(step.operation).__name__}, which has no meaning for "
                f"one alone. {REMEDY}"
            )
        flat = keras.tree.flatten(outputs)
        values.update(zip(step.outputs, flat, strict=True))
        if merged:
            self._behind_merge.update(step.outputs)
            self._head.add(id(step.operation))

    def keep_weights(self, everywhere: bool) -> None:
        """Copies weights from the modality's own layers to their copies.

        Frozen layers behind the merge keep theirs, too, where they fit.
        """
        for operation, copy in self._copies.values():
            if not isinstance(operation, keras.layers.Layer):
                continue
            frozen = not operation.trainable_weights
            own = id(operation) not in self._head
            if frozen and not own and not _fits(operation, copy):
                copy.trainable = True  # New weights have to be learned.
            elif frozen or (everywhere and own):
                copy_weights(operation, copy)

    def _new_name(self, name: str) -> str | None:
        """Returns another name if a layer of a nested model has this one."""
        used = {copy.name for _, copy in self._copies.values()}
        if name not in used:
            return None
        others = (f"{name}_{number}" for number in range(1, len(used) + 1))
        return next(other for other in others if other not in used)

    def _call(self, step: Step, args: Any, kwargs: Any) -> Any:
        operation = step.operation
        if id(operation) not in self._copies:
            try:
                copy = copy_layer(operation, self._new_name(operation.name))
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"Layer {operation.name!r} of `inner` cannot be made anew "
                    f"from its `get_config`. {REMEDY}"
                ) from error
            self._copies[id(operation)] = operation, copy
        try:
            return self._copies[id(operation)][1](*args, **kwargs)
        except ValueError as error:
            raise ValueError(
                f"Layer {operation.name!r} of `inner` does not take what is "
                f"left for modality {self._modality!r} alone. {REMEDY}"
            ) from error


def _fits(layer: keras.layers.Layer, copy: keras.layers.Layer) -> bool:
    """Returns whether a copy has weights of the same shapes."""
    shapes = [[w.shape for w in each.weights] for each in (layer, copy)]
    return shapes[0] == shapes[1]


def _is_known(arguments: Any, own: dict[int, Any]) -> bool:
    """Returns whether all symbolic tensors in the arguments have a value."""
    return all(
        id(x) in own
        for x in keras.tree.flatten(arguments)
        if isinstance(x, keras.KerasTensor)
    )


def _like(symbol: keras.KerasTensor) -> keras.KerasTensor:
    """Returns a new input like the given symbolic tensor."""
    return keras.Input(
        batch_shape=symbol.shape,
        dtype=dtype_of(symbol),
        name=symbol.name,
        sparse=symbol.sparse,
        optional=getattr(operation_behind(symbol), "optional", False),
    )


def _own_structure(
    structure: Any, modality: str, own: list[keras.KerasTensor]
) -> Any:
    """Returns a modality's part of the input structure, with new tensors."""
    if isinstance(structure, dict):
        part = {
            name: value
            for name, value in structure.items()
            if modality_of(name) == modality
        }
        return keras.tree.pack_sequence_as(part, own)
    return own[0] if len(own) == 1 else own
