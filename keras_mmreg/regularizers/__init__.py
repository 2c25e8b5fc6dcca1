"""Regularizers: from the information of each modality to one penalty."""

from typing import Any

import keras

from keras_mmreg.regularizers.fisher_information import FisherInformation
from keras_mmreg.regularizers.functional_entropy import FunctionalEntropy
from keras_mmreg.regularizers.functional_variance import FunctionalVariance
from keras_mmreg.regularizers.information_regularizer import (
    InformationRegularizer,
)
from keras_mmreg.regularizers.poincare_information import PoincareInformation
from keras_mmreg.regularizers.strength import strength_from_authors

ALIASES: dict[str, type[InformationRegularizer]] = {
    "fisher": FisherInformation,
    "poincare": PoincareInformation,
    "entropy": FunctionalEntropy,
    "variance": FunctionalVariance,
}


def get(identifier: Any) -> InformationRegularizer:
    """Turns a name, a config or an instance into a regularizer.

    Args:
        identifier: `"fisher"`, `"poincare"`, `"entropy"` or `"variance"` for
            one with its default arguments, a serialized config, or an
            `InformationRegularizer`, which is returned as it is.

    Returns:
        An `InformationRegularizer`.

    Raises:
        ValueError: If `identifier` is none of these.

    Example:

    >>> get("fisher").strength
    0.1
    """
    if isinstance(identifier, InformationRegularizer):
        return identifier
    if isinstance(identifier, str) and identifier in ALIASES:
        return ALIASES[identifier]()
    if isinstance(identifier, dict):
        return keras.saving.deserialize_keras_object(identifier)
    raise ValueError(
        f"`regularizer` must be one of {sorted(ALIASES)} or an instance such "
        "as `keras_mmreg.regularizers.FisherInformation(strength=0.1)`. "
        f"Received: {identifier!r}"
    )


__all__ = [
    "FisherInformation",
    "FunctionalEntropy",
    "FunctionalVariance",
    "InformationRegularizer",
    "PoincareInformation",
    "get",
    "strength_from_authors",
]
