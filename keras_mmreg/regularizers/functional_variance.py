"""Regularization by the functional variance, sampled directly."""

import keras

from keras_mmreg.ops.information import functional_variance
from keras_mmreg.regularizers.sampled_regularizer import SampledRegularizer
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class FunctionalVariance(SampledRegularizer):
    """Penalty on too little variance of f, from samples of f (Eq. 13).

    The functional variance `I_i = E[f^2] - E[f]^2` over the perturbations of
    modality i is estimated without bias from two or more samples, and without a
    gradient with respect to the inputs.

    Args:
        strength: See `InformationRegularizer`. Defaults to `"auto"`.
        reduction: See `InformationRegularizer`. Defaults to `"inverse_sum"`.
        num_samples: Integer of at least 2, the number of noise samples per
            example. Defaults to `4`.
        **kwargs: See `InformationRegularizer`: `stddev`, `perturbation`,
            `cross_entropy`, `floor`, `momentum`, `fraction`, `schedule`,
            `seed`, `name`. With `perturbation="joint"` the other modalities
            are perturbed, too, by one draw that all samples share (Eq. 16).

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> regularizer = FunctionalVariance(strength=0.01)
    >>> regularizer.get_config()["num_samples"]
    4

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Eq. 13
    """

    alias = "variance"

    def information(
        self, values: Tensor, gradients: Tensor | None, stddev: Tensor
    ) -> Tensor:
        """Returns the variance of f over the samples (Eq. 13)."""
        return functional_variance(values)
