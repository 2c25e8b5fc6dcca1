"""Estimates how much each modality informs about a model's predictions."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_mmreg import backend
from keras_mmreg.models.functional import Functional
from keras_mmreg.models.functional import resolve_functional
from keras_mmreg.models.network import Network
from keras_mmreg.ops.masking import mask_of
from keras_mmreg.ops.numerics import weighted_mean
from keras_mmreg.ops.perturbation import align_mask
from keras_mmreg.ops.perturbation import noise_stddev
from keras_mmreg.ops.perturbation import perturb
from keras_mmreg.ops.perturbation import repeat_samples
from keras_mmreg.ops.perturbation import take_examples
from keras_mmreg.regularizers import InformationRegularizer
from keras_mmreg.types import Tensor

FLOAT16_GRADIENT_SCALE = 2.0**7
"""Lifts the gradients of single examples above float16's smallest numbers."""

LARGEST_FLOAT16 = 65504.0

LARGEST_INFORMATION = 1e30
"""Far above any that a penalty could tell from it; their sum is finite."""


def create_estimator(
    inner: keras.Model,
    network: Network,
    regularizer: InformationRegularizer,
    outputs: Any,
    loss: Any = None,
    functional: Any = "auto",
    seed_generator: keras.random.SeedGenerator | None = None,
) -> "InformationEstimator":
    """The estimator of a built model.

    Args:
        inner: A built `keras.Model`.
        network: How it is run again from perturbed modalities.
        regularizer: What is measured, and how f is sampled.
        outputs: A batch of the model's outputs, for their structure.
        loss: The loss it was compiled with, if any. Defaults to `None`.
        functional: See `RegularizedModel`. Defaults to `"auto"`.
        seed_generator: What the noise is drawn with.

    Returns:
        An `InformationEstimator`.

    Raises:
        ValueError: If `stddev` lacks a modality, or no functional fits.
    """
    if isinstance(regularizer.stddev, dict):
        missing = set(network.modalities) - set(regularizer.stddev)
        if missing:
            raise ValueError(
                "`stddev` must name every modality, or be one value for all. "
                f"Missing: {sorted(missing)}. "
                f"Received: {sorted(regularizer.stddev)}"
            )
    half_precision = any(
        layer.compute_dtype == "float16" for layer in inner._flatten_layers()
    )
    return InformationEstimator(
        network,
        regularizer,
        resolve_functional(
            functional, loss, inner, outputs, regularizer.cross_entropy
        ),
        seed_generator,
        gradient_scale=FLOAT16_GRADIENT_SCALE if half_precision else 1.0,
    )


class InformationEstimator:
    """The information of every modality on a batch (Gat et al. 2020, Eq. 11).

    Args:
        network: How the model is run again from perturbed modalities.
        regularizer: What is measured, and how f is sampled.
        functional: The function f of the perturbed and the clean outputs.
        seed_generator: What the noise is drawn with.
        gradient_scale: Float by which f is multiplied while its gradient is
            taken, so that it does not vanish in half precision.
            Defaults to `1.0`.
    """

    def __init__(
        self,
        network: Network,
        regularizer: InformationRegularizer,
        functional: Functional,
        seed_generator: keras.random.SeedGenerator,
        gradient_scale: float = 1.0,
    ) -> None:
        self._network = network
        self._regularizer = regularizer
        self._num_samples = regularizer.num_samples
        self._functional = functional
        self._seed_generator = seed_generator
        self._gradient_scale = gradient_scale

    def __call__(
        self,
        inputs: Any,
        sample_weight: Any = None,
        fraction: float = 1.0,
        clean: Any = None,
    ) -> dict[str, Tensor]:
        """Estimates the information on a batch.

        Args:
            inputs: A batch of the model's inputs.
            sample_weight: Optional weights as in `fit`: the examples'
                information is averaged by them, and f over the positions of
                an output whose weights are `(batch, time)`.
            fraction: Float in (0, 1], the random part of the batch to use. The
                scale of the noise still comes from the whole batch.
            clean: The network's activations on `inputs`, where they are known.
                Defaults to `None`: they are computed.

        Returns:
            Dict of a float32 scalar for each modality.
        """
        whole_batch = None
        if fraction < 1.0:
            whole_batch = (
                self._network.points(inputs)
                if clean is None
                else self._network.points_of(clean)
            )
            chosen = self._choose(inputs, fraction)
            inputs, sample_weight = keras.tree.map_structure(
                lambda x: None if x is None else take_examples(x, chosen),
                (inputs, sample_weight),
            )
            if clean is not None:
                clean = self._network.take(clean, chosen)
        if clean is None:
            clean = self._network.run(inputs)
        points = self._network.points_of(clean)
        stddev = self._stddev(points, whole_batch or points)
        compare = self._comparison(clean, sample_weight)
        information = self._information(clean, points, stddev, compare)
        weight = example_weight(sample_weight)
        return {
            name: weighted_mean(ops.minimum(value, LARGEST_INFORMATION), weight)
            for name, value in information.items()
        }

    def _choose(self, inputs: Any, fraction: float) -> Tensor:
        """Indices of a fresh random part of the batch, at least one example."""
        batch = batch_size(inputs)
        order = ops.argsort(
            keras.random.uniform((batch,), seed=self._seed_generator)
        )
        if isinstance(batch, int):
            return order[: max(round(fraction * batch), 1)]
        size = ops.round(fraction * ops.cast(batch, "float32"))
        return order[: ops.maximum(ops.cast(size, "int32"), 1)]

    def _stddev(
        self, points: dict[str, Tensor], whole_batch: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """The scale of each modality's noise.

        What needs a run of the model to be known is not in `whole_batch`.
        """
        scales = {}
        for name, x in points.items():
            stddev = self._regularizer.stddev
            if isinstance(stddev, dict):
                stddev = stddev[name]
            if stddev == "batch":
                x = whole_batch.get(name, x)
            x_float32 = ops.cast(x, "float32")
            scales[name] = noise_stddev(x_float32, stddev, mask_of(x))
        return scales

    def _comparison(
        self, clean: Any, sample_weight: Any
    ) -> Callable[[Any], Tensor]:
        """The functional of perturbed outputs from the clean ones (Eq. 7)."""
        clean_outputs, sample_weight = keras.tree.map_structure(
            lambda x: (
                None if x is None else repeat_samples(x, self._num_samples)
            ),
            (self._network.outputs_of(clean), sample_weight),
        )

        def compare(outputs: Any) -> Tensor:
            values = self._functional(outputs, clean_outputs, sample_weight)
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
        """The information of each example."""
        z = self._perturb(points, stddev, self._num_samples)
        one_at_a_time = [{name: value} for name, value in z.items()]
        if self._regularizer.perturbation == "coordinate":  # Eq. 10-12
            origin, groups = clean, one_at_a_time
        elif self._regularizer.differentiates:  # Eq. 9, 18: one pass for all
            origin, groups = clean, [z]
        else:  # Eq. 5, 16: the others sit at a draw that all samples share
            others = self._perturb(points, stddev, num_samples=1)
            origin = self._network.replace(clean, others)
            groups = one_at_a_time
        information: dict[str, Tensor] = {}
        for group in groups:
            information |= self._measure(origin, group, points, stddev, compare)
        return information

    def _perturb(
        self,
        points: dict[str, Tensor],
        stddev: dict[str, Tensor],
        num_samples: int,
    ) -> dict[str, Tensor]:
        """Draws z around x (Eq. 6), in float32 under any dtype policy."""
        return {
            name: perturb(
                ops.cast(x, "float32"),
                stddev[name],
                num_samples,
                self._seed_generator,
                mask_of(x),
            )
            for name, x in points.items()
        }

    def _measure(
        self,
        origin: Any,
        perturbed: dict[str, Tensor],
        points: dict[str, Tensor],
        stddev: dict[str, Tensor],
        compare: Callable[[Any], Tensor],
    ) -> dict[str, Tensor]:
        """The information of the perturbed modalities, of each example."""

        def f(z: dict[str, Tensor]) -> Tensor:  # Eq. 7
            moved = self._network.replace(origin, z, self._num_samples)
            return compare(self._network.outputs_of(moved))

        if not self._regularizer.differentiates:
            return self._from_values(f(perturbed), perturbed, stddev)
        return self._from_gradients(f, perturbed, points, stddev)

    def _from_values(
        self,
        values: Tensor,
        perturbed: dict[str, Tensor],
        stddev: dict[str, Tensor],
    ) -> dict[str, Tensor]:
        values = ops.reshape(values, (self._num_samples, -1))
        return {
            name: self._regularizer.information(values, None, stddev[name])
            for name in perturbed
        }

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
        information = {}
        for name in perturbed:  # JAX returns its dict in another order.
            gradient = gradients[name]
            if gradient is None:
                raise ValueError(_disconnected(name))
            mask = mask_of(points[name])
            if mask is not None:
                mask = repeat_samples(mask, self._num_samples)
                gradient = gradient * align_mask(mask, gradient)
            if scale != 1.0:  # Half precision may have overflowed.
                gradient = ops.nan_to_num(
                    gradient, 0.0, LARGEST_FLOAT16, -LARGEST_FLOAT16
                )
            information[name] = self._regularizer.information(
                values, gradient / scale, self._repeat_stddev(stddev[name])
            )
        return information

    def _repeat_stddev(self, stddev: Tensor) -> Tensor:
        """Repeats a scale that differs between examples as z is repeated."""
        if stddev.shape[0] == 1:
            return stddev
        return repeat_samples(stddev, self._num_samples)


def batch_size(inputs: Any) -> int | Tensor:
    """The number of examples; optional inputs may be `None`."""
    leaves = [x for x in keras.tree.flatten(inputs) if x is not None]
    return ops.shape(leaves[0])[0]


def example_weight(sample_weight: Any) -> Tensor | None:
    """One weight for each example: the mean over outputs and positions."""
    weights = [
        ops.mean(
            ops.reshape(
                ops.cast(weight, "float32"), (ops.shape(weight)[0], -1)
            ),
            axis=-1,
        )
        for weight in keras.tree.flatten(sample_weight)
        if weight is not None
    ]
    return sum(weights) / len(weights) if weights else None


def _disconnected(name: str) -> str:
    return (
        f"The prediction has no gradient by modality {name!r}: nothing "
        "differentiable leads from it to the outputs, so its information "
        "cannot be raised. Look for `stop_gradient`, `argmax`, a cast to "
        "integers or an unused input; measure the modality behind it with "
        f"`taps={{{name!r}: <layer name>}}`, or leave it out by naming the "
        "others in `modalities=[...]`."
    )
