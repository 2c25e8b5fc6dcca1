"""Models of one modality only, for comparison with a multimodal one."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_mmreg.network.naming import symbolic_inputs
from keras_mmreg.report.output import Output
from keras_mmreg.report.task import as_array


class UnimodalModel:
    """A model that receives only one modality of a batch.

    Args:
        model: A `keras.Model` with the outputs of the multimodal one. If its
            inputs are a dict, the modality must have the same name there.
        modality: The name of the modality.
        leaves: The indices of the modality's inputs; see `modality_leaves`.
        output: The output that the report is on.
    """

    def __init__(
        self,
        model: keras.Model,
        modality: str,
        leaves: list[int],
        output: Output,
    ) -> None:
        self._model = model
        self._modality = modality
        self._leaves = leaves
        self._output = output

    def predict(self, x: Any) -> np.ndarray:
        """Returns the output for a batch of the multimodal model's inputs."""
        predictions = self._model.predict_on_batch(self._inputs(x))
        return as_array(self._output.of(predictions, "predictions"))

    def _inputs(self, x: Any) -> Any:
        sequential = isinstance(self._model, keras.Sequential)
        # The inputs of a subclassed model are unknown.
        named = isinstance(getattr(self._model, "input", {}), dict)
        if named and not sequential and isinstance(x, Mapping):
            return {
                name: value
                for name, value in x.items()
                if name == self._modality
                or name.startswith(f"{self._modality}/")
            }
        leaves = keras.tree.flatten(x)
        own = [leaves[index] for index in self._leaves]
        return own[0] if len(own) == 1 else own


def create_unimodal(
    unimodal: Mapping[str, keras.Model] | None,
    leaves: Mapping[str, list[int]],
    output: Output,
) -> dict[str, UnimodalModel]:
    """Creates a `UnimodalModel` for each modality that has a model.

    Raises:
        ValueError: If a value is not a model, or its modality does not exist.
    """
    unimodal = unimodal or {}
    if not isinstance(unimodal, Mapping) or not all(
        isinstance(model, keras.Model) for model in unimodal.values()
    ):
        raise ValueError(
            "`unimodal` must be a dict from a modality to a `keras.Model` of "
            f"it. Received: unimodal={unimodal!r}"
        )
    unknown = [name for name in unimodal if name not in leaves]
    if unknown:
        raise ValueError(
            f"`unimodal` must have modalities of {list(leaves)}. "
            f"Received: {unknown}"
        )
    for name, model in unimodal.items():
        inputs = keras.tree.flatten(symbolic_inputs(model))
        if len(inputs) > len(leaves[name]):
            raise ValueError(
                "`unimodal` must have models of one modality only, as "
                "`keras_mmreg.models.single_modality_model` builds them. "
                f"Received for {name!r}: a model of {len(inputs)} inputs"
            )
    return {
        name: UnimodalModel(model, name, leaves[name], output)
        for name, model in unimodal.items()
    }
