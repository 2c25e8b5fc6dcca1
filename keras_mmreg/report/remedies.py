"""Finds out which methods a model has, and which others it could have."""

import keras

from keras_mmreg.backend.keras_internals import as_graph
from keras_mmreg.information.resolve_functional import resolve_output
from keras_mmreg.models import RegularizedModel
from keras_mmreg.models.unwrap import unwrap
from keras_mmreg.regularizers import Regularizer
from keras_mmreg.report.interventions import takes_noise
from keras_mmreg.report.subject import Subject


def in_use(model: keras.Model) -> list[Regularizer]:
    """Returns the methods that a model is trained with."""
    return model.regularizers if isinstance(model, RegularizedModel) else []


def idle(model: keras.Model) -> list[str]:
    """Returns the methods that do nothing because their gate is shut.

    A gate whose values are all 0 was not measured yet.
    """
    gated = [method.name for method in in_use(model) if method.uses_gate]
    if not gated or model.gate.is_open_anywhere():
        return []
    values = keras.ops.convert_to_numpy(model.gate.values)
    return gated if values.any() else []


def noise_needs(subject: Subject) -> str | None:
    """Returns what `Result.noise_needs` says."""
    x = subject.examples.x
    if all(takes_noise(x, own) for own in subject.leaves.values()):
        return "nothing"
    return "taps" if has_graph(subject.model) else None


def has_graph(model: keras.Model) -> bool:
    """Returns whether the model, or the one inside, is a graph of layers."""
    return as_graph(unwrap(model)) is not None


def is_understood(subject: Subject) -> bool:
    """Returns whether the loss, if any, tells a gate what the labels mean."""
    model = subject.model
    loss = getattr(model, "loss", None)
    try:
        resolve_output("auto", loss, unwrap(model), subject.y)
    except ValueError:
        return loss is None
    return True
