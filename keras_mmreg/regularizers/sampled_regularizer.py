"""The base class of the regularizers that only sample f."""

from typing import Any

from keras_mmreg.regularizers.information_regularizer import (
    InformationRegularizer,
)


class SampledRegularizer(InformationRegularizer):
    """Base class of penalties that use samples of f and no gradients.

    Args:
        strength: See `InformationRegularizer`. Defaults to `"auto"`.
        reduction: See `InformationRegularizer`. Defaults to `"inverse_sum"`.
        num_samples: Integer of at least 2. Defaults to `4`.
        **kwargs: See `InformationRegularizer`.
    """

    differentiates = False
    minimum_samples = 2

    def __init__(
        self,
        strength: float | str = "auto",
        reduction: str = "inverse_sum",
        num_samples: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(strength, reduction, num_samples, **kwargs)
