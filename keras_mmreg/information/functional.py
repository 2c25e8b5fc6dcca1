"""The functional f: how two predictions of a model are compared."""

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.ops import functional as functionals
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.ops.perturbation import align_mask
from keras_mmreg.types import Tensor


class Prediction(NamedTuple):
    """A model's outputs and logits.

    For each output, `logits` holds the name of the last activation and its
    input, or `None` if they are unknown.
    """

    outputs: list[Tensor]
    logits: list[tuple[str, Tensor] | None]


class OutputFunctional(NamedTuple):
    """The functional of one output.

    Attributes:
        kind: `"categorical"`, `"binary"` or `"regression"`.
        from_logits: Whether the output consists of logits.
        axis: The axis of the classes.
        ignore_class: The label of positions to ignore, if any.
    """

    kind: str
    from_logits: bool = False
    axis: int = -1
    ignore_class: int | None = None

    def logits(self, prediction: Prediction, index: int) -> tuple[Tensor, bool]:
        """Returns an output, as logits if possible, and whether it has them."""
        output, known = prediction.outputs[index], prediction.logits[index]
        if self.kind == "regression" or self.from_logits or known is None:
            return at_least_float32(output), self.from_logits
        activation, logits = known
        expected = "softmax" if self.kind == "categorical" else "sigmoid"
        if activation != expected or self.axis not in (
            -1,
            len(logits.shape) - 1,
        ):
            return at_least_float32(output), False
        return at_least_float32(logits), True

    def compare(
        self,
        perturbed: Prediction,
        clean: Prediction,
        index: int,
        cross_entropy: str,
        weight: Tensor | None,
    ) -> Tensor:
        """Returns f for each example (Eq. 7)."""
        z, from_logits = self.logits(perturbed, index)
        x, _ = self.logits(clean, index)
        if self.kind == "regression":  # Symmetric: the order does not matter.
            return functionals.squared_distance(z, x, weight)
        if self.kind == "binary":
            return functionals.binary_cross_entropy(
                z, x, from_logits, cross_entropy, weight
            )
        return functionals.categorical_cross_entropy(
            z, x, from_logits, cross_entropy, self.axis, weight
        )


class ModelFunctional:
    """The function f of a model (Gat et al. 2020, Eq. 7).

    Args:
        outputs: The functional of each output, or `None` to leave it out.
        names: The outputs' names.
        cross_entropy: `"paper"` or `"reversed"`.
        custom: Optional function of the perturbed and the clean outputs that
            is used instead.
    """

    def __init__(
        self,
        outputs: list[OutputFunctional | None],
        names: list[str],
        cross_entropy: str = "paper",
        custom: Callable[[Any, Any], Tensor] | None = None,
    ) -> None:
        self.outputs = outputs
        self.names = names
        self._cross_entropy = cross_entropy
        self._custom = custom

    def __call__(
        self,
        perturbed: Prediction,
        clean: Prediction,
        weights: list[Tensor | None],
        structure: Any,
    ) -> Tensor:
        """Returns f for each example, summed over the outputs.

        Args:
            perturbed: The prediction at z.
            clean: The prediction at x.
            weights: The weights that `position_weights` returned.
            structure: The structure in which a custom function gets outputs.
        """
        if self._custom is not None:
            pack = keras.tree.pack_sequence_as
            return self._custom(
                pack(structure, perturbed.outputs),
                pack(structure, clean.outputs),
            )
        terms = []
        for index, output in enumerate(self.outputs):
            if output is None:
                continue
            weight = weights[index]
            values = output.compare(
                perturbed, clean, index, self._cross_entropy, weight
            )
            valid = _valid_examples(weight)
            if valid is not None:
                values = values * ops.cast(valid, values.dtype)
            terms.append(values)
        return sum(terms[1:], terms[0])

    def position_weights(
        self, y: Any, outputs: Any, sample_weight: Any
    ) -> list[Tensor | None]:
        """Returns for each output the weight of each position, or `None`.

        The weights combine the padding mask that Keras attached to the output,
        `sample_weight` if its shape is `(batch, positions)`, and the loss's
        `ignore_class`.
        """
        labels = per_output(y, self.names)
        given = per_output(sample_weight, self.names)
        return [
            output and _position_weight(output, tensor, label, weight)
            for output, tensor, label, weight in zip(
                self.outputs,
                keras.tree.flatten(outputs),
                labels,
                given,
                strict=True,
            )
        ]

    def counted_examples(self, weights: list[Tensor | None]) -> Tensor | None:
        """Returns 1 for each example with a position that counts, else 0."""
        valid = [
            _valid_examples(weight)
            for weight, output in zip(weights, self.outputs, strict=True)
            if output is not None
        ]
        if not valid or any(each is None for each in valid):
            return None
        counted = valid[0]
        for each in valid[1:]:
            counted = ops.maximum(counted, each)
        return counted


def per_output(choice: Any, names: list[str]) -> list[Any]:
    """Returns one choice for each output; a single one applies to all."""
    if isinstance(choice, dict):
        by_name = {
            path_name(path): each
            for path, each in keras.tree.flatten_with_path(choice)
        }
        return [by_name.get(name) for name in names]
    if isinstance(choice, list | tuple):
        return (
            list(choice) if len(choice) == len(names) else [None] * len(names)
        )
    return [choice] * len(names)


def _position_weight(
    output: OutputFunctional, outputs: Tensor, y: Any, sample_weight: Any
) -> Tensor | None:
    factors: list[Tensor] = []
    if mask_of(outputs) is not None:
        factors.append(mask_of(outputs))
    if sample_weight is not None:
        # Otherwise the weights apply to whole examples.
        if 1 < len(sample_weight.shape) < len(outputs.shape):
            factors.append(sample_weight)
    if output.ignore_class is not None and y is not None:
        if len(y.shape) == len(outputs.shape):
            y = ops.squeeze(y, axis=-1)
        factors.append(ops.not_equal(y, output.ignore_class))
    if not factors:
        return None
    factors = sorted(factors, key=lambda factor: -len(factor.shape))
    weight = ops.cast(factors[0], loss_dtype())
    for factor in factors[1:]:
        weight = weight * align_mask(ops.cast(factor, loss_dtype()), weight)
    return weight


def _valid_examples(weight: Tensor | None) -> Tensor | None:
    """Returns 1 for each example with a weight above 0, else 0."""
    if weight is None:
        return None
    by_example = ops.reshape(weight, (ops.shape(weight)[0], -1))
    return ops.cast(ops.max(by_example, axis=-1) > 0, loss_dtype())


def path_name(path: tuple) -> str:
    """Returns the name of an output, from its path in a structure."""
    return "/".join(map(str, path)) or "output"
