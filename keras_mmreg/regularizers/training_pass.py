"""The view that a method has of one training step."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras

from keras_mmreg.backend import detach_updates
from keras_mmreg.backend import unscaled_loss
from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.information.examples import batch_size
from keras_mmreg.information.examples import choose_examples
from keras_mmreg.network import Network
from keras_mmreg.ops.perturbation import take
from keras_mmreg.types import Tensor


class TrainingPass:
    """One training step: the model's pass over a batch, and its results.

    It is passed to both hooks of a method. `perturb` runs before the outputs
    are known, so it may use the first group of attributes only; `penalty` may
    use all of them.

    Attributes:
        network: Reruns the model from its points.
        inputs: The batch of inputs.
        sample_weight: The sample weights, or `None`.
        inner: The wrapped model.
        functional: The `functional` argument of the wrapper.
        gate: The `ModalityGate` that methods share, or `None`.
        settled: Scalar, 1 once the statistics of batch normalization have
            settled, else 0.
        step: Scalar, the training step.
        epoch: Scalar, the epoch.

        clean_points: Dict of the values at the points before any `perturb`.
        points: Dict of the values that the outputs were computed from.
        activations: The network's activations, in training mode.
        outputs: The model's outputs.
        y: The labels.
        loss: Scalar, the task loss: the compiled loss and `add_loss` terms.
        loss_function: The compiled loss, a function of labels, outputs and
            weights, or `None`.
        model_loss: The `loss` argument of `compile`.
    """

    clean_points: dict[str, Tensor]
    points: dict[str, Tensor]
    activations: Any
    outputs: Any
    y: Any
    loss: Tensor
    loss_function: Callable[[Any, Any, Any], Tensor] | None
    model_loss: Any

    def __init__(
        self,
        *,
        network: Network,
        inputs: Any,
        sample_weight: Any,
        inner: keras.Model,
        functional: Any,
        gate: Any,
        settled: Tensor,
        step: Tensor,
        epoch: Tensor,
        trains_as_it_infers: bool,
    ) -> None:
        self.network = network
        self.inputs = inputs
        self.sample_weight = sample_weight
        self.inner = inner
        self.functional = functional
        self.gate = gate
        self.settled = settled
        self.step = step
        self.epoch = epoch
        self.clean_points = {}
        self.points = {}
        self._trains_as_it_infers = trains_as_it_infers
        self._perturbed = False
        self._memory: dict[Any, Any] = {}

    def intervene(
        self,
        points: Mapping[str, Tensor],
        methods: list,
    ) -> dict[str, Tensor]:
        """Lets the methods change the points, one after the other.

        A tensor that a method returns without a mask keeps the one it had.
        """
        self.clean_points.update(points)
        self._perturbed = True
        perturbed = dict(points)
        for method in methods:
            before = perturbed
            perturbed = method.perturb(before, self)
            for name, x in perturbed.items():
                if mask_of(x) is None:
                    with_mask(x, mask_of(before[name]))
        self.points.update(perturbed)
        return perturbed

    def set_outputs(self, activations: Any) -> None:
        """Adds what the model has computed, between the two hooks.

        No penalty has a gradient through the statistics it has updated.
        """
        detach_updates(self.inner.non_trainable_variables)
        self.activations = activations
        self.outputs = self.network.outputs_of(activations)
        if not self._perturbed:
            self.points = self.network.points_of(activations)
            self.clean_points = self.points

    def set_task_loss(
        self,
        y: Any,
        sample_weight: Any,
        loss: Tensor,
        loss_function: Callable[[Any, Any, Any], Tensor] | None,
        model_loss: Any,
    ) -> None:
        """Adds the labels and the task loss, before any `penalty`."""
        self.y = y
        self.sample_weight = sample_weight
        self.loss = loss
        self.loss_function = loss_function
        self.model_loss = model_loss

    def memo(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Returns the result of `compute`, cached for this step by `key`.

        An opaque model passes its points to `perturb` a few at a time. With
        this method, a draw that all points share is made only once.
        """
        if key not in self._memory:
            self._memory[key] = compute()
        return self._memory[key]

    @property
    def batch_size(self) -> int | Tensor:
        """The number of examples in the batch."""
        return batch_size(self.inputs)

    def clean(self) -> Any | None:
        """Returns inference-mode activations of the clean batch, if known."""
        if self._perturbed or not self._trains_as_it_infers:
            return None
        return self.activations

    def rerun(self, values: Mapping[str, Tensor], indices: Any = None) -> Any:
        """Returns the model's outputs for new values at the points.

        The model is rerun from the points, in inference mode.

        Args:
            values: Dict of tensors with as many examples as there are indices.
            indices: Optional indices of the examples from which points without
                new values are taken. Defaults to `None`, which means all
                examples in order.
        """
        activations = self.activations
        own = {n: x for n, x in self.points.items() if n not in values}
        if indices is not None:
            activations = self.network.take(activations, indices)
            own = take(own, indices)
        if not self._trains_as_it_infers:  # Recompute all that follows points.
            values = {**own, **values}
        moved = self.network.replace(activations, dict(values))
        return self.network.outputs_of(moved)

    def task_loss(self, outputs: Any, indices: Any = None) -> Tensor:
        """Returns the compiled loss of other outputs.

        Args:
            outputs: Outputs for as many examples as there are indices.
            indices: Optional indices of the examples whose labels and weights
                the outputs are compared with. Defaults to `None`, which means
                all examples in order.

        Raises:
            ValueError: If the model was compiled without a loss.
        """
        if self.loss_function is None:
            raise ValueError(
                "`compile` must be given a `loss`: this regularizer adds the "
                "loss of other predictions, and `add_loss` terms cover "
                "only the model's own predictions."
            )
        y, weight = self.y, self.sample_weight
        if indices is not None:
            y, weight = take((y, weight), indices)
        return unscaled_loss(self.loss_function(y, outputs, weight))

    def random_part(
        self, fraction: float, seed: keras.random.SeedGenerator
    ) -> Tensor:
        """Returns indices of a random part of the batch, at least one."""
        return choose_examples(self.inputs, fraction, seed)
