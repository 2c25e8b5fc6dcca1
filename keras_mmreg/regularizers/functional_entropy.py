"""Regularization by the functional entropy, sampled directly."""

import keras

from keras_mmreg.ops.information import functional_entropy
from keras_mmreg.regularizers.sampled_regularizer import SampledRegularizer
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class FunctionalEntropy(SampledRegularizer):
    """Penalty on too little functional entropy, from samples of f (Eq. 2).

    The functional entropy is `I_i = E[f log f] - E[f] log E[f]` over the
    perturbations of modality i. It needs no gradient with respect to the
    inputs, but several samples, and is biased toward 0 when they are few.
    `FisherInformation` bounds it from a single sample.

    Args:
        strength: See `InformationRegularizer`. Defaults to `"auto"`.
        reduction: See `InformationRegularizer`. Defaults to `"inverse_sum"`.
        num_samples: Integer of at least 2, the number of noise samples per
            example. Defaults to `4`.
        **kwargs: See `InformationRegularizer`: `stddev`, `perturbation`,
            `cross_entropy`, `floor`, `momentum`, `fraction`, `schedule`,
            `seed`, `name`. With `perturbation="joint"` the other modalities
            are perturbed, too, by one draw that all samples share (Eq. 5).

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> regularizer = FunctionalEntropy(strength=0.01, num_samples=8)
    >>> regularizer.get_config()["num_samples"]
    8

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Eq. 2
    """

    alias = "entropy"

    def information(
        self, values: Tensor, gradients: Tensor | None, stddev: Tensor
    ) -> Tensor:
        """Returns the entropy of f over the samples (Eq. 2)."""
        return functional_entropy(values)
