"""Regularizers: methods that act on the training steps of a model."""

from typing import Any

import keras

from keras_mmreg.regularizers.disentangled_gradients import (
    DisentangledGradients,
)
from keras_mmreg.regularizers.fisher_information import FisherInformation
from keras_mmreg.regularizers.functional_entropy import FunctionalEntropy
from keras_mmreg.regularizers.functional_variance import FunctionalVariance
from keras_mmreg.regularizers.gradient_blending import GradientBlending
from keras_mmreg.regularizers.gradient_modulation import GradientModulation
from keras_mmreg.regularizers.information_regularizer import (
    InformationRegularizer,
)
from keras_mmreg.regularizers.modality_dependence import ModalityDependence
from keras_mmreg.regularizers.modality_dropout import ModalityDropout
from keras_mmreg.regularizers.modality_gate import ModalityGate
from keras_mmreg.regularizers.modality_mix import ModalityMix
from keras_mmreg.regularizers.modality_noise import ModalityNoise
from keras_mmreg.regularizers.modality_shuffle import ModalityShuffle
from keras_mmreg.regularizers.poincare_information import PoincareInformation
from keras_mmreg.regularizers.prototypical_rebalance import (
    PrototypicalRebalance,
)
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.strength import strength_from_authors
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.regularizers.unimodal_loss import UnimodalLoss

ALIASES: dict[str, type[Regularizer]] = {
    cls.alias: cls
    for cls in (
        FisherInformation,
        PoincareInformation,
        FunctionalEntropy,
        FunctionalVariance,
        ModalityNoise,
        ModalityDropout,
        ModalityMix,
        ModalityDependence,
        UnimodalLoss,
        GradientBlending,
        DisentangledGradients,
        GradientModulation,
        PrototypicalRebalance,
    )
}
"""Methods that can be requested by name, with their default arguments."""

FOR_ENCODERS = (
    UnimodalLoss,
    GradientBlending,
    GradientModulation,
    PrototypicalRebalance,
)
"""Methods that train encoders, which `DisentangledGradients` would undo."""


def get(identifier: Any) -> Regularizer:
    """Turns a name, a config or an instance into a regularizer.

    Args:
        identifier: A name, such as `"fisher"`, for a regularizer with its
            default arguments; a serialized config; or a `Regularizer`, which is
            returned unchanged.

    Returns:
        A `Regularizer`.

    Raises:
        ValueError: If `identifier` is none of these.

    Example:

    >>> get("fisher").strength
    'auto'
    """
    if isinstance(identifier, Regularizer):
        return identifier
    if isinstance(identifier, str) and identifier in ALIASES:
        return ALIASES[identifier]()
    if isinstance(identifier, dict):
        method = keras.saving.deserialize_keras_object(identifier)
        if isinstance(method, Regularizer):
            return method
    raise ValueError(
        f"`regularizer` must be one of {sorted(ALIASES)}, an instance such as "
        "`keras_mmreg.regularizers.FisherInformation(strength=0.1)` or "
        "`ModalityShuffle(['color'])`, which is told what to shuffle, or a "
        f"list of these. Received: {identifier!r}"
    )


def get_all(identifiers: Any) -> list[Regularizer]:
    """Turns one identifier or a list of them into regularizers.

    Args:
        identifiers: An identifier as for `get`, or a list of identifiers.

    Returns:
        A list of `Regularizer` instances with different names.

    Raises:
        ValueError: If an identifier is unknown, the list is empty, two methods
            would log under the same name, or one would undo another.

    Example:

    >>> [method.name for method in get_all(["fisher", "poincare"])]
    ['fisher', 'poincare']
    """
    if not isinstance(identifiers, list | tuple):
        identifiers = [identifiers]
    if not identifiers:
        raise ValueError(
            "`regularizer` must name at least one method. Received: an empty "
            "list. Train `inner` itself for plain training."
        )
    methods = [get(identifier) for identifier in identifiers]
    logged = [method.name for method in methods]
    prefixes = log_prefixes(methods)
    for name, method in {method.name: method for method in methods}.items():
        logged += [
            f"{prefixes[name]}{log}" for log in method.log_names_for(["*"])
        ]
    twice = sorted({name for name in logged if logged.count(name) > 1})
    if twice:
        raise ValueError(
            "`regularizer` must hold methods that log under different names. "
            f"Received: {twice} more than once. Pass `name=` to one of them, "
            "or leave one out."
        )
    _require_gradients(methods)
    return methods


def log_prefixes(methods: list[Regularizer]) -> dict[str, str]:
    """Returns what stands before the names of each method's own logs.

    Of the information regularizers, which log the same names, all but the first
    put their own name in front: `poincare_information_<modality>`.

    Args:
        methods: List of `Regularizer` instances.

    Returns:
        Dict from a method's name to a string, which most often is empty.
    """
    further = [m for m in methods if isinstance(m, InformationRegularizer)][1:]
    return {m.name: f"{m.name}_" if m in further else "" for m in methods}


def _require_gradients(methods: list[Regularizer]) -> None:
    """Raises if one method would keep another's gradient from the encoders."""
    disentangles = any(isinstance(m, DisentangledGradients) for m in methods)
    undone = [m.name for m in methods if isinstance(m, FOR_ENCODERS)]
    if disentangles and undone:
        raise ValueError(
            "`regularizer` must not hold 'disentangled' together with methods "
            "that train or balance the encoders: it lets no gradient but its "
            f"own through to them. Leave it, or {undone}, out."
        )


def create_gate(methods: list[Regularizer]) -> ModalityGate | None:
    """Returns the gate that some methods share, or `None` if none needs one.

    A gate that is already among the methods serves all of them.

    Args:
        methods: List of `Regularizer` instances.
    """
    given = [m for m in methods if isinstance(m, ModalityGate)]
    if given:
        return given[0]
    needed = any(method.uses_gate for method in methods)
    return ModalityGate() if needed else None


__all__ = [
    "DisentangledGradients",
    "FisherInformation",
    "FunctionalEntropy",
    "FunctionalVariance",
    "GradientBlending",
    "GradientModulation",
    "InformationRegularizer",
    "ModalityDependence",
    "ModalityDropout",
    "ModalityGate",
    "ModalityMix",
    "ModalityNoise",
    "ModalityShuffle",
    "PoincareInformation",
    "PrototypicalRebalance",
    "Regularizer",
    "TrainingPass",
    "UnimodalLoss",
    "get",
    "get_all",
    "strength_from_authors",
]
