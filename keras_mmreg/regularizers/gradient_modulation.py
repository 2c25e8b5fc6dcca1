"""Slows down the encoder of the modality that is ahead (OGM-GE)."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_mmreg.backend import sum_over_replicas
from keras_mmreg.checks import check_integer
from keras_mmreg.checks import check_number
from keras_mmreg.information.examples import example_weight
from keras_mmreg.interventions import drop_others
from keras_mmreg.network import Network
from keras_mmreg.network.checks import require_all_modalities
from keras_mmreg.network.checks import require_encoders
from keras_mmreg.network.checks import require_no_bypass
from keras_mmreg.ops.confidence import labels_like
from keras_mmreg.ops.confidence import without_ignored
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.regularizers.class_probabilities import ClassProbabilities
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class GradientModulation(Regularizer):
    """On-the-fly gradient modulation with generalization enhancement (OGM-GE).

    Let `s_m` be the summed probability of the true classes when the head sees
    modality m alone, and `r_m` the ratio of `s_m` to the mean of the others.
    At the modality's point, encoder m's gradient is multiplied by

    `k_m = 1 - tanh(alpha r_m)` where `r_m > 1`, else 1,

    and noise with the standard deviation of that gradient is added. Each step
    uses the coefficients found in the previous step.

    Adam divides each gradient by its own scale, so that a lasting factor has
    next to no effect: use SGD. `fit` warns about Adam and similar optimizers.

    Args:
        alpha: Positive float, how strongly the encoder that is ahead is slowed
            down. Defaults to `0.5`.
        start: Integer, the first epoch with modulation. Defaults to `0`.
        end: Optional integer, the first epoch without modulation again.
            Defaults to `None`.
        noise: Non-negative float, the scale of the noise (GE). Defaults to
            `1.0`.
        **kwargs: See `Regularizer`: `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range, there is only one modality,
            or one has no encoder before its point: pass `taps`.

    Example:

    >>> GradientModulation(alpha=0.3).alpha
    0.3

    References:
        - Peng et al., Balanced Multimodal Learning via On-the-fly Gradient
          Modulation, CVPR 2022, Eqs. 8-12.
    """

    alias = "modulation"
    needs_units = True
    without = ("strength", "fraction", "schedule")
    search_range = ("alpha", 0.1, 0.8)
    undone_by_adam = True

    def __init__(
        self,
        alpha: float = 0.5,
        start: int = 0,
        end: int | None = None,
        noise: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_number("alpha", alpha, above=0)
        check_integer("start", start, minimum=0)
        if end is not None:
            check_integer("end", end, minimum=start + 1)
        check_number("noise", noise, minimum=0)
        self.alpha = alpha
        self.start = start
        self.end = end
        self.noise = noise
        self._probabilities = ClassProbabilities(self.name)

    @property
    def penalizes(self) -> bool:
        """`False`: the method adds nothing to the loss."""
        return False

    def log_names_for(self, modalities: list[str]) -> list[str]:
        """Names of the coefficient of each modality."""
        return [f"{self.name}_{name}" for name in modalities]

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that there are several encoders, and nothing around them."""
        super().check(network, inner)
        if len(network.modalities) < 2:
            raise ValueError(
                "The 'modulation' regularizer compares modalities, and so "
                "needs at least two: name more of them in `modalities`, or "
                f"leave it out. Received: modalities={network.modalities}"
            )
        require_all_modalities(network, self.name)
        require_no_bypass(network, self.name)
        require_encoders(network, self.name)

    def attach(self, network: Network, inner: keras.Model) -> None:
        """Creates the encoders' coefficients."""
        super().attach(network, inner)
        self.coefficients = self.add_state(
            (len(network.modalities),), "coefficients", initializer="ones"
        )

    def perturb(
        self, points: Mapping[str, Tensor], training_pass: TrainingPass
    ) -> dict[str, Tensor]:
        """Changes the gradients, but not the values."""
        active = ops.cast(training_pass.epoch >= self.start, loss_dtype())
        if self.end is not None:
            active = active * ops.cast(
                training_pass.epoch < self.end, loss_dtype()
            )
        coefficients = ops.convert_to_tensor(self.coefficients)
        leaves = training_pass.network.leaves
        columns = {name: i for i, name in enumerate(self.modalities)}
        changed = {}
        for leaf, x in points.items():
            k = coefficients[columns[leaves[leaf]]]
            k = 1.0 + active * (k - 1.0)
            draw = keras.random.normal(
                ops.shape(x), dtype=loss_dtype(), seed=self.seed_generator
            )
            changed[leaf] = _with_gradient(x, k, active * self.noise * draw)
        return changed

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[None, dict[str, Tensor]]:
        """Computes the coefficients of the next step (Eqs. 8-10)."""
        scores = []
        kind = self._probabilities.output_kind(training_pass)
        weight = without_ignored(
            example_weight(training_pass.sample_weight),
            kind.ignore_class,
            training_pass.y,
        )
        for name in self.modalities:
            alone = drop_others(
                training_pass.points, training_pass.network.leaves, name
            )
            outputs = training_pass.rerun(alone)
            probabilities = ops.stop_gradient(
                self._probabilities(training_pass, outputs)
            )
            labels = labels_like(probabilities, "categorical", training_pass.y)
            if weight is not None:
                labels = labels * weight[:, None]
            scores.append(ops.sum(labels * probabilities))
        s = sum_over_replicas(ops.stack(scores))
        others = (ops.sum(s) - s) / (len(scores) - 1)
        ratio = s / ops.maximum(others, 1e-7)
        k = ops.where(ratio > 1.0, 1.0 - ops.tanh(self.alpha * ratio), 1.0)
        self.coefficients.assign(ops.stop_gradient(k))
        coefficients = ops.convert_to_tensor(self.coefficients)
        values = [coefficients[index] for index in range(len(scores))]
        return None, dict(zip(self.log_names, values, strict=True))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "start": self.start,
            "end": self.end,
            "noise": self.noise,
        }


def _with_gradient(x: Tensor, factor: Tensor, draw: Tensor) -> Tensor:
    """Returns x with its gradient scaled, plus noise of the same scale."""

    @ops.custom_gradient
    def identity(x: Tensor) -> tuple:
        def gradient(*args: Any, upstream: Tensor | None = None) -> Tensor:
            if upstream is None:  # TensorFlow and JAX pass it by position.
                (upstream,) = args
            scale = _std(ops.cast(upstream, loss_dtype()))
            noise = ops.cast(scale * draw, upstream.dtype)
            return upstream * ops.cast(factor, upstream.dtype) + noise

        return x, gradient

    return identity(x)


def _std(x: Tensor) -> Tensor:
    """Returns the standard deviation of all values on all devices."""
    number = sum_over_replicas(ops.sum(ops.ones_like(x)))
    number = ops.maximum(number, 1.0)
    mean = sum_over_replicas(ops.sum(x)) / number
    squares = sum_over_replicas(ops.sum(ops.square(x - mean)))
    return ops.sqrt(squares / number)
