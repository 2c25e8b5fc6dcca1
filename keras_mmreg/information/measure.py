"""The protocol of the information that an estimator estimates."""

from typing import Any
from typing import Protocol

from keras_mmreg.types import Tensor


class Measure(Protocol):
    """A measure of information, such as an information regularizer.

    Attributes:
        differentiates: Whether `information` needs the gradient of f.
        num_samples: The number of noise samples per example.
        stddev: The noise's standard deviation, see `InformationRegularizer`.
        perturbation: `"coordinate"` or `"joint"`.
        cross_entropy: `"paper"` or `"reversed"`.
    """

    differentiates: bool
    num_samples: int
    stddev: Any
    perturbation: str
    cross_entropy: str

    def information(
        self, values: Tensor, gradients: Tensor | None, stddev: Tensor
    ) -> Tensor:
        """Returns how much one modality informs each prediction."""
