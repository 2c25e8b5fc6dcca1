"""Drops modalities at random in training."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras

from keras_mmreg.backend.keras_internals import all_layers
from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_number
from keras_mmreg.information.examples import example_weight
from keras_mmreg.interventions import draw_kept
from keras_mmreg.interventions import drop
from keras_mmreg.interventions.drop import doubt_zeros
from keras_mmreg.layers import MissingModality
from keras_mmreg.network import Network
from keras_mmreg.network.checks import require_floats
from keras_mmreg.network.checks import require_more_than_padding
from keras_mmreg.network.checks import require_no_bypass
from keras_mmreg.network.checks import require_no_strings
from keras_mmreg.network.naming import check_named
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class ModalityDropout(Regularizer):
    """Drops modalities from random examples, but never all of them.

    Each modality of each example is replaced with probability `rate`, so that
    the model learns to do without it. The training metrics are computed from
    such predictions.

    To learn a token that stands for a missing modality, in training data and at
    inference alike, build the model with a
    `keras_mmreg.layers.MissingModality`. NaN tells this layer which examples
    are dropped: pass `value={"audio": "nan"}`.

    Args:
        rate: Float in [0, 1), the probability of dropping a modality. Defaults
            to `0.2`.
        value: The replacement of a dropped modality: `"zero"`, `"mean"` (the
            mean of the batch at each coordinate) or `"nan"`, or a dict from
            modality to one of these, with `"zero"` for modalities that it does
            not name. Defaults to `"zero"`.
        **kwargs: See `Regularizer`: `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range, `value` names something that
            is not a modality of the model, or `"nan"` is used for a modality of
            integers.

    Example:

    >>> ModalityDropout(rate=0.3, value="mean").rate
    0.3

    References:
        - Neverova et al., ModDrop: Adaptive Multi-modal Gesture Recognition,
          2015.
    """

    alias = "dropout"
    without = ("strength", "fraction", "schedule")
    search_range = ("rate", 0.05, 0.5)

    def __init__(
        self,
        rate: float = 0.2,
        value: str | Mapping[str, str] = "zero",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_number("rate", rate, minimum=0, below=1)
        values = value.values() if isinstance(value, Mapping) else [value]
        for each in values:
            check_choice("value", each, ("zero", "mean", "nan"))
        self.rate = rate
        self.value = value

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that `value` names modalities of the model."""
        super().check(network, inner)
        require_no_strings(network, self.name)
        require_more_than_padding(network, inner, self.name)
        require_no_bypass(network, self.name)
        if isinstance(self.value, Mapping):
            check_named("value", self.value, inner, network.modalities)
        made_nan = [n for n in network.modalities if self._value_of(n) == "nan"]
        require_floats(network, made_nan)
        replaces = any(
            isinstance(layer, MissingModality) for layer in all_layers(inner)
        )
        if made_nan and not replaces:
            warnings.warn(
                "`value='nan'` is for models that replace NaN, but the model "
                "has no `keras_mmreg.layers.MissingModality`: unless another "
                "layer does so, its outputs and loss will be NaN.",
                stacklevel=2,
            )

    def warnings(self, logs: Mapping[str, float], epoch: int) -> dict[str, str]:
        """Warns of a loss that is not finite."""
        zeros = "zero" in map(self._value_of, self.modalities)
        return doubt_zeros(logs) if zeros else {}

    def perturb(
        self, points: Mapping[str, Tensor], training_pass: TrainingPass
    ) -> dict[str, Tensor]:
        """Replaces the dropped modalities."""
        kept = training_pass.memo(
            self,
            lambda: draw_kept(
                len(self.modalities),
                training_pass.batch_size,
                self.rate,
                self.seed_generator,
                never_none=not training_pass.network.others,
            ),
        )
        leaves = training_pass.network.leaves
        columns = {name: i for i, name in enumerate(self.modalities)}
        dropped = {}
        for leaf, x in points.items():
            value = self._value_of(leaves[leaf])
            dropped[leaf] = drop(
                x,
                kept[:, columns[leaves[leaf]]],
                float("nan") if value == "nan" else value,
                example_weight(training_pass.sample_weight),
            )
        return dropped

    def _value_of(self, modality: str) -> str:
        if isinstance(self.value, Mapping):
            return self.value.get(modality, "zero")
        return self.value

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        value = self.value
        if isinstance(value, Mapping):
            value = dict(value)
        return {**super().get_config(), "rate": self.rate, "value": value}
