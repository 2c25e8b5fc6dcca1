"""Averages single-modality models: the baseline without any fusion."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import as_graph
from keras_mmreg.network.graph import Graph


def single_modality_ensemble(
    models: Mapping[str, keras.Model], name: str | None = None
) -> keras.Model:
    """Averages the log-probabilities of single-modality models (UME).

    `log p(y | x_1, ..., x_M) = 1/M sum_m log p_m(y | x_m) + const`

    The modalities never meet in training. So no modality can keep another from
    being learned, and nothing is learned that requires two of them. Outputs
    that end in a `Softmax` layer, or in a layer's softmax or sigmoid
    activation, are averaged as log-probabilities. Other outputs, such as logits
    or the values of a regression, are averaged directly, which for logits is
    equivalent.

    Args:
        models: Dict from modality to its model, such as one made by
            `single_modality_model`. All must have outputs of the same
            structure and shape. The models are shared, not copied, so they
            can be trained before or after.
        name: Optional string, the name of the model. Defaults to `None`.

    Returns:
        A `keras.Model`, not compiled. Its input is a dict of the models'
        inputs if these are dicts, or else a list in the order of the models.

    Raises:
        ValueError: If `models` is not a dict of functional or sequential
            models, or if some of them end in logits and others in
            probabilities.

    Example:

    >>> a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    >>> ensemble = single_modality_ensemble({
    ...     "a": keras.Model({"a": a}, keras.layers.Dense(4)(a)),
    ...     "b": keras.Model({"b": b}, keras.layers.Dense(4)(b)),
    ... })
    >>> sorted(ensemble.input)
    ['a', 'b']

    References:
        - Du et al., On Uni-Modal Feature Learning in Supervised Multi-Modal
          Learning, ICML 2023 (the uni-modal ensemble).
    """
    graphs = (
        [as_graph(model) for model in models.values()]
        if isinstance(models, Mapping)
        else []
    )
    if not graphs or None in graphs:
        raise ValueError(
            "`models` must be a dict from a modality to a functional or "
            f"sequential model that is built. Received: models={models!r}"
        )
    endings = [_endings(graph) for graph in graphs if graph is not None]
    if any(ending != endings[0] for ending in endings):
        raise ValueError(
            "`models` must end alike, all in logits or all in the same "
            "activation. Received: "
            f"{dict(zip(models, endings, strict=True))}"
        )
    inputs = [graph.input for graph in graphs if graph is not None]
    outputs = [
        model(own) for model, own in zip(models.values(), inputs, strict=True)
    ]
    merged: Any = inputs
    if all(isinstance(own, dict) for own in inputs):
        merged = {key: x for own in inputs for key, x in own.items()}
    joined = [
        _mean(*ending, list(tensors))
        for ending, tensors in zip(
            endings[0],
            zip(*map(keras.tree.flatten, outputs), strict=True),
            strict=True,
        )
    ]
    outputs = keras.tree.pack_sequence_as(outputs[0], joined)
    return keras.Model(merged, outputs, name=name)


def _endings(graph: keras.Model) -> list[tuple[str | None, Any]]:
    """Returns each output's final softmax or sigmoid, if any, and its axis."""
    unrolled = Graph(graph)
    return [_ending(unrolled, key) for key in unrolled.outputs]


def _ending(graph: Graph, key: int) -> tuple[str | None, Any]:
    step = graph.producers.get(key)
    if step is not None and type(step.operation) is keras.layers.Softmax:
        return "softmax", step.operation.axis
    found = graph.preactivation(key)
    return found and found[0], -1


def _mean(activation: str | None, axis: Any, outputs: list[Any]) -> Any:
    """Returns the outputs' mean in logit space, with their activation."""
    if activation is None:
        return keras.layers.Average()(outputs)
    if activation == "softmax":
        mean = keras.layers.Average()([_log(p) for p in outputs])
        return keras.layers.Softmax(axis)(mean)
    logits = [_log(p) - _log(1.0 - p) for p in outputs]
    return keras.layers.Activation("sigmoid")(keras.layers.Average()(logits))


def _log(probability: Any) -> Any:
    # A probability of 0 in one model would overrule all others.
    return ops.log(ops.maximum(probability, keras.config.epsilon()))
