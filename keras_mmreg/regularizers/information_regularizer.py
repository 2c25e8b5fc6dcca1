"""The base class of the information regularizers (Gat et al. 2020)."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_integer
from keras_mmreg.checks import check_number
from keras_mmreg.checks import is_number
from keras_mmreg.information.create_estimator import check_names_of_stddev
from keras_mmreg.information.create_estimator import create_estimator
from keras_mmreg.information.estimator import InformationEstimator
from keras_mmreg.information.memo import Memo
from keras_mmreg.network import Network
from keras_mmreg.network.checks import outputs_span_batch
from keras_mmreg.network.checks import require_second_derivative
from keras_mmreg.ops import reduction as reductions
from keras_mmreg.ops.numerics import lift
from keras_mmreg.ops.numerics import mean_over_replicas
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor

REDUCTIONS = {
    "inverse_sum": reductions.inverse_sum,
    "inverse_norm": reductions.inverse_norm,
    "sum_of_inverse": reductions.sum_of_inverse,
    "negative_log": reductions.negative_log,
}

AUTOMATIC_PART = 0.01
"""The ratio of a penalty of strength "auto" to the task loss.

The penalty's gradient becomes as large as the loss's long before its value
does: at a tenth, training accuracies were up to 20 points below those of plain
training, see `applications/benchmarks/first_contact.py`.
"""


class InformationRegularizer(Regularizer):
    """Base class of penalties that fall as the modalities inform more.

    A subclass computes in `information` how much one modality informs the
    prediction. This class samples f and combines the information of all
    modalities into one scalar.

    With `strength="auto"` the penalty is a hundredth of the task loss of the
    same batch, whatever the units of the information: `0.01 sg(|L| / P) P`,
    where L is the task loss, P the penalty, and `sg` stops the gradient. Such a
    penalty can hardly keep a model from learning, nor, by itself, change much
    of what the model learns. The paper's penalty is `bound="paper"` with a
    number as `strength`. It starts at hundreds of times the task loss, which is
    how it acts, and also how it keeps some models from learning anything. `fit`
    warns where that happens.

    The penalty and the pass it is compared with run in inference mode (moving
    statistics in `BatchNormalization`, no dropout). Examples, and the
    positions of an output, are weighted by their `sample_weight`; padding, and
    positions of the loss's `ignore_class`, are left out.

    Args:
        strength: `"auto"`, or a non-negative float, the paper's lambda.
            Information is per example here, so the strength does not depend on
            the batch size; see `strength_from_authors` to convert values of
            the authors' code. Defaults to `"auto"`.
        reduction: How the information I_i of all modalities becomes a penalty.
            `"inverse_sum"`: `1 / sum I_i`, the paper's; depends only on the
            total, so it favors the modality whose information grows most
            easily. `"inverse_norm"`: Euclidean norm of `1 / I_i`, the authors'
            code; favors the weakest modality. `"sum_of_inverse"`:
            `sum 1 / I_i`; favors the weakest modality, too. `"negative_log"`:
            `-sum log I_i`; doubling any modality's information has the same
            effect. This penalty can be negative and has no lower bound, so
            `strength="auto"` uses the weight `0.01 sg(|L|)` instead. Defaults
            to `"inverse_sum"`.
        num_samples: Positive integer, the number of noise samples per example.
            Defaults to `1`.
        stddev: The noise's standard deviation: `"batch"` (each coordinate's
            standard deviation over the batch, Eq. 6; in a batch of one example,
            the example's over its coordinates), `"example"` (each example's
            over its coordinates), a non-negative float, or a dict with one of
            these for each modality. Defaults to `"batch"`.
        perturbation: `"coordinate"` perturbs one modality at a time while the
            others stay at x (Eq. 10-12). `"joint"` perturbs all of them at
            once (the right-hand side of Eq. 5; Eq. 9 and 18).
            Defaults to `"coordinate"`.
        cross_entropy: `"paper"` for f as in Eq. 7, where the perturbed
            prediction is the weight; `"reversed"` swaps the two predictions,
            as the authors' code does. Defaults to `"paper"`.
        bound: `"gaussian"` is the exact inequality for `N(x, sigma^2)`: each
            squared partial derivative is multiplied by its coordinate's
            variance, so that information does not depend on the units of the
            input, and the Fisher information by the 1/2 of Eq. 3. `"paper"`
            uses the plain squared gradient (Eq. 8 and 17). `bound` affects only
            the gradient-based regularizers. Defaults to `"gaussian"`.
        epsilon: Float of at least `1e-12`, added to f where f is a divisor,
            for confident predictions, whose f is 0. Defaults to `1e-7`.
        floor: Float of at least `1e-12`, added to the information before it is
            inverted, in the information's units. It bounds the penalty by
            `strength / floor`, for batches that hold hardly any information.
            A floor above the information of an untrained model also weakens
            the penalty where it matters most. Defaults to `1e-7`.
        momentum: Float in [0, 1). A batch with less information than the
            moving average of this momentum uses the moving average instead:
            a batch whose noise happens to change no prediction would otherwise
            cause a gradient large enough to undo the training. `0.0` is the
            paper's penalty, which uses only the current batch. Defaults to
            `0.9`.
        **kwargs: See `Regularizer`: `fraction`, `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is not as described above.

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802)
    """

    search_range = ("strength", 1e-5, 1e-1)
    has_automatic_strength = True

    differentiates = True
    """Whether `information` needs the gradient of f."""

    minimum_samples = 1
    """The fewest samples from which `information` can be estimated."""

    def __init__(
        self,
        strength: float | str = "auto",
        reduction: str = "inverse_sum",
        num_samples: int = 1,
        stddev: str | float | dict[str, str | float] = "batch",
        perturbation: str = "coordinate",
        cross_entropy: str = "paper",
        bound: str = "gaussian",
        epsilon: float = 1e-7,
        floor: float = 1e-7,
        momentum: float = 0.9,
        **kwargs: Any,
    ) -> None:
        super().__init__(strength, **kwargs)
        check_number("epsilon", epsilon, minimum=1e-12)
        check_number("floor", floor, minimum=1e-12)
        check_number("momentum", momentum, minimum=0, below=1)
        check_integer("num_samples", num_samples, minimum=self.minimum_samples)
        for value in stddev.values() if isinstance(stddev, dict) else [stddev]:
            _check_stddev(value)
        check_choice("reduction", reduction, REDUCTIONS)
        check_choice("perturbation", perturbation, ("coordinate", "joint"))
        check_choice("cross_entropy", cross_entropy, ("paper", "reversed"))
        check_choice("bound", bound, ("paper", "gaussian"))
        self.reduction = reduction
        self.num_samples = num_samples
        self.stddev = stddev
        self.perturbation = perturbation
        self.cross_entropy = cross_entropy
        self.bound = bound
        self.epsilon = epsilon
        self.floor = floor
        self.momentum = momentum
        self._memo = Memo()

    def information(
        self, values: Tensor, gradients: Tensor | None, stddev: Tensor
    ) -> Tensor:
        """Returns how much one modality informs each prediction.

        Args:
            values: Tensor f of shape `(num_samples, batch)`.
            gradients: Tensor of shape `(num_samples * batch, ...)`, the
                gradient of each value with respect to its own coordinates, or
                `None` if `differentiates` is `False`.
            stddev: The noise's standard deviation; broadcasts against
                `gradients`.

        Returns:
            Tensor of shape `(batch,)`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement `information`."
        )

    def slope_weight(self, stddev: Tensor) -> Tensor | float:
        """Returns the weight of each partial derivative under `bound`."""
        return stddev if self.bound == "gaussian" else 1.0

    def mean_over_samples(self, information: Tensor) -> Tensor:
        """Averages `(num_samples * batch,)` to `(batch,)`."""
        return ops.mean(
            ops.reshape(information, (self.num_samples, -1)), axis=0
        )

    def reduce(self, information: Mapping[str, Tensor]) -> Tensor:
        """Reduces all modalities' information to one scalar to be minimized.

        Args:
            information: Dict of a scalar for each modality.
        """
        vector = ops.stack(
            [ops.convert_to_tensor(value) for value in information.values()]
        )
        return REDUCTIONS[self.reduction](vector, self.floor)

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that the modalities can be perturbed and differentiated."""
        super().check(network, inner)
        network.require_float_points()
        if self.differentiates:
            require_second_derivative(inner)
        check_names_of_stddev(self.stddev, inner, network.modalities)

    def attach(self, network: Network, inner: keras.Model) -> None:
        """Creates the moving averages, one for each modality."""
        super().attach(network, inner)
        self._spans_batch = outputs_span_batch(network)
        self.moving_information = {
            name: self.add_state((), f"moving_information_{name}")
            for name in network.modalities
        }

    def log_names_for(self, modalities: list[str]) -> list[str]:
        """Names of the information of each modality."""
        return [f"information_{name}" for name in modalities]

    def warnings(self, logs: Mapping[str, float], epoch: int) -> dict[str, str]:
        """Warns of modalities with no information, which rarely recover."""
        names = zip(self.modalities, self.log_names, strict=True)
        return {
            modality: f"Modality {modality!r} gave no information in epoch "
            f"{epoch}: nothing done to it moves the prediction. Its values "
            "are the same in all examples, or it was left out, or no unit "
            "behind it is alive, or the logits are saturated. The penalty "
            "cannot bring it back. Unless it never varies, train again with a "
            "lower `strength` or learning rate, or a larger `fraction` or "
            "`num_samples`."
            for modality, name in names
            if logs.get(name) == 0
        }

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the penalty (Eq. 12), and each modality's information."""
        estimate = self._estimator(training_pass)(
            training_pass.inputs,
            training_pass.y,
            training_pass.sample_weight,
            self.fraction,
            training_pass.clean(),
        )
        penalty = self.reduce(self._lifted(estimate.information))
        weight = ops.cast(self.weight(training_pass), penalty.dtype)
        if self.strength == "auto":
            weight = weight * self._automatic(penalty, training_pass.loss)
        else:  # The penalty scales with the weights, like the task loss.
            weight = weight * ops.cast(estimate.mean_weight, penalty.dtype)
        known = estimate.information  # Not of inputs that are left out.
        names = dict(zip(self.modalities, self.log_names, strict=True))
        return weight * penalty, {names[name]: known[name] for name in known}

    def _estimator(self, training_pass: TrainingPass) -> InformationEstimator:
        """Returns the estimator for the model and its compiled loss."""
        settings = (
            training_pass.inner,
            training_pass.network,
            training_pass.model_loss,
            training_pass.functional,
        )
        inner, network, loss, functional = settings
        return self._memo.get(
            settings,
            lambda: create_estimator(
                inner,
                network,
                self,
                outputs=training_pass.outputs,
                loss=loss,
                functional=functional,
                seed_generator=self.seed_generator,
                spans_batch=self._spans_batch,
                over_replicas=True,
            ),
        )

    def _automatic(self, penalty: Tensor, loss: Tensor) -> Tensor:
        """Returns the weight that ties the penalty to the batch's task loss."""
        loss = mean_over_replicas(ops.stop_gradient(loss))
        part = AUTOMATIC_PART * ops.abs(ops.cast(loss, penalty.dtype))
        if self.reduction != "negative_log":  # That one can be 0.
            part = part / penalty
        return ops.stop_gradient(part)

    def _lifted(self, information: dict[str, Tensor]) -> dict[str, Tensor]:
        """Lifts information to its moving average, and updates the average."""
        lifted = {}
        for name, value in information.items():
            variable = self.moving_information[name]
            moving = ops.cast(variable, value.dtype)
            now = ops.stop_gradient(value)
            average = self.momentum * moving + (1.0 - self.momentum) * now
            # Before the first batch there is no average.
            average = ops.where(moving > 0, average, now)
            variable.assign(ops.cast(average, variable.dtype))
            lifted[name] = lift(value, average)
        return lifted

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        stddev = self.stddev
        return {
            **super().get_config(),
            "reduction": self.reduction,
            "num_samples": self.num_samples,
            "stddev": dict(stddev) if isinstance(stddev, dict) else stddev,
            "perturbation": self.perturbation,
            "cross_entropy": self.cross_entropy,
            "bound": self.bound,
            "epsilon": self.epsilon,
            "floor": self.floor,
            "momentum": self.momentum,
        }


def _check_stddev(stddev: Any) -> None:
    named = isinstance(stddev, str) and stddev in ("batch", "example")
    if not named and not (is_number(stddev) and stddev >= 0):
        raise ValueError(
            "`stddev` must be 'batch', 'example', a non-negative number, or a "
            f"dict with one of these for each modality. Received: {stddev!r}"
        )
