"""Creates the estimator of a model's information."""

from typing import Any

import keras

from keras_mmreg.information.estimator import InformationEstimator
from keras_mmreg.information.measure import Measure
from keras_mmreg.information.resolve_functional import resolve_functional
from keras_mmreg.network import Network
from keras_mmreg.network.naming import check_named
from keras_mmreg.ops.half_precision import gradient_scale


def create_estimator(
    inner: keras.Model,
    network: Network,
    measure: Measure,
    outputs: Any,
    loss: Any = None,
    functional: Any = "auto",
    seed_generator: keras.random.SeedGenerator | None = None,
    spans_batch: bool = False,
    over_replicas: bool = False,
) -> InformationEstimator:
    """Creates the estimator for a built model.

    Args:
        inner: A built `keras.Model`.
        network: Reruns the model from perturbed modalities.
        measure: What is measured, and how f is sampled.
        outputs: A batch of the model's outputs, for their structure.
        loss: The loss that the model was compiled with, if any. Defaults to
            `None`.
        functional: See `RegularizedModel`. Defaults to `"auto"`.
        seed_generator: The seed generator of the noise.
        spans_batch: Whether the outputs compare all examples of a batch, see
            `outputs_span_batch`. Defaults to `False`.
        over_replicas: Whether the batch comprises the parts on all devices that
            share it, as in training. Defaults to `False`.

    Returns:
        An `InformationEstimator`.

    Raises:
        ValueError: If a modality cannot be perturbed, `stddev` lacks a modality
            or names an unknown one, or no functional fits.
    """
    network.require_float_points()
    check_names_of_stddev(measure.stddev, inner, network.modalities)
    return InformationEstimator(
        network,
        measure,
        resolve_functional(
            functional, loss, inner, outputs, measure.cross_entropy
        ),
        seed_generator,
        gradient_scale=gradient_scale(inner),
        spans_batch=spans_batch,
        over_replicas=over_replicas,
    )


def check_names_of_stddev(
    stddev: Any, inner: keras.Model, modalities: list[str]
) -> None:
    """Raises unless `stddev` is one value, or names every modality.

    Raises:
        ValueError: If `stddev` lacks a modality or names an unknown one.
    """
    if not isinstance(stddev, dict):
        return
    check_named("stddev", stddev, inner, modalities)
    missing = set(modalities) - set(stddev)
    if missing:
        raise ValueError(
            "`stddev` must name every modality, or be one value for all. "
            f"Missing: {sorted(missing)}. Received: {sorted(stddev)}"
        )
