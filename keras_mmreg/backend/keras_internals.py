"""The seam between the package and the parts of Keras that are not public.

Only this file imports `keras.src` or reads an underscore attribute of a Keras
object, so that a new version of Keras can break nothing elsewhere.
"""

import weakref
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.backend.common.masking import get_keras_mask
from keras.src.backend.common.masking import set_keras_mask
from keras.src.backend.common.stateless_scope import get_stateless_scope
from keras.src.models.functional import Functional
from keras.src.ops import numpy as operations
from keras.src.saving.serialization_lib import SafeModeScope
from keras.src.trainers.compile_utils import CompileLoss

from keras_mmreg import backend
from keras_mmreg.types import Tensor

GRAPH_CALLS = (Functional.call, keras.Sequential.call)
"""The `call` methods of models that only run their graph of layers."""

MERGING_OPERATIONS = (
    keras.layers.Add,
    keras.layers.Average,
    keras.layers.Concatenate,
    keras.layers.Maximum,
    keras.layers.Minimum,
    keras.layers.Multiply,
    operations.Add,
    operations.Concatenate,
    operations.Maximum,
    operations.Minimum,
    operations.Multiply,
)
"""Merges that treat all tensors alike, and make sense for fewer of them."""


def mask_of(x: Tensor) -> Tensor | None:
    """Returns the padding mask that Keras attached to a tensor, or `None`."""
    return get_keras_mask(x)


def with_mask(x: Tensor, mask: Tensor | None) -> Tensor:
    """Attaches a padding mask to a tensor, unless it is `None`."""
    if mask is not None:
        set_keras_mask(x, mask)
    return x


def surrounding_updates() -> Mapping:
    """Returns the variable updates that a surrounding stateless scope holds."""
    scope = get_stateless_scope()
    return {} if scope is None else scope.state_mapping


def value_of(variable: keras.Variable) -> Tensor | None:
    """Returns a variable's value, or `None` if Keras has taken it out."""
    return variable._value


def restore_value(variable: keras.Variable, value: Tensor) -> None:
    """Puts a value back into a variable from which Keras has taken it."""
    variable._value = value


def all_layers(
    layer: keras.layers.Layer, include_self: bool = True
) -> list[keras.layers.Layer]:
    """Returns a layer and all layers inside it, however deeply nested."""
    return list(layer._flatten_layers(include_self=include_self))


def copy_layer(layer: Any, name: str | None = None) -> Any:
    """Creates a layer or operation with the same configuration, except name.

    Keras treats every configuration as one from a file: it rejects lambdas, and
    runs those that it admits without the names of their module. The functions
    of a layer in memory need no serialization.
    """
    own = {} if name is None else {"name": name}
    if type(layer) is keras.layers.Lambda:
        return keras.layers.Lambda(
            layer.function,
            layer._output_shape,
            layer.mask,
            layer.arguments,
            **{**keras.layers.Layer.get_config(layer), **own},
        )
    with SafeModeScope(safe_mode=False):
        return type(layer).from_config({**layer.get_config(), **own})


def takes_training(layer: keras.layers.Layer) -> bool:
    """Returns whether the `call` of a layer has an argument `training`."""
    return layer._call_has_training_arg


@contextmanager
def transformed_output(
    layer: keras.layers.Layer, transform: Callable[[Tensor], Tensor]
) -> Iterator[None]:
    """Applies `transform` to a layer's output while the context is open.

    Replicas that share the layer take turns at every sum over replicas, so each
    has its own transform.
    """
    transforms = layer.__dict__.setdefault("_transform_of_replica", {})
    if not transforms:
        call = layer.call

        def transformed(*args: Any, **kwargs: Any) -> Tensor:
            output = call(*args, **kwargs)
            own = transforms.get(backend.replica_id())
            if own is None:
                return output
            if layer.supports_masking:  # Keras adds the mask after the call.
                inputs, *_ = (*args, *kwargs.values())
                masks = keras.tree.map_structure(mask_of, inputs)
                layer._set_mask_metadata(inputs, output, masks)
            return own(output)

        layer.call = transformed
    transforms[backend.replica_id()] = transform
    try:
        yield
    finally:
        del transforms[backend.replica_id()]
        if not transforms:
            del layer.call


def graph_in(model: Any) -> keras.Model | None:
    """Returns the graph of layers of a model, however the model is called."""
    if isinstance(model, keras.Sequential):
        return model._functional
    return model if isinstance(model, Functional) else None


def as_graph(model: Any) -> keras.Model | None:
    """Returns the model's graph, if calling the model means running it."""
    own_call = type(model).call not in GRAPH_CALLS
    return None if own_call else graph_in(model)


def standardize_inputs(graph: keras.Model, inputs: Any) -> list[Tensor]:
    """Returns inputs as a flat list, with a graph's dtypes and ranks.

    Raises:
        ValueError: If an input is missing.
    """
    expected = graph._inputs_struct
    if isinstance(expected, dict) and isinstance(inputs, dict):
        missing = sorted(
            name
            for name in expected.keys() - inputs.keys()
            if not _is_optional(expected[name])
        )
        if missing:  # Keras would use other inputs instead, by order.
            raise ValueError(
                f"`x` must have every input of the model. Missing: {missing}. "
                f"Received: {sorted(inputs)}, expected: {sorted(expected)}"
            )
    return graph._standardize_inputs(inputs)


def nodes_in_order(graph: keras.Model) -> list[Any]:
    """Returns a graph's nodes, except inputs, each after its dependencies."""
    depths = sorted(graph._nodes_by_depth, reverse=True)
    return [
        node
        for depth in depths
        for node in graph._nodes_by_depth[depth]
        if not node.is_input
    ]


def operation_behind(symbol: keras.KerasTensor) -> Any:
    """Returns the layer or operation that computes a symbolic tensor."""
    return symbol._keras_history.operation


def _is_optional(symbol: Any) -> bool:
    return isinstance(symbol, keras.KerasTensor) and getattr(
        operation_behind(symbol), "optional", False
    )


def compiled_loss(model: keras.Model) -> CompileLoss | None:
    """Returns Keras's object for the loss given to `compile`."""
    return model._compile_loss


class _UntrackedLoss(CompileLoss):
    """A compiled loss without metrics of the outputs' own losses."""

    def build(self, *args: Any) -> None:
        super().build(*args)
        self._metrics = [None] * len(self._metrics)  # type: ignore[has-type]


def copy_compiled_loss(
    compiled: CompileLoss | None,
) -> Callable[[Any, Any, Any], Tensor] | None:
    """Returns the same loss, as a function that tracks nothing.

    Keras's own object also updates the logs of each output, which must not
    include a second pass.
    """
    if compiled is None:
        return None
    loss = _UntrackedLoss(
        compiled._user_loss,
        compiled._user_loss_weights,
        reduction=compiled.reduction,
        output_names=compiled.output_names,
    )
    return lambda y, y_pred, sample_weight: loss(
        y, y_pred, copy_sample_weight(sample_weight)
    )


def copy_sample_weight(sample_weight: Any) -> Any:
    """Copies sample weights, for a loss that multiplies them by its mask.

    Keras does so in place, which would change the original weights on torch.
    """
    return keras.tree.map_structure(
        lambda weight: None if weight is None else keras.ops.copy(weight),
        sample_weight,
    )


def additional_loss(model: keras.Model, loss: Tensor) -> Tensor:
    """Returns a term as `add_loss` would add it, scaled for the replicas."""
    return model._aggregate_additional_loss(loss)


class KeepsLossesApart:
    """Keeps apart the losses that replicas, and traces, add to a layer.

    The replicas of a `tf.distribute.MirroredStrategy` share their layers'
    objects, and take turns at every sum over replicas. A layer that takes such
    sums, or is called between them, would hand each replica the losses of all.

    On JAX, Keras knows a trace's losses by their ids, and drops a layer's when
    it calls the layer again. In the next trace, the loss of another layer may
    have such an id by chance.
    """

    @property
    def _losses(self) -> list:
        by_replica = self.__dict__.setdefault("_losses_by_replica", {})
        return by_replica.setdefault(backend.replica_id(), [])

    @_losses.setter
    def _losses(self, losses: Any) -> None:
        self.__dict__["_losses_by_replica"] = {
            backend.replica_id(): list(losses)
        }

    @property
    def _loss_ids(self) -> set:
        scope = get_stateless_scope()
        if scope is None:
            return set()
        return self.__dict__["_loss_ids_by_scope"].setdefault(scope, set())

    @_loss_ids.setter
    def _loss_ids(self, ids: set) -> None:
        self.__dict__["_loss_ids_by_scope"] = weakref.WeakKeyDictionary()


def forget_losses(model: keras.Model) -> None:
    """Has layers forget the losses of a trace; see `KeepsLossesApart`."""
    model._clear_losses()


class BuildsBeforeTracing:
    """Has TensorFlow create variables, as those of metrics, before a trace.

    A step that creates some is traced twice.
    """

    def known_outputs(self) -> Any:
        """Returns the symbolic outputs, or `None` if only a call shows them."""
        return None

    def _maybe_symbolic_build(
        self, iterator: Any = None, data_batch: Any = None
    ) -> None:
        if self._distribute_strategy is not None or iterator is None:  # type: ignore[attr-defined]
            super()._maybe_symbolic_build(iterator, data_batch)  # type: ignore[misc]
            return
        specs = iterator._distributed_dataset.element_spec
        shapes = [getattr(x, "shape", None) for x in keras.tree.flatten(specs)]
        if any(getattr(shape, "rank", None) is None for shape in shapes):
            return
        _, labels, _ = keras.utils.unpack_x_y_sample_weight(specs)
        outputs = self.known_outputs()
        if hasattr(labels, "shape") and isinstance(outputs, keras.KerasTensor):
            for part in (self._compile_metrics, self._compile_loss):  # type: ignore[attr-defined]
                if part is not None and not part.built:
                    part.build(labels, outputs)
        self._symbolic_build(data_batch=specs)  # type: ignore[attr-defined]


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """Returns the original arguments of `compile`, without TensorFlow."""
    known = getattr(model, "_compile_config", None)
    return {} if known is None else dict(known.config)


def set_initial_epoch(model: keras.Model, epoch: int | None) -> None:
    """Makes the current `fit` start at an epoch, or with `None` at its own."""
    model._initial_epoch = epoch


def mark_called(model: keras.Model) -> None:
    """Tells Keras that a model was called, which its ONNX export asks for."""
    model._called = True


def set_paths(prefix: str, layer: Any) -> None:
    """Gives the variables of a layer paths that depend only on its structure.

    Keras derives a variable's path from where its layer was built, which
    differs between creating and loading a model. Checkpoints that find
    variables by their paths would not find them.

    Args:
        prefix: String that all paths start with.
        layer: A built layer or model.
    """
    weights = {id(weight) for weight in layer.weights}
    for index, variable in enumerate(layer.variables):
        owner, name = ("", *variable.path.split("/"))[-2:]
        # Seed generators have different names in every model.
        owner = owner if id(variable) in weights else "seed_generator"
        variable._path = f"{prefix}/{index}_{owner}/{name}"


def set_seed_paths(prefix: str, states: Iterable[keras.Variable]) -> None:
    """Like `set_paths`, for seed generators, which Keras numbers in order."""
    for index, state in enumerate(states):
        state._path = f"{prefix}/{index}/seed_generator_state"


def compiled_metrics(model: keras.Model) -> Any:
    """Returns the original `metrics` of `compile`, else `weighted_metrics`.

    `model.metrics` has them only after a batch, and `get_compile_config` does
    not hold functions.
    """
    compiled = getattr(model, "_compile_metrics", None)
    if compiled is None:
        return None
    return compiled._user_metrics or compiled._user_weighted_metrics
