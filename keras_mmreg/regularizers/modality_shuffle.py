"""Trains with suspected shortcuts shuffled across examples."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_mmreg.interventions import permutations
from keras_mmreg.interventions import shuffle
from keras_mmreg.network import Network
from keras_mmreg.network.checks import require_outputs_of_examples
from keras_mmreg.network.checks import require_whole_modalities
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class ModalityShuffle(Regularizer):
    """Adds the task loss with suspected shortcuts shuffled across examples.

    `penalty = strength * L(f(x with the suspects permuted), y)`

    The penalty is computed on a part of each batch, where the model has to
    predict the label without the suspects. The suspects must be named; if none
    is known, see `ModalityNoise`.

    Args:
        suspects: A list of the modalities that the model should not rely on.
        strength: Non-negative float, the weight of the penalty. Defaults to
            `1.0`.
        fraction: Float in (0, 1], the part of each batch, drawn anew at every
            step, on which the penalty is computed. Defaults to `0.25`.
        **kwargs: See `Regularizer`: `schedule`, `seed`, `name`.

    Raises:
        ValueError: If a suspect is not a regularized modality, or if every
            modality is a suspect.

    Example:

    >>> ModalityShuffle(["color"], strength=0.3).suspects
    ['color']
    """

    alias = "shuffle"

    def __init__(
        self,
        suspects: Sequence[str],
        strength: float = 1.0,
        fraction: float = 0.25,
        **kwargs: Any,
    ) -> None:
        super().__init__(strength, fraction, **kwargs)
        if isinstance(suspects, str):
            suspects = [suspects]
        if (
            not isinstance(suspects, list | tuple)
            or not suspects
            or not all(isinstance(name, str) for name in suspects)
        ):
            raise ValueError(
                "`suspects` must be a list of names of modalities, such as "
                f"['color']. Received: suspects={suspects!r}"
            )
        self.suspects = list(suspects)

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that the suspects are modalities, and not all of them."""
        super().check(network, inner)
        require_outputs_of_examples(network, self.name)
        unknown = set(self.suspects) - set(network.modalities)
        everything = {*network.modalities, *network.others}
        if unknown or everything == set(self.suspects):
            raise ValueError(
                "`suspects` must name some, but not all, of the modalities "
                f"{network.modalities}. Received: suspects={self.suspects}"
            )
        require_whole_modalities(network, self.name, self.suspects)

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the task loss of a part of the batch, suspects permuted."""
        chosen = training_pass.random_part(self.fraction, self.seed_generator)
        orders = dict.fromkeys(self.modalities, chosen) | permutations(
            self.suspects, training_pass.batch_size, self.seed_generator, chosen
        )
        shuffled = shuffle(
            training_pass.points, training_pass.network.leaves, orders
        )
        outputs = training_pass.rerun(shuffled, chosen)
        loss = training_pass.task_loss(outputs, chosen)
        return self.weight(training_pass) * loss, {}

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "suspects": self.suspects}
