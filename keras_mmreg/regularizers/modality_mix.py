"""Trains on mixed examples, whose modalities come from different examples."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.checks import check_gate
from keras_mmreg.interventions import permutations
from keras_mmreg.interventions import shuffle
from keras_mmreg.network import Network
from keras_mmreg.network.checks import require_all_modalities
from keras_mmreg.network.checks import require_outputs_of_examples
from keras_mmreg.network.checks import require_whole_modalities
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class ModalityMix(Regularizer):
    """Trains for the average label on examples whose modalities disagree.

    In a part of each batch, each modality m comes from another example, by its
    own random permutation `pi_m`, and the loss averages the labels of these
    examples with shares `s_m` of sum 1:

    `penalty = strength * sum_m s_m L(f(x_1[pi_1], ..., x_M[pi_M]), y[pi_m])`.

    A cross-entropy is linear in the label. So at its minimum, whatever the
    optimizer, each modality with a share supports its own label as strongly as
    the others, and none can be ignored. The shares s_m are equal among the
    modalities whose gate is open, which predict the label by themselves. The
    other modalities are shuffled and have no share in the label, so that the
    model learns to do without them. Where no gate is open, as in a task that
    requires all modalities together, there is no penalty.

    A regression in which each modality explains a part also requires all
    modalities, and so do multiple labels of which each modality predicts some.
    There the gates open nevertheless, and the average of two labels is wrong.
    Use another method, or compare with plain training on validation data.

    Args:
        strength: Non-negative float, the weight of the penalty. Defaults to
            `1.0`.
        fraction: Float in (0, 1], the part of each batch, drawn anew at every
            step, on which the penalty is computed. Defaults to `0.25`.
        gate: `"auto"` (see `ModalityGate`), or `None` for equal shares of all
            modalities. Defaults to `"auto"`.
        **kwargs: See `Regularizer`: `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range, or the model has a modality
            that is not regularized: it would never agree with the label.

    Example:

    >>> ModalityMix(strength=0.5).get_config()["gate"]
    'auto'

    References:
        - Extends Yun et al., CutMix, ICCV 2019, from patches to modalities.
    """

    alias = "mix"

    def __init__(
        self,
        strength: float = 1.0,
        fraction: float = 0.25,
        gate: str | None = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(strength, fraction, **kwargs)
        check_gate(gate)
        self.gate = gate

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that whole modalities can be shuffled."""
        super().check(network, inner)
        require_outputs_of_examples(network, self.name)
        require_all_modalities(network, self.name)
        if len(network.modalities) < 2:
            raise ValueError(
                "The 'mix' regularizer joins modalities of different examples, "
                f"and the model has only one: {network.modalities}"
            )
        require_whole_modalities(network, self.name, network.modalities)

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the task loss of mixed examples, under shared labels."""
        chosen = training_pass.random_part(self.fraction, self.seed_generator)
        orders = permutations(
            self.modalities,
            training_pass.batch_size,
            self.seed_generator,
            chosen,
        )
        mixed = shuffle(
            training_pass.points, training_pass.network.leaves, orders
        )
        outputs = training_pass.rerun(mixed, chosen)
        shares = self._shares(training_pass)
        terms = [
            shares[name] * training_pass.task_loss(outputs, orders[name])
            for name in self.modalities
        ]
        return self.weight(training_pass) * sum(terms[1:], terms[0]), {}

    def _shares(self, training_pass: TrainingPass) -> dict[str, Tensor]:
        """Returns equal shares of the open gates, or 0 if none is open."""
        if not self.uses_gate:
            return dict.fromkeys(self.modalities, 1.0 / len(self.modalities))
        is_open = training_pass.gate.open()
        total = ops.maximum(sum(is_open.values()), 1.0)
        return {name: value / total for name, value in is_open.items()}

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "gate": self.gate}
