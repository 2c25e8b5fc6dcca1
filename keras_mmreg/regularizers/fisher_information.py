"""Regularization by the functional Fisher information."""

import keras
from keras import ops

from keras_mmreg.ops.information import fisher_information
from keras_mmreg.regularizers.information_regularizer import (
    InformationRegularizer,
)
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class FisherInformation(InformationRegularizer):
    """Penalty on too little functional Fisher information (Eq. 12, Eq. 9).

    The functional Fisher information `I_i = E[ |grad_i f(z)|^2 / f(z) ]` is an
    upper bound of modality i's functional entropy by the log-Sobolev inequality
    (Eq. 8, 11). It is high where a small change of the modality changes the
    prediction, so keeping it high prevents the model from ignoring the
    modality. One sample is enough, at the cost of a gradient with respect to
    the inputs.

    Args:
        **kwargs: See `InformationRegularizer`: `strength`, `reduction`,
            `num_samples`, `stddev`, `perturbation` (`"coordinate"` is Eq. 12,
            `"joint"` Eq. 9), `cross_entropy`, `bound`, `epsilon`, `floor`,
            `momentum`, `fraction`, `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> regularizer = FisherInformation(strength=0.1, bound="paper")
    >>> float(regularizer.reduce({"color": 3.0, "shape": 1.0}))
    0.25

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Eq. 9 and 12
    """

    alias = "fisher"

    def information(
        self, values: Tensor, gradients: Tensor | None, stddev: Tensor
    ) -> Tensor:
        """Returns the mean of the squared gradient over f (Eq. 11)."""
        information = fisher_information(
            ops.reshape(values, (-1,)),
            gradients,
            self.slope_weight(stddev),
            self.epsilon,
        )
        factor = 0.5 if self.bound == "gaussian" else 1.0  # Eq. 3, Eq. 8
        return factor * self.mean_over_samples(information)
