"""Chooses f, the divergence between two predictions, for a model."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from keras_mmreg.ops import divergence as divergences
from keras_mmreg.ops.masking import mask_of
from keras_mmreg.types import Tensor

Divergence = Callable[[Any, Any], Tensor]

CATEGORICAL = (
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "KLDivergence",
    "SparseCategoricalCrossentropy",
)
BINARY = ("BinaryCrossentropy", "BinaryFocalCrossentropy")
REGRESSION = (
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
)

REMEDY = (
    "Pass `divergence`: a Keras loss whose outputs the model has, such as "
    "`keras.losses.CategoricalCrossentropy(from_logits=True)`, or a function "
    "of the perturbed and the clean outputs that returns a non-negative "
    "tensor of shape `(batch,)`."
)


def resolve_divergence(
    divergence: Any,
    loss: Any,
    inner: keras.Model,
    outputs: Any,
    cross_entropy: str = "paper",
) -> Divergence:
    """The function f of a model (Gat et al. 2020, Eq. 7).

    Args:
        divergence: `"auto"`, a Keras loss (name or instance), a structure of
            these that matches the outputs, or a function of the perturbed and
            the clean outputs.
        loss: The `loss` the model was compiled with, or `None`. `"auto"`
            takes it, or else the activations of the model's last layers.
        inner: The model.
        outputs: Its outputs, or anything of the same structure.
        cross_entropy: `"paper"` or `"reversed"`.

    Returns:
        A function of the perturbed and the clean outputs. Several outputs'
        divergences add up.

    Raises:
        ValueError: If no divergence fits.
    """
    is_loss = isinstance(divergence, keras.losses.Loss) or _is_loss(divergence)
    if callable(divergence) and not is_loss:
        return divergence
    choice = loss if divergence == "auto" else divergence
    names, flat_outputs = _named(outputs)
    choices = _per_output(choice, outputs, names)
    activations = _output_activations(inner, len(flat_outputs))
    functions = [
        _for_output(each, activation, automatic=divergence == "auto", name=name)
        for each, activation, name in zip(
            choices, activations, names, strict=True
        )
    ]

    def total(perturbed: Any, clean: Any) -> Tensor:
        pairs = zip(
            functions,
            keras.tree.flatten(perturbed),
            keras.tree.flatten(clean),
            strict=True,
        )
        return sum(
            function(
                keras.ops.cast(z, "float32"),
                keras.ops.cast(x, "float32"),
                cross_entropy=cross_entropy,
                mask=mask_of(x),
            )
            for function, z, x in pairs
        )

    return total


def _for_output(
    loss: Any, activation: str | None, automatic: bool, name: str
) -> Callable[..., Tensor]:
    kind = _class_name(loss)
    from_logits = getattr(loss, "from_logits", False)
    if kind in CATEGORICAL:
        return partial(
            divergences.categorical_cross_entropy,
            from_logits=from_logits,
            axis=getattr(loss, "axis", -1),
        )
    if kind in BINARY:
        return partial(
            divergences.binary_cross_entropy, from_logits=from_logits
        )
    if kind in REGRESSION:
        return _squared_distance
    if automatic and activation == "softmax":
        return divergences.categorical_cross_entropy
    if automatic and activation == "sigmoid":
        return divergences.binary_cross_entropy
    raise ValueError(
        f"Neither the loss ({loss!r}) nor the last activation "
        f"({activation!r}) of output {name!r} tells how to compare two of its "
        f"predictions. {REMEDY}"
    )


def _squared_distance(
    perturbed: Tensor, clean: Tensor, cross_entropy: str, mask: Tensor | None
) -> Tensor:
    """Symmetric, so the order of `cross_entropy` does not matter."""
    return divergences.squared_distance(perturbed, clean, mask)


def _is_loss(identifier: Any) -> bool:
    """Whether it is a Keras loss: an instance, or one of its functions."""
    return _class_name(identifier) in (*CATEGORICAL, *BINARY, *REGRESSION)


def _class_name(loss: Any) -> str | None:
    """The name of a Keras loss class, from an instance, name or function."""
    if isinstance(loss, keras.losses.Loss):
        known = (*CATEGORICAL, *BINARY, *REGRESSION)
        for kind in known:  # Subclasses count as what they extend.
            if isinstance(loss, getattr(keras.losses, kind)):
                return kind
        return type(loss).__name__
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None)
    if name is None:
        return None
    try:
        function = keras.losses.get(name)
    except ValueError:
        return None
    if isinstance(function, keras.losses.Loss):
        return type(function).__name__
    if callable(loss) and loss is not function:
        return None  # A function of the user's own that has the same name.
    words = getattr(function, "__name__", "").split("_")
    name = "".join(word.capitalize() for word in words)
    return {"KlDivergence": "KLDivergence", "LogCosh": "LogCosh"}.get(
        name, name
    )


def _named(outputs: Any) -> tuple[list[str], list[Any]]:
    leaves = keras.tree.flatten_with_path(outputs)
    names = ["/".join(map(str, path)) or "output" for path, _ in leaves]
    return names, [leaf for _, leaf in leaves]


def _per_output(choice: Any, outputs: Any, names: list[str]) -> list[Any]:
    """One choice for each output: a single one serves them all."""
    if isinstance(choice, dict):
        return [choice.get(name) for name in names]
    if isinstance(choice, list | tuple):
        flat = list(choice)
        return flat if len(flat) == len(names) else [None] * len(names)
    return [choice] * len(names)


def _output_activations(inner: keras.Model, count: int) -> list[str | None]:
    """The name of the activation that ends each output, where it shows."""
    symbols = getattr(inner, "outputs", None) or [None] * count
    names: list[str | None] = []
    for symbol in symbols:
        layer = symbol._keras_history.operation if symbol is not None else None
        activation = getattr(layer, "activation", None)
        if isinstance(layer, keras.layers.Softmax):
            names.append("softmax")
        else:
            names.append(getattr(activation, "__name__", None))
    return names if len(names) == count else [None] * count
