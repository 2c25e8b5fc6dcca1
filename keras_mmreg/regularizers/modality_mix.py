"""Training on examples whose modalities come from different examples."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.checks import check_gate
from keras_mmreg.interventions import permutations
from keras_mmreg.interventions import shuffle
from keras_mmreg.network import Network
from keras_mmreg.network.checks import require_outputs_of_examples
from keras_mmreg.network.checks import require_whole_modalities
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class ModalityMix(Regularizer):
    """Asks for the average label where modalities disagree.

    In a part of each batch, each modality m comes from another example, by a
    random permutation `pi_m` of its own, and the loss averages the labels of
    these examples with shares `s_m` of sum 1:

    `penalty = strength * sum_m s_m L(f(x_1[pi_1], ..., x_M[pi_M]), y[pi_m])`.

    A cross-entropy is linear in the label, so at its minimum each modality
    with a share speaks for its own label as loudly as the others, whatever the
    optimizer: none can be ignored. The shares s_m are equal among those
    modalities whose gate is open, which tell the label by themselves; the
    others are shuffled under a label that they have no part in, so that the
    model learns to do without them. Where no gate is open, as in a task that
    takes all modalities together, there is no penalty.

    A regression by several modalities, each of which explains a part, is such a
    task, too, and so are several labels of which each modality tells some, but
    the gates open: the average of two labels is then wrong. Use another method,
    or compare with plain training on validation data.

    Args:
        strength: Non-negative float, the weight of the penalty. Defaults to
            `1.0`.
        fraction: Float in (0, 1], the part of each batch, drawn anew at every
            step, on which the penalty is computed. Defaults to `0.25`.
        gate: `"auto"` (see `ModalityGate`), or `None` for equal shares of all
            modalities. Defaults to `"auto"`.
        **kwargs: See `Regularizer`: `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range.

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
        self.gate_option = gate

    def attach(self, network: Network, inner: keras.Model) -> None:
        """Checks that whole modalities can be moved."""
        super().attach(network, inner)
        if len(network.modalities) + len(network.others) < 2:
            raise ValueError(
                "The 'mix' regularizer joins modalities of different examples, "
                f"and the model has only one: {network.modalities}"
            )
        require_whole_modalities(network, self.name, network.modalities)

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The task loss under shared labels."""
        require_outputs_of_examples(training_pass.network, self.name)
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
        """Equal among the modalities that tell the label; 0 if none does."""
        if not self.uses_gate:
            return dict.fromkeys(self.modalities, 1.0 / len(self.modalities))
        is_open = training_pass.gate.open()
        total = ops.maximum(sum(is_open.values()), 1.0)
        return {name: value / total for name, value in is_open.items()}

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "gate": self.gate_option}
