"""What a method sees of one training step."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras

from keras_mmreg.backend import unscaled_loss
from keras_mmreg.information.examples import batch_size
from keras_mmreg.information.examples import choose_examples
from keras_mmreg.network import Network
from keras_mmreg.ops.perturbation import take
from keras_mmreg.types import Tensor


class TrainingPass:
    """One training step: the model's pass over a batch, and what follows it.

    It is made before the model runs, and completed by the task loss after it:
    `perturb` may ask for what is marked so, `penalty` for everything.

    Attributes:
        network: How the model runs again from its points; in `perturb`, too.
        inputs: The batch of inputs; in `perturb`, too.
        clean_points: Dict of the values at the points before any `perturb`.
        points: Dict of those that the outputs were computed from.
        activations: The network's activations, in training mode.
        outputs: The model's outputs.
        y: The labels.
        sample_weight: The sample weights, or `None`; in `perturb`, too.
        loss: Scalar, the task loss: the compiled loss and `add_loss` terms.
        loss_function: The compiled loss, of labels, outputs and weights.
        model_loss: What was given to `compile` as `loss`.
        inner: The wrapped model.
        functional: The wrapper's argument of that name.
        gate: The `ModalityGate` that methods share, or `None`; in `perturb`,
            too.
        settled: Scalar, 1 once the statistics of batch normalization mean
            something, else 0; in `perturb`, too.
        step: Scalar, the training step; in `perturb`, too.
        epoch: Scalar, the epoch; in `perturb`, too.
    """

    network: Network
    activations: Any
    outputs: Any
    y: Any
    sample_weight: Any
    loss: Tensor
    loss_function: Callable[[Any, Any, Any], Tensor] | None
    model_loss: Any
    settled: Tensor
    gate: Any

    def __init__(
        self,
        network: Network,
        inputs: Any,
        inner: keras.Model,
        functional: Any,
        step: Tensor,
        epoch: Tensor,
        trains_as_it_infers: bool = False,
    ) -> None:
        self.network = network
        self.inputs = inputs
        self.inner = inner
        self.functional = functional
        self.step = step
        self.epoch = epoch
        self.clean_points: dict[str, Tensor] = {}
        self.points: dict[str, Tensor] = {}
        self._trains_as_it_infers = trains_as_it_infers
        self._perturbed = False
        self._memory: dict[Any, Any] = {}
        self.y = None
        self.sample_weight = None

    def intervene(
        self,
        points: Mapping[str, Tensor],
        methods: list,
    ) -> dict[str, Tensor]:
        """Lets the methods change the points, one after the other."""
        self.clean_points.update(points)
        self._perturbed = True
        perturbed = dict(points)
        for method in methods:
            perturbed = method.perturb(perturbed, self)
        self.points.update(perturbed)
        return perturbed

    def complete(self, activations: Any) -> None:
        """Adds what the model has computed."""
        self.activations = activations
        self.outputs = self.network.outputs_of(activations)
        if not self._perturbed:
            self.points = self.network.points_of(activations)
            self.clean_points = self.points

    def memo(self, key: Any, compute: Callable[[], Any]) -> Any:
        """What `compute` returned when it was first asked for in this step.

        An opaque model passes its points to `perturb` one by one; what all of
        them need in common is drawn once this way.
        """
        if key not in self._memory:
            self._memory[key] = compute()
        return self._memory[key]

    @property
    def batch_size(self) -> int | Tensor:
        """The number of examples; in `perturb`, too."""
        return batch_size(self.inputs)

    def clean(self) -> Any | None:
        """Activations at the clean points in inference mode, if known."""
        if self._perturbed or not self._trains_as_it_infers:
            return None
        return self.activations

    def rerun(self, values: Mapping[str, Tensor], indices: Any = None) -> Any:
        """The outputs that follow from new values at the points.

        Runs in inference mode, from the points on.

        Args:
            values: Dict of tensors, of as many examples as there are indices.
            indices: Optional indices of the examples that keep what has no
                new value. Defaults to `None`, all of them in order.
        """
        activations, own = self.activations, dict(self.points)
        if indices is not None:
            activations = self.network.take(activations, indices)
            own = take(own, indices)
        if not self._trains_as_it_infers:  # What follows them is that of now.
            values = {**own, **values}
        moved = self.network.replace(activations, dict(values))
        return self.network.outputs_of(moved)

    def task_loss(self, outputs: Any, indices: Any = None) -> Tensor:
        """The compiled loss of other outputs.

        Args:
            outputs: Outputs of as many examples as there are indices.
            indices: Optional indices of the examples whose labels and weights
                they are compared with. Defaults to `None`, all in order.

        Raises:
            ValueError: If the model was compiled without a loss.
        """
        if self.loss_function is None:
            raise ValueError(
                "`compile` must be given a `loss`: this regularizer adds the "
                "loss of other predictions, and `add_loss` terms tell only "
                "that of the model's own."
            )
        y, weight = self.y, self.sample_weight
        if indices is not None:
            y, weight = take((y, weight), indices)
        return unscaled_loss(self.loss_function(y, outputs, weight))

    def random_part(
        self, fraction: float, seed: keras.random.SeedGenerator
    ) -> Tensor:
        """Indices of a random part of the batch, at least one example."""
        return choose_examples(self.inputs, fraction, seed)
