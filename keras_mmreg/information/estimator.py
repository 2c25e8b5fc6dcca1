"""Estimates how much each modality informs a model's predictions."""

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from keras_mmreg import backend
from keras_mmreg.backend import sum_over_replicas
from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.information.examples import batch_size
from keras_mmreg.information.examples import choose_examples
from keras_mmreg.information.examples import example_weight
from keras_mmreg.information.examples import float_points
from keras_mmreg.information.functional import ModelFunctional
from keras_mmreg.information.functional import Prediction
from keras_mmreg.information.measure import Measure
from keras_mmreg.network import Network
from keras_mmreg.ops.half_precision import unscaled_gradient
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.ops.numerics import mean_over_batch
from keras_mmreg.ops.numerics import weighted_mean
from keras_mmreg.ops.perturbation import align_mask
from keras_mmreg.ops.perturbation import noise_stddev
from keras_mmreg.ops.perturbation import perturb
from keras_mmreg.ops.perturbation import repeat_samples
from keras_mmreg.ops.perturbation import take
from keras_mmreg.types import Tensor

LARGEST_INFORMATION = 1e18
"""A bound that makes sums finite, too high to matter to any penalty."""


class Estimate(NamedTuple):
    """The estimated information on a batch.

    Attributes:
        information: Dict of a scalar for each modality, the mean over examples.
        total_weight: The sum of the examples' weights.
        mean_weight: The examples' mean weight, 1 without sample weights.
    """

    information: dict[str, Tensor]
    total_weight: Tensor
    mean_weight: Tensor


class InformationEstimator:
    """Estimates each modality's information (Gat et al. 2020, Eq. 11).

    Args:
        network: Reruns the model from perturbed modalities.
        measure: What is measured, and how f is sampled.
        functional: The function f of the perturbed and the clean outputs.
        seed_generator: The seed generator of the noise.
        gradient_scale: Float by which f is multiplied while its gradient is
            computed, so that the gradient does not vanish in half precision.
            Defaults to `1.0`.
        spans_batch: Whether the outputs compare all examples of a batch, so
            that each sample has to be run separately. Defaults to `False`.
        over_replicas: See `create_estimator`. Defaults to `False`.
    """

    def __init__(
        self,
        network: Network,
        measure: Measure,
        functional: ModelFunctional,
        seed_generator: keras.random.SeedGenerator | None,
        gradient_scale: float = 1.0,
        spans_batch: bool = False,
        over_replicas: bool = False,
    ) -> None:
        self._network = network
        self._measure = measure
        self._num_samples = measure.num_samples
        self._functional = functional
        self._seed_generator = seed_generator
        self._gradient_scale = gradient_scale
        self._spans_batch = spans_batch
        self._over_replicas = over_replicas

    def __call__(
        self,
        inputs: Any,
        y: Any = None,
        sample_weight: Any = None,
        fraction: float = 1.0,
        clean: Any = None,
    ) -> Estimate:
        """Estimates the information on a batch.

        Args:
            inputs: A batch of the model's inputs.
            y: Optional labels, for a loss that has an `ignore_class`.
            sample_weight: Optional weights as in `fit`. They weight the
                average of information over examples, and, if their shape is
                `(batch, time)`, the average of f over positions of an output.
            fraction: Float in (0, 1], the random part of the batch to use. The
                scale of the noise still comes from the whole batch.
            clean: The network's activations on `inputs`, if known. Defaults to
                `None`, which computes them.

        Returns:
            An `Estimate`.
        """
        weight = example_weight(sample_weight)
        whole_batch, whole_weight = None, weight
        if fraction < 1.0:
            whole_batch = (
                self._network.points(inputs)
                if clean is None
                else self._network.points_of(clean)
            )
            chosen = choose_examples(inputs, fraction, self._seed_generator)
            inputs, y, sample_weight, weight = take(
                (inputs, y, sample_weight, weight), chosen
            )
            if self._spans_batch:
                clean = None
            elif clean is not None:
                clean = self._network.take(clean, chosen)
        if clean is None:
            clean = self._network.run(inputs)
        points = float_points(self._network, self._network.points_of(clean))
        weights = (weight, whole_weight)
        stddev = self._stddev(points, whole_batch or points, weights)
        outputs = self._network.outputs_of(clean)
        positions = self._functional.position_weights(y, outputs, sample_weight)
        compare = self._comparison(clean, positions)
        information = self._information(clean, points, stddev, compare)
        counted = self._functional.counted_examples(positions)
        if counted is None:
            counted = ops.ones((batch_size(inputs),))
        weight = counted if weight is None else weight * counted
        mean = mean_over_batch if self._over_replicas else weighted_mean
        means = {
            name: mean(ops.minimum(value, LARGEST_INFORMATION), weight)
            for name, value in information.items()
        }
        total, number = ops.sum(weight), ops.sum(counted)
        if self._over_replicas:
            total, number = sum_over_replicas(total), sum_over_replicas(number)
        return Estimate(means, total, total / ops.maximum(number, 1))

    def _stddev(
        self,
        points: dict[str, Tensor],
        whole_batch: dict[str, Tensor],
        weights: tuple[Tensor | None, Tensor | None],
    ) -> dict[str, Tensor]:
        """Returns the scale of the noise at each point.

        `whole_batch` lacks the points that only a run of the model can compute.
        """
        scales = {}
        for leaf, x in points.items():
            weight = weights[0]
            stddev = self._measure.stddev
            if isinstance(stddev, dict):
                stddev = stddev[self._network.leaves[leaf]]
            if stddev == "batch" and leaf in whole_batch:
                x, weight = whole_batch[leaf], weights[1]
            scales[leaf] = noise_stddev(
                at_least_float32(x),
                stddev,
                mask_of(x),
                weight,
                self._over_replicas,
            )
        return scales

    def _prediction(self, activations: Any) -> Prediction:
        outputs = keras.tree.flatten(self._network.outputs_of(activations))
        return Prediction(outputs, self._network.logits_of(activations))

    def _comparison(
        self, clean: Any, positions: list[Tensor | None]
    ) -> Callable[[Any], Tensor]:
        """Returns a function to compare activations with clean ones (Eq. 7)."""
        structure = self._network.outputs_of(clean)
        prediction, weights = keras.tree.map_structure(
            lambda x: (
                x
                if x is None or isinstance(x, str)
                else repeat_samples(x, self._samples_at_once)
            ),
            (tuple(self._prediction(clean)), positions),
        )
        prediction = Prediction(*prediction)

        def compare(activations: Any) -> Tensor:
            values = self._functional(
                self._prediction(activations), prediction, weights, structure
            )
            if len(values.shape) != 1:
                raise ValueError(
                    "`functional` must return one number for each example, a "
                    "tensor of shape `(batch,)`. "
                    f"Received: shape {tuple(values.shape)}"
                )
            return values

        return compare

    def _information(
        self,
        clean: Any,
        points: dict[str, Tensor],
        stddev: dict[str, Tensor],
        compare: Callable[[Any], Tensor],
    ) -> dict[str, Tensor]:
        """Returns the information of each example, by modality."""
        z = self._perturb(points, stddev, self._num_samples)
        one_at_a_time = [
            {leaf: z[leaf] for leaf in z if self._network.leaves[leaf] == name}
            for name in self._network.modalities
        ]
        one_at_a_time = [group for group in one_at_a_time if group]
        if self._measure.perturbation == "coordinate":  # Eq. 10-12
            origin, groups = clean, one_at_a_time
        elif self._measure.differentiates:  # Eq. 9, 18: one pass for all
            origin, groups = clean, [z]
        else:  # Eq. 5, 16: the others are fixed at a draw that samples share
            others = self._perturb(points, stddev, num_samples=1)
            origin = self._network.replace(clean, others)
            groups = one_at_a_time
        information: dict[str, Tensor] = {}
        for group in groups:
            information |= self._measured(
                origin, group, points, stddev, compare
            )
        return information

    def _perturb(
        self,
        points: dict[str, Tensor],
        stddev: dict[str, Tensor],
        num_samples: int,
    ) -> dict[str, Tensor]:
        """Draws z around x (Eq. 6), in float32 or float64."""
        return {
            leaf: perturb(
                at_least_float32(x),
                stddev[leaf],
                num_samples,
                self._seed_generator,
                mask_of(x),
            )
            for leaf, x in points.items()
        }

    @property
    def _samples_at_once(self) -> int:
        return 1 if self._spans_batch else self._num_samples

    def _measured(
        self,
        origin: Any,
        perturbed: dict[str, Tensor],
        points: dict[str, Tensor],
        stddev: dict[str, Tensor],
        compare: Callable[[Any], Tensor],
    ) -> dict[str, Tensor]:
        """Returns each example's information of the perturbed modalities."""

        def f(z: dict[str, Tensor]) -> Tensor:  # Eq. 7
            count = self._samples_at_once
            if count == self._num_samples:
                return compare(self._network.replace(origin, z, count))
            parts = {
                leaf: ops.split(x, self._num_samples) for leaf, x in z.items()
            }
            return ops.concatenate(
                [
                    compare(
                        self._network.replace(
                            origin, {leaf: parts[leaf][i] for leaf in parts}
                        )
                    )
                    for i in range(self._num_samples)
                ]
            )

        if self._measure.differentiates:
            return self._from_gradients(f, perturbed, points, stddev)
        values = ops.reshape(f(perturbed), (self._num_samples, -1))
        (leaf, *_) = perturbed
        name = self._network.leaves[leaf]
        return {name: self._measure.information(values, None, stddev[leaf])}

    def _from_gradients(
        self,
        f: Any,
        perturbed: dict[str, Tensor],
        points: dict[str, Tensor],
        stddev: dict[str, Tensor],
    ) -> dict[str, Tensor]:
        scale = self._gradient_scale
        values, gradients = backend.value_and_input_gradients(
            lambda z: f(z) * scale, perturbed
        )
        values = ops.reshape(values / scale, (self._num_samples, -1))
        information: dict[str, Tensor] = {}
        # JAX returns its dict in another order.
        for leaf in perturbed:
            name = self._network.leaves[leaf]
            gradient = gradients[leaf]
            if gradient is None:
                raise ValueError(_disconnected(name))
            mask = mask_of(points[leaf])
            if mask is not None:
                mask = repeat_samples(mask, self._num_samples)
                gradient = gradient * align_mask(mask, gradient)
            # Squared norms of a modality's tensors add up.
            added = self._measure.information(
                values,
                unscaled_gradient(gradient, scale),
                self._repeat_stddev(stddev[leaf]),
            )
            information[name] = information.get(name, 0.0) + added
        return information

    def _repeat_stddev(self, stddev: Tensor) -> Tensor:
        """Repeats a per-example scale in the same way as z."""
        if stddev.shape[0] == 1:
            return stddev
        return repeat_samples(stddev, self._num_samples)


def _disconnected(name: str) -> str:
    return (
        f"The prediction has no gradient by modality {name!r}: nothing "
        "differentiable leads from it to the outputs, so its information "
        "cannot be raised. Look for `stop_gradient`, `argmax`, a cast to "
        "integers or an unused input; measure the modality behind it with "
        f"`taps={{{name!r}: <layer name>}}`, or leave it out by naming the "
        "others in `modalities=[...]`."
    )
