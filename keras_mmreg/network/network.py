"""The protocol of a network, which reruns a model from its modalities' points.

A network has one *point* for each modality: the modality's input tensors, or
the output of the layer that taps it. `run` computes all activations; `replace`
recomputes the activations for new values at some of the points.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import Protocol

import keras

from keras_mmreg.types import Tensor

Points = Mapping[str, Tensor]
"""The tensors at the points, by leaf: see `network.naming`."""

Intervention = Callable[[dict[str, Tensor]], dict[str, Tensor]]
"""Maps tensors at points to the tensors with which the model continues."""


class Network(Protocol):
    """Reruns an inner model; each kind of network has its own activations.

    Attributes:
        leaves: Dict from each tensor at the points to its modality. A tapped
            modality is one leaf with the modality's name.
        modalities: The names of the modalities that have points.
        others: The names of the model's other modalities, which `modalities=`
            leaves out.
    """

    leaves: dict[str, str]
    modalities: list[str]
    others: list[str]

    @property
    def symbols(self) -> dict[str, keras.KerasTensor]:
        """The symbolic tensor at each point, if known before a run."""

    @property
    def feature_symbols(self) -> dict[str, list[keras.KerasTensor]]:
        """The symbolic tensors that `features_of` returns."""

    @property
    def output_symbols(self) -> Any:
        """The symbolic outputs of the model."""

    def leaves_of(self, modality: str) -> list[str]:
        """Returns the leaves of a modality."""

    def points(self, inputs: Any) -> dict[str, Tensor]:
        """Returns the clean values at points known without a full run.

        Points inside an opaque model are left out.
        """

    def run(
        self,
        inputs: Any,
        training: bool = False,
        intervene: Intervention | None = None,
    ) -> Any:
        """Computes all activations on a batch.

        Args:
            inputs: A batch of the model's inputs.
            training: Whether layers behave as in training: dropout drops,
                batch statistics are used and updated. Defaults to `False`.
            intervene: Optional function that changes the values at the points
                before the model continues. A functional model passes all points
                at once, an opaque one as they are computed.
        """

    def points_of(self, activations: Any) -> dict[str, Tensor]:
        """Returns the values at the points, from the activations."""

    def features_of(self, activations: Any) -> dict[str, list[Tensor]]:
        """Returns each modality's features before it is merged with another.

        These are the last tensor that depends on the modality alone, wherever
        its point is, or the tensors at the point if the model is not a graph.
        """

    def outputs_of(self, activations: Any) -> Any:
        """Returns the model's outputs, from the activations."""

    def logits_of(self, activations: Any) -> list[tuple | None]:
        """Returns each output's last activation by name, and its input.

        An entry is `None` if the output does not end in a softmax or sigmoid
        that can be separated from the computation before it.
        """

    def take(self, activations: Any, indices: Tensor) -> Any:
        """Returns the activations of some of the examples."""

    def replace(
        self, activations: Any, values: Points, num_samples: int = 1
    ) -> Any:
        """Returns the activations for new values at some points.

        This runs in inference mode: batch statistics and dropout would change a
        prediction for reasons other than the new values, and moving statistics
        would be updated twice.

        Args:
            activations: Activations that `run` or `replace` returned.
            values: Dict of tensors of shape `(num_samples * batch, ...)`. A
                tensor without a padding mask keeps the mask of the tensor that
                it replaces.
            num_samples: Integer, samples for each example. Defaults to `1`.

        Returns:
            Activations of `num_samples * batch` examples.
        """

    def modalities_at_inputs(self) -> list[str]:
        """Returns the modalities that have no encoder before their points."""

    def around(self, modality: str) -> list[str]:
        """Returns a modality's inputs that reach the outputs past its point.

        An opaque model does not reveal its paths. There, these are all inputs
        of a tapped modality that has several, or whose mask is not part of the
        layer's output.
        """

    def bypassing(self, modality: str) -> list[str]:
        """Returns a modality's inputs that only partly go through its point.

        Such inputs reach the outputs past the point as well as through it.
        Tensors that are computed from a shape or from booleans do not count:
        they say where data are, but not what they are. For an opaque model, no
        such inputs are found.
        """

    def require_float_points(self) -> None:
        """Raises for a modality to which no noise can be added."""
