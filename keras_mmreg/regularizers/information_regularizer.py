"""The base class of the information regularizers."""

import math
import numbers
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_number
from keras_mmreg.ops import reduction as reductions
from keras_mmreg.schedules import LinearRamp
from keras_mmreg.types import Tensor

REDUCTIONS = {
    "inverse_sum": reductions.inverse_sum,
    "inverse_norm": reductions.inverse_norm,
    "sum_of_inverse": reductions.sum_of_inverse,
    "negative_log": reductions.negative_log,
}


class InformationRegularizer:
    """Base class: a penalty that falls as the modalities inform more.

    A subclass says in `information` how much one modality informs about the
    prediction; this class holds how f is sampled and how the information of
    all modalities becomes one scalar.

    Args:
        strength: Non-negative float, the paper's lambda. Information is per
            example here, so the strength does not depend on the batch size;
            see `strength_from_authors` for values of the authors' code.
            Defaults to `0.1`.
        reduction: How the information I_i of all modalities becomes a penalty.
            `"inverse_sum"`: `1 / sum I_i`, the paper's; only sees the total,
            so it feeds the modality whose information grows most easily.
            `"inverse_norm"`: Euclidean norm of `1 / I_i`, the authors' code;
            feeds the weakest modality. `"sum_of_inverse"`: `sum 1 / I_i`,
            likewise. `"negative_log"`: `-sum log I_i`; doubling any
            modality's information counts the same, and the penalty can be
            negative. Defaults to `"inverse_sum"`.
        num_samples: Positive integer, draws of the noise for each example.
            Defaults to `1`.
        stddev: The noise's standard deviation: `"batch"` (that of each
            coordinate over the batch, Eq. 6; in a batch of one example, that
            of the example over its coordinates), `"example"` (that of each
            example over its coordinates), a non-negative float, or a dict with
            one of these for each modality. Defaults to `"batch"`.
        perturbation: `"coordinate"` perturbs one modality at a time while the
            others stay at x (Eq. 10-12). `"joint"` perturbs all of them at
            once (the right-hand side of Eq. 5; Eq. 9 and 18).
            Defaults to `"coordinate"`.
        cross_entropy: `"paper"` for f as in Eq. 7, where the perturbed
            prediction is the weight; `"reversed"` swaps the two predictions,
            as the authors' code does. Defaults to `"paper"`.
        bound: `"paper"` takes the squared gradient as it is (Eq. 8 and 17).
            `"gaussian"` is the exact inequality for `N(x, sigma^2)`: each
            squared partial derivative is multiplied by its coordinate's
            variance, and the Fisher information by the 1/2 of Eq. 3. Only the
            gradient-based regularizers differ. Defaults to `"paper"`.
        epsilon: Float of at least `1e-12`, added to f before it divides, for
            confident predictions, whose f is 0. Defaults to `1e-7`.
        floor: Float of at least `1e-12`, added to the information before it is
            inverted, in the information's units. It bounds the penalty by
            `strength / floor`, for batches that hold hardly any information.
            A floor above the information of an untrained model also weakens
            the penalty where it matters most. Defaults to `1e-7`.
        momentum: Float in [0, 1). A batch with less information than the
            moving average of this momentum counts as one with the average:
            a batch whose noise happens to move nothing would otherwise make a
            gradient large enough to undo the training. `0.0` is the paper's
            penalty, which knows one batch only. Defaults to `0.9`.
        schedule: Optional `keras_mmreg.schedules.LinearRamp`, or any
            serializable callable of `step` and `epoch`, by which the strength
            is multiplied. Defaults to `None`.

    Call arguments:
        information: Dict of a scalar for each modality.
        step: Integer, the training step. Defaults to `0`.
        epoch: Integer, the epoch. Defaults to `0`.

    Raises:
        ValueError: If an argument is none of the above.

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802)
    """

    differentiates = True
    """Whether `information` needs the gradient of f."""

    minimum_samples = 1
    """The fewest samples from which `information` can be estimated."""

    def __init__(
        self,
        strength: float = 0.1,
        reduction: str = "inverse_sum",
        num_samples: int = 1,
        stddev: str | float | dict[str, str | float] = "batch",
        perturbation: str = "coordinate",
        cross_entropy: str = "paper",
        bound: str = "paper",
        epsilon: float = 1e-7,
        floor: float = 1e-7,
        momentum: float = 0.9,
        schedule: LinearRamp | None = None,
    ) -> None:
        check_number("strength", strength, minimum=0)
        check_number("epsilon", epsilon, minimum=1e-12)
        check_number("floor", floor, minimum=1e-12)
        check_number("momentum", momentum, minimum=0, below=1)
        check_number("num_samples", num_samples, minimum=self.minimum_samples)
        if num_samples != int(num_samples):
            raise ValueError(
                "`num_samples` must be an integer. "
                f"Received: num_samples={num_samples}"
            )
        if schedule is not None and not callable(schedule):
            raise ValueError(
                "`schedule` must be a `keras_mmreg.schedules.LinearRamp`, a "
                "callable of `step` and `epoch`, or None. "
                f"Received: schedule={schedule!r}"
            )
        for value in stddev.values() if isinstance(stddev, dict) else [stddev]:
            _check_stddev(value)
        check_choice("reduction", reduction, REDUCTIONS)
        check_choice("perturbation", perturbation, ("coordinate", "joint"))
        check_choice("cross_entropy", cross_entropy, ("paper", "reversed"))
        check_choice("bound", bound, ("paper", "gaussian"))
        self.strength = strength
        self.reduction = reduction
        self.num_samples = int(num_samples)
        self.stddev = stddev
        self.perturbation = perturbation
        self.cross_entropy = cross_entropy
        self.bound = bound
        self.epsilon = epsilon
        self.floor = floor
        self.momentum = momentum
        self.schedule = schedule

    def information(
        self, values: Tensor, gradients: Tensor | None, stddev: Tensor
    ) -> Tensor:
        """How much one modality informs about each prediction.

        Args:
            values: Tensor f of shape `(num_samples, batch)`.
            gradients: Tensor of shape `(num_samples * batch, ...)`, the
                gradient of each value by its own coordinates, or `None` if
                `differentiates` is `False`.
            stddev: The noise's standard deviation; broadcasts against
                `gradients`.

        Returns:
            Tensor of shape `(batch,)`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement `information`."
        )

    def variance_weight(self, stddev: Tensor) -> Tensor | float:
        """The weight of each squared partial derivative under `bound`."""
        return ops.square(stddev) if self.bound == "gaussian" else 1.0

    def mean_over_samples(self, information: Tensor) -> Tensor:
        """Averages `(num_samples * batch,)` to `(batch,)`."""
        return ops.mean(
            ops.reshape(information, (self.num_samples, -1)), axis=0
        )

    def __call__(
        self,
        information: Mapping[str, Tensor],
        step: Tensor = 0,
        epoch: Tensor = 0,
    ) -> Tensor:
        """The penalty, a scalar in the units of the loss."""
        vector = ops.stack(
            [ops.cast(value, "float32") for value in information.values()]
        )
        penalty = self.strength * REDUCTIONS[self.reduction](vector, self.floor)
        if self.schedule is None:
            return penalty
        return penalty * self.schedule(step=step, epoch=epoch)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "strength": self.strength,
            "reduction": self.reduction,
            "num_samples": self.num_samples,
            "stddev": self.stddev,
            "perturbation": self.perturbation,
            "cross_entropy": self.cross_entropy,
            "bound": self.bound,
            "epsilon": self.epsilon,
            "floor": self.floor,
            "momentum": self.momentum,
            "schedule": keras.saving.serialize_keras_object(self.schedule),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "InformationRegularizer":
        """The regularizer that `get_config` described."""
        config = dict(config)
        if isinstance(config.get("schedule"), dict):
            config["schedule"] = keras.saving.deserialize_keras_object(
                config["schedule"]
            )
        return cls(**config)


def _check_stddev(stddev: Any) -> None:
    named = isinstance(stddev, str) and stddev in ("batch", "example")
    number = isinstance(stddev, numbers.Real) and 0 <= float(stddev) < math.inf
    if not named and not number:
        raise ValueError(
            "`stddev` must be 'batch', 'example', a non-negative number, or a "
            f"dict with one of these for each modality. Received: {stddev!r}"
        )
