"""Chooses the functional f that fits a model's loss and outputs."""

from typing import Any

import keras
from keras import losses

from keras_mmreg.backend.keras_internals import as_graph
from keras_mmreg.backend.keras_internals import operation_behind
from keras_mmreg.information.functional import ModelFunctional
from keras_mmreg.information.functional import OutputFunctional
from keras_mmreg.information.functional import path_name
from keras_mmreg.information.functional import per_output

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
    losses.poisson,
)

REMEDY = (
    "Pass `functional`: a Keras loss whose outputs the model has, such as "
    "`keras.losses.CategoricalCrossentropy(from_logits=True)`, or a function "
    "of the perturbed and the clean outputs that returns a non-negative "
    "tensor of shape `(batch,)`. A method that only asks for its gate also "
    "takes `gate=None`."
)


def check_functional(functional: Any) -> None:
    """Raises unless `functional` is `"auto"`, a Keras loss or a function."""
    if isinstance(functional, str):
        known = functional == "auto" or _is_loss(functional)
    else:
        known = callable(functional) or isinstance(
            functional, losses.Loss | dict | list | tuple
        )
    if not known:
        raise ValueError(
            "`functional` must be 'auto', which derives it from the compiled "
            f"loss, or one of your own. Received: {functional!r}. {REMEDY}"
        )


def resolve_functional(
    functional: Any,
    loss: Any,
    inner: keras.Model,
    outputs: Any,
    cross_entropy: str = "paper",
) -> ModelFunctional:
    """Returns the function f of a model (Gat et al. 2020, Eq. 7).

    Args:
        functional: `"auto"`, a Keras loss (name or instance), a structure of
            these that matches the outputs, or a function of the perturbed and
            the clean outputs.
        loss: The `loss` the model was compiled with, or `None`. `"auto"`
            uses it, or else the activations of the model's last layers.
        inner: The model.
        outputs: The model's outputs, or anything of the same structure.
        cross_entropy: `"paper"` or `"reversed"`.

    Returns:
        A `ModelFunctional`. Outputs without a loss in a structure are left out.

    Raises:
        ValueError: If no functional fits.
    """
    names = output_names(inner, outputs)
    if callable(functional) and not _is_loss(functional):
        return ModelFunctional([None] * len(names), names, custom=functional)
    automatic = functional == "auto"
    choices = per_output(loss if automatic else functional, names)
    left_out = [each is None and any(choices) for each in choices]
    activations = _output_activations(inner, len(names))
    chosen = [
        None if out else _for_output(each, activation, automatic, name)
        for out, each, activation, name in zip(
            left_out, choices, activations, names, strict=True
        )
    ]
    return ModelFunctional(chosen, names, cross_entropy)


def resolve_output(
    functional: Any, loss: Any, inner: keras.Model, outputs: Any
) -> OutputFunctional:
    """Returns the kind of a model's first output: classes, labels or values.

    Args:
        functional: As for `resolve_functional`. A custom function does not
            determine the kind, so the loss is used in its place.
        loss: As for `resolve_functional`.
        inner: As for `resolve_functional`.
        outputs: As for `resolve_functional`.

    Raises:
        ValueError: If neither determines the kind.
    """
    known = resolve_functional(functional, loss, inner, outputs).outputs[0]
    if known is None:
        known = resolve_functional("auto", loss, inner, outputs).outputs[0]
    assert known is not None  # Because it has been resolved.
    return known


def _for_output(
    loss: Any, activation: str | None, automatic: bool, name: str
) -> OutputFunctional:
    function = _function_of(loss)
    # From the config: a future Keras may not have these as attributes.
    config = loss.get_config() if isinstance(loss, losses.Loss) else {}
    from_logits = bool(config.get("from_logits", False))
    if function in REGRESSION:
        return OutputFunctional("regression")
    if function in CATEGORICAL + BINARY and not from_logits:
        _require_probabilities(loss, activation, name)
    if function in CATEGORICAL:
        return OutputFunctional(
            "categorical",
            from_logits,
            config.get("axis", -1),
            config.get("ignore_class"),
        )
    if function in BINARY:
        return OutputFunctional("binary", from_logits)
    if automatic and activation in ("softmax", "sigmoid"):
        softmax = activation == "softmax"
        return OutputFunctional("categorical" if softmax else "binary")
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


def output_names(inner: keras.Model, outputs: Any) -> list[str]:
    """Returns the outputs' names, by which they get losses and weights."""
    paths = keras.tree.flatten_with_path(outputs)
    names = getattr(inner, "output_names", None) or []
    if len(names) == len(paths) and not isinstance(outputs, dict):
        return list(names)
    return [path_name(path) for path, _ in paths]


def _is_loss(identifier: Any) -> bool:
    """Returns whether it is a Keras loss, an instance or a function."""
    known = _function_of(identifier) in CATEGORICAL + BINARY + REGRESSION
    return known or isinstance(identifier, losses.Loss)


def _function_of(loss: Any) -> Any:
    """Returns the function that a Keras loss (name or instance) computes."""
    if isinstance(loss, str):
        try:
            loss = losses.get(loss)
        except ValueError:
            return None
    return getattr(loss, "fn", loss)


def _output_activations(inner: keras.Model, count: int) -> list[str | None]:
    """Returns the name of each output's last activation, if known."""
    graph = as_graph(inner)
    names: list[str | None] = []
    for symbol in [] if graph is None else graph.outputs:
        layer = operation_behind(symbol)
        activation = getattr(layer, "activation", None)
        if isinstance(layer, keras.layers.Softmax):
            names.append("softmax")
        else:
            names.append(getattr(activation, "__name__", None))
    return names if len(names) == count else [None] * count
