"""Rewards predictions that depend on every modality."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.information.functional import resolve_functional
from keras_mmreg.interventions import permutations
from keras_mmreg.interventions import shuffle
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.ops.numerics import x_log_x
from keras_mmreg.ops.perturbation import take
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class ModalityDependence(Regularizer):
    """Penalty on predictions that a modality's shuffling does not change.

    `penalty = -strength * sum_m E[JSD(p(x), p(x with m permuted))]`

    with the Jensen-Shannon divergence of the two predictions, at most `log 2`
    nats. It rewards dependence on a useless modality, too.

    Args:
        strength: Non-negative float. Defaults to `0.01`.
        fraction: Float in (0, 1]. Defaults to `0.25`.
        **kwargs: See `Regularizer`: `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range, or, in training, if the
            model has several outputs or one that is no classification.

    Example:

    >>> ModalityDependence().strength
    0.01

    References:
        - The conditional mutual information term of MCR, NeurIPS 2025.
    """

    alias = "dependence"
    default_strength = 0.01

    def __init__(
        self,
        strength: float | None = None,
        fraction: float = 0.25,
        **kwargs: Any,
    ) -> None:
        super().__init__(strength, fraction, **kwargs)

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The divergences, negative."""
        chosen = training_pass.random_part(self.fraction, self.seed_generator)
        points = take(dict(training_pass.points), chosen)
        intact = _probabilities(training_pass, training_pass.rerun({}, chosen))
        orders = permutations(
            self.modalities, ops.shape(chosen)[0], self.seed_generator
        )
        total = 0.0
        for name in self.modalities:
            shuffled = shuffle(
                points, training_pass.network.leaves, {name: orders[name]}
            )
            moved = _probabilities(
                training_pass, training_pass.rerun(shuffled, chosen)
            )
            total = total + ops.mean(jensen_shannon(intact, moved))
        return -self.weight(training_pass) * total, {}


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """The Jensen-Shannon divergence over the last axis, in nats."""
    middle = 0.5 * (p + q)
    entropies = -0.5 * (x_log_x(p) + x_log_x(q))
    return ops.sum(-x_log_x(middle) - entropies, axis=-1)


def _probabilities(training_pass: TrainingPass, outputs: Any) -> Tensor:
    functional = resolve_functional(
        training_pass.functional,
        training_pass.model_loss,
        training_pass.inner,
        outputs,
    )
    known = functional.outputs
    if len(known) != 1 or known[0] is None or known[0].kind != "categorical":
        raise ValueError(
            "The 'dependence' regularizer compares the probabilities of one "
            "output of classes, compiled with a categorical cross-entropy. "
            f"Received: loss={training_pass.model_loss!r}"
        )
    outputs = at_least_float32(keras.tree.flatten(outputs)[0])
    return ops.softmax(outputs) if known[0].from_logits else outputs
