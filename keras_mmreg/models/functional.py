"""Chooses f, the functional between two predictions, for a model."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import losses

from keras_mmreg.models.network import as_graph
from keras_mmreg.ops import functional as functionals
from keras_mmreg.ops.masking import mask_of
from keras_mmreg.types import Tensor

Functional = Callable[[Any, Any, Any], Tensor]

CATEGORICAL = (
    losses.categorical_crossentropy,
    losses.categorical_focal_crossentropy,
    losses.kl_divergence,
    losses.sparse_categorical_crossentropy,
)
BINARY = (losses.binary_crossentropy, losses.binary_focal_crossentropy)
REGRESSION = (
    losses.huber,
    losses.log_cosh,
    losses.mean_absolute_error,
    losses.mean_absolute_percentage_error,
    losses.mean_squared_error,
    losses.mean_squared_logarithmic_error,
)

REMEDY = (
    "Pass `functional`: a Keras loss whose outputs the model has, such as "
    "`keras.losses.CategoricalCrossentropy(from_logits=True)`, or a function "
    "of the perturbed and the clean outputs that returns a non-negative "
    "tensor of shape `(batch,)`."
)


def check_functional(functional: Any) -> None:
    """Raises for a name that is neither `"auto"` nor that of a Keras loss."""
    if isinstance(functional, str) and not (
        functional == "auto" or _is_loss(functional)
    ):
        raise ValueError(f"`functional` does not know {functional!r}. {REMEDY}")


def resolve_functional(
    functional: Any,
    loss: Any,
    inner: keras.Model,
    outputs: Any,
    cross_entropy: str = "paper",
) -> Functional:
    """The function f of a model (Gat et al. 2020, Eq. 7).

    Args:
        functional: `"auto"`, a Keras loss (name or instance), a structure of
            these that matches the outputs, or a function of the perturbed and
            the clean outputs.
        loss: The `loss` the model was compiled with, or `None`. `"auto"`
            takes it, or else the activations of the model's last layers.
        inner: The model.
        outputs: Its outputs, or anything of the same structure.
        cross_entropy: `"paper"` or `"reversed"`.

    Returns:
        A function of the perturbed outputs, the clean ones and the sample
        weights, by which positions are averaged. Several outputs' functionals
        add up; those that a structure gives no loss are left out.

    Raises:
        ValueError: If no functional fits.
    """
    if callable(functional) and not _is_loss(functional):
        return lambda perturbed, clean, _: functional(perturbed, clean)
    automatic = functional == "auto"
    choice = loss if automatic else functional
    names = _output_names(inner, outputs)
    choices = _per_output(choice, names)
    left_out = [each is None and any(choices) for each in choices]
    activations = _output_activations(inner, len(names))
    functions = [
        None if out else _for_output(each, activation, automatic, name)
        for out, each, activation, name in zip(
            left_out, choices, activations, names, strict=True
        )
    ]

    def total(perturbed: Any, clean: Any, sample_weight: Any) -> Tensor:
        terms = zip(
            functions,
            keras.tree.flatten(perturbed),
            keras.tree.flatten(clean),
            _per_output(sample_weight, names),
            strict=True,
        )
        return sum(
            function(
                keras.ops.cast(z, "float32"),
                keras.ops.cast(x, "float32"),
                cross_entropy=cross_entropy,
                mask=_position_weight(x, weight),
            )
            for function, z, x, weight in terms
            if function is not None
        )

    return total


def _for_output(
    loss: Any, activation: str | None, automatic: bool, name: str
) -> Callable[..., Tensor]:
    kind = _function_of(loss)
    from_logits = getattr(loss, "from_logits", False)
    if kind in REGRESSION:
        return _squared_distance
    if kind in CATEGORICAL + BINARY and not from_logits:
        _require_probabilities(loss, activation, name)
    if kind in CATEGORICAL:
        return partial(
            functionals.categorical_cross_entropy,
            from_logits=from_logits,
            axis=getattr(loss, "axis", -1),
        )
    if kind in BINARY:
        return partial(
            functionals.binary_cross_entropy, from_logits=from_logits
        )
    if automatic and activation == "softmax":
        return functionals.categorical_cross_entropy
    if automatic and activation == "sigmoid":
        return functionals.binary_cross_entropy
    raise ValueError(
        f"Neither the loss ({loss!r}) nor the last activation "
        f"({activation!r}) of output {name!r} tells how to compare two of its "
        f"predictions. {REMEDY}"
    )


def _require_probabilities(
    loss: Any, activation: str | None, name: str
) -> None:
    if activation == "linear":
        raise ValueError(
            f"`loss` ({loss!r}) takes the probabilities of output {name!r}, "
            "but the output ends in a linear layer. Create the loss with "
            "`from_logits=True`, or end the model in a softmax or sigmoid."
        )


def _squared_distance(
    perturbed: Tensor, clean: Tensor, cross_entropy: str, mask: Tensor | None
) -> Tensor:
    """Symmetric, so the order of `cross_entropy` does not matter."""
    return functionals.squared_distance(perturbed, clean, mask)


def _position_weight(outputs: Tensor, sample_weight: Any) -> Tensor | None:
    """The weight of each position: its mask, and `(batch, time)` weights."""
    mask = mask_of(outputs)
    rank = 0 if sample_weight is None else len(sample_weight.shape)
    if not 1 < rank < len(outputs.shape):  # Weights of whole examples.
        return mask
    weight = keras.ops.cast(sample_weight, "float32")
    return weight if mask is None else weight * keras.ops.cast(mask, "float32")


def _is_loss(identifier: Any) -> bool:
    """Whether it is a Keras loss: an instance, or one of its functions."""
    known = _function_of(identifier) in CATEGORICAL + BINARY + REGRESSION
    return known or isinstance(identifier, losses.Loss)


def _function_of(loss: Any) -> Any:
    """The function that a Keras loss (name or instance) computes."""
    if isinstance(loss, str):
        try:
            loss = losses.get(loss)
        except ValueError:
            return None
    return getattr(loss, "fn", loss)


def _output_names(inner: keras.Model, outputs: Any) -> list[str]:
    """The names by which losses and weights are given to the outputs."""
    paths = keras.tree.flatten_with_path(outputs)
    names = getattr(inner, "output_names", None) or []
    if len(names) == len(paths) and not isinstance(outputs, dict):
        return list(names)
    return [_path_name(path) for path, _ in paths]


def _path_name(path: tuple) -> str:
    return "/".join(map(str, path)) or "output"


def _per_output(choice: Any, names: list[str]) -> list[Any]:
    """One choice for each output: a single one serves them all."""
    if isinstance(choice, dict):
        by_name = {
            _path_name(path): each
            for path, each in keras.tree.flatten_with_path(choice)
        }
        return [by_name.get(name) for name in names]
    if isinstance(choice, list | tuple):
        return (
            list(choice) if len(choice) == len(names) else [None] * len(names)
        )
    return [choice] * len(names)


def _output_activations(inner: keras.Model, count: int) -> list[str | None]:
    """The name of the activation that ends each output, where it shows."""
    graph = as_graph(inner)
    names: list[str | None] = []
    for symbol in [] if graph is None else graph.outputs:
        layer = symbol._keras_history.operation
        activation = getattr(layer, "activation", None)
        if isinstance(layer, keras.layers.Softmax):
            names.append("softmax")
        else:
            names.append(getattr(activation, "__name__", None))
    return names if len(names) == count else [None] * count
