"""Rewards predictions that depend on every modality."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_mmreg.information.examples import example_weight
from keras_mmreg.interventions import permutations
from keras_mmreg.interventions import shuffle
from keras_mmreg.network import Network
from keras_mmreg.network.checks import require_outputs_of_examples
from keras_mmreg.network.checks import require_whole_modalities
from keras_mmreg.ops.functional import mean_over_positions
from keras_mmreg.ops.numerics import mean_over_batch
from keras_mmreg.ops.numerics import x_log_x
from keras_mmreg.ops.perturbation import take
from keras_mmreg.regularizers.class_probabilities import ClassProbabilities
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class ModalityDependence(Regularizer):
    """Penalty on predictions that shuffling a modality does not change.

    `penalty = -strength * sum_m E[JSD(p(x), p(x with m permuted))]`

    JSD is the Jensen-Shannon divergence of the two predictions, at most `log 2`
    nats. The method rewards dependence on a useless modality, too. For
    sequences, the divergence is averaged over the positions, without padding.
    Examples and positions are weighted by their `sample_weight`.

    Args:
        strength: Non-negative float, the weight of the penalty. Defaults to
            `0.01`.
        fraction: Float in (0, 1], the part of each batch, drawn anew at every
            step, on which the penalty is computed. Defaults to `0.25`.
        **kwargs: See `Regularizer`: `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range, or, in training, if the
            model is not a classifier with one output.

    Example:

    >>> ModalityDependence().strength
    0.01

    References:
        - The term of unique information in Kontras et al., [Balancing
          Multimodal Training Through Game-Theoretic Regularization](
          https://arxiv.org/abs/2411.07335) (MCR), NeurIPS 2025.
    """

    alias = "dependence"
    search_range = ("strength", 1e-3, 1e-1)

    def __init__(
        self,
        strength: float = 0.01,
        fraction: float = 0.25,
        **kwargs: Any,
    ) -> None:
        super().__init__(strength, fraction, **kwargs)
        self._probabilities = ClassProbabilities(self.name)

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that whole modalities can be shuffled."""
        super().check(network, inner)
        require_outputs_of_examples(network, self.name)
        require_whole_modalities(network, self.name, network.modalities)

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the negative divergences, weighted."""
        chosen = training_pass.random_part(self.fraction, self.seed_generator)
        outputs = training_pass.rerun({}, chosen)
        intact = self._probabilities(training_pass, outputs)
        orders = permutations(
            self.modalities,
            training_pass.batch_size,
            self.seed_generator,
            chosen,
        )
        in_place = dict.fromkeys(self.modalities, chosen)
        mean = self._mean(training_pass, outputs, chosen)
        total = 0.0
        for name in self.modalities:
            shuffled = shuffle(
                training_pass.points,
                training_pass.network.leaves,
                in_place | {name: orders[name]},
            )
            moved = self._probabilities(
                training_pass, training_pass.rerun(shuffled, chosen)
            )
            total = total + mean(jensen_shannon(intact, moved))
        return -self.weight(training_pass) * total, {}

    def _mean(
        self, training_pass: TrainingPass, outputs: Any, chosen: Tensor
    ) -> Callable[[Tensor], Tensor]:
        """Returns the function that averages over examples and positions.

        The mean scales with the sample weights, like the loss.
        """
        y, sample_weight = take(
            (training_pass.y, training_pass.sample_weight), chosen
        )
        functional = self._probabilities.functional(training_pass)
        positions = functional.position_weights(y, outputs, sample_weight)
        counted = functional.counted_examples(positions)
        weight = example_weight(sample_weight)

        def mean(x: Tensor) -> Tensor:
            x = mean_over_positions(x, positions[0])
            for factor in (weight, counted):
                x = x if factor is None else x * ops.cast(factor, x.dtype)
            return mean_over_batch(x, counted)

        return mean


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """Returns the Jensen-Shannon divergence over the last axis, in nats."""
    middle = 0.5 * (p + q)
    entropies = -0.5 * (x_log_x(p) + x_log_x(q))
    return ops.sum(-x_log_x(middle) - entropies, axis=-1)
