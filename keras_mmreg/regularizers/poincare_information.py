"""Regularization by the Poincare bound of the functional variance."""

import keras

from keras_mmreg.ops.information import poincare_information
from keras_mmreg.regularizers.information_regularizer import (
    InformationRegularizer,
)
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class PoincareInformation(InformationRegularizer):
    """Penalty on too little squared gradient of f (Eq. 19, Eq. 18).

    The information `I_i = E[ |grad_i f(z)|^2 ]` is an upper bound of modality
    i's functional variance by the Poincare inequality (Eq. 15, 17). Unlike the
    Fisher information it is not divided by f, so confident predictions, whose f
    is small, count for less.

    Args:
        **kwargs: See `InformationRegularizer`: `strength`, `reduction`,
            `num_samples`, `stddev`, `perturbation` (`"coordinate"` is Eq. 19,
            `"joint"` Eq. 18), `cross_entropy`, `bound`, `floor`, `momentum`,
            `fraction`, `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> regularizer = PoincareInformation(0.1, reduction="sum_of_inverse")
    >>> round(float(regularizer.reduce({"color": 0.25, "shape": 0.5})), 2)
    6.0

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Eq. 18 and 19
    """

    alias = "poincare"

    def information(
        self, values: Tensor, gradients: Tensor | None, stddev: Tensor
    ) -> Tensor:
        """Returns the squared gradient, averaged over samples (Eq. 17)."""
        return self.mean_over_samples(
            poincare_information(gradients, self.slope_weight(stddev))
        )
