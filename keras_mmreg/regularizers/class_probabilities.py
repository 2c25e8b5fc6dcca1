"""Converts a classifier's outputs to class probabilities."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.information.functional import ModelFunctional
from keras_mmreg.information.functional import OutputFunctional
from keras_mmreg.information.resolve_functional import resolve_functional
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


class ClassProbabilities:
    """Turns the outputs of a model into probabilities of its classes.

    Args:
        method: The name of the regularizer that uses the probabilities.
    """

    def __init__(self, method: str) -> None:
        self._method = method

    def __call__(self, training_pass: TrainingPass, outputs: Any) -> Tensor:
        """Returns the probabilities, classes last, in float32 or float64.

        Raises:
            ValueError: If the model is not a classifier with one output.
        """
        kind = self.output_kind(training_pass)
        outputs = at_least_float32(keras.tree.flatten(outputs)[0])
        outputs = ops.moveaxis(outputs, kind.axis, -1)
        return ops.softmax(outputs) if kind.from_logits else outputs

    def output_kind(self, training_pass: TrainingPass) -> OutputFunctional:
        """Returns the kind of the model's output, which is categorical.

        Raises:
            ValueError: If the model is not a classifier with one output.
        """
        kind = self.functional(training_pass).outputs[0]
        assert kind is not None  # Because it has been resolved.
        return kind

    def functional(self, training_pass: TrainingPass) -> ModelFunctional:
        """Returns the functional that compares the model's predictions.

        Raises:
            ValueError: If the model is not a classifier with one output.
        """
        functional = resolve_functional(
            training_pass.functional,
            training_pass.model_loss,
            training_pass.inner,
            training_pass.outputs,
        )
        known = functional.outputs
        if len(known) == 1 and known[0] and known[0].kind == "categorical":
            return functional
        raise ValueError(
            f"The {self._method!r} regularizer compares the probabilities of "
            "one output of classes: compile the model with a categorical "
            f"cross-entropy. Received: loss={training_pass.model_loss!r}"
        )
