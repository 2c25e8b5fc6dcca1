"""What an estimator asks of the information that it estimates."""

from typing import Any
from typing import Protocol

from keras_mmreg.types import Tensor


class Measure(Protocol):
    """What is measured; the information regularizers are such.

    Attributes:
        differentiates: Whether `information` needs the gradient of f.
        num_samples: Draws of the noise for each example.
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
        """How much one modality informs about each prediction."""
