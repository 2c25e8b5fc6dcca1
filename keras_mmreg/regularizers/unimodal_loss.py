"""Trains the model to predict the label from each modality alone."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_mmreg.checks import check_choice
from keras_mmreg.information.examples import example_weight
from keras_mmreg.interventions import drop_others
from keras_mmreg.interventions.drop import doubt_zeros
from keras_mmreg.network import Network
from keras_mmreg.network.checks import require_all_modalities
from keras_mmreg.network.checks import require_more_than_padding
from keras_mmreg.network.checks import require_no_bypass
from keras_mmreg.network.checks import require_no_strings
from keras_mmreg.network.checks import require_outputs_of_examples
from keras_mmreg.ops.perturbation import take
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class UnimodalLoss(Regularizer):
    """Adds the task loss of every modality with the others dropped.

    `penalty = strength * sum_m L(f(x_m, the others dropped), y)`

    Each modality has to predict the label by itself, so that its encoder learns
    even where another modality would suffice. The method is also known as
    multi-loss.

    Args:
        strength: Non-negative float, the weight of the penalty. Defaults to
            `1.0`.
        fraction: Float in (0, 1], the part of each batch, drawn anew at every
            step, on which the penalty is computed. Defaults to `1.0`.
        value: The replacement of a dropped modality: `"zero"` or `"mean"` (the
            mean of the batch). Defaults to `"zero"`.
        **kwargs: See `Regularizer`: `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> UnimodalLoss(strength=0.25).strength
    0.25

    References:
        - The joint training of several heads in Wang et al., What Makes
          Training Multi-modal Classification Networks Hard?, CVPR 2020, with
          the model's own head.
    """

    alias = "unimodal"

    def __init__(
        self,
        strength: float = 1.0,
        fraction: float = 1.0,
        value: str = "zero",
        **kwargs: Any,
    ) -> None:
        super().__init__(strength, fraction, **kwargs)
        check_choice("value", value, ("zero", "mean"))
        self.value = value

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that the modalities can be dropped."""
        super().check(network, inner)
        require_no_strings(network, self.name)
        require_outputs_of_examples(network, self.name)
        require_all_modalities(network, self.name)
        require_more_than_padding(network, inner, self.name)
        require_no_bypass(network, self.name)

    def warnings(self, logs: Mapping[str, float], epoch: int) -> dict[str, str]:
        """Warns of a loss that is not finite."""
        return doubt_zeros(logs) if self.value == "zero" else {}

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the sum of the modalities' own losses."""
        chosen = training_pass.random_part(self.fraction, self.seed_generator)
        weight = example_weight(training_pass.sample_weight)
        terms = []
        for name in self.modalities:
            alone = drop_others(
                training_pass.points,
                training_pass.network.leaves,
                name,
                self.value,
                weight,
            )
            outputs = training_pass.rerun(take(alone, chosen), chosen)
            terms.append(training_pass.task_loss(outputs, chosen))
        return self.weight(training_pass) * sum(terms[1:], terms[0]), {}

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "value": self.value}
