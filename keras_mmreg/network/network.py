"""What runs an inner model again from its modalities' points.

A network has one *point* for each modality: the modality's input tensors, or
the output of the layer that taps it. `run` computes all activations; `replace`
computes what follows from new values at some of the points.
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
"""Maps tensors at points to those to go on with."""


class Network(Protocol):
    """Runs an inner model again; each kind has its own activations.

    Attributes:
        leaves: The modality of each tensor at the points. A tapped modality is
            one leaf of its own name.
        modalities: The names of the modalities.
        others: Those of the model that have no point, by `modalities=`.
    """

    leaves: dict[str, str]
    modalities: list[str]
    others: list[str]

    @property
    def symbols(self) -> dict[str, keras.KerasTensor]:
        """The symbolic tensor at each point that is known before a run."""

    @property
    def feature_symbols(self) -> dict[str, list[keras.KerasTensor]]:
        """The symbolic tensors that `features_of` returns."""

    @property
    def output_symbols(self) -> Any:
        """The symbolic outputs of the model."""

    def leaves_of(self, modality: str) -> list[str]:
        """The leaves of a modality."""

    def points(self, inputs: Any) -> dict[str, Tensor]:
        """The clean values at the points that need no run of the whole model.

        Those inside an opaque model are left out.
        """

    def run(
        self,
        inputs: Any,
        training: bool = False,
        intervene: Intervention | None = None,
    ) -> Any:
        """All activations on a batch.

        Args:
            inputs: A batch of the model's inputs.
            training: Whether layers behave as in training: dropout drops,
                batch statistics are used and updated. Defaults to `False`.
            intervene: Optional function that changes the values at the points
                before the model goes on from there. A functional model passes
                all of them at once, an opaque one as they come.
        """

    def points_of(self, activations: Any) -> dict[str, Tensor]:
        """The values at the points among the activations."""

    def features_of(self, activations: Any) -> dict[str, list[Tensor]]:
        """What is known of each modality before it meets another.

        The last tensor that depends on it alone, wherever its point is; the
        tensors at the point, where the model's graph does not show.
        """

    def outputs_of(self, activations: Any) -> Any:
        """The model's outputs among the activations."""

    def logits_of(self, activations: Any) -> list[tuple | None]:
        """For each output its last activation's name, and what it applied to.

        `None` where an output does not end in a softmax or sigmoid that can be
        told apart from what comes before it.
        """

    def take(self, activations: Any, indices: Tensor) -> Any:
        """The activations of some of the examples."""

    def replace(
        self, activations: Any, values: Points, num_samples: int = 1
    ) -> Any:
        """The activations that follow from new values at some points.

        This runs in inference mode: batch statistics and dropout would make a
        prediction jump for reasons other than the new values, and moving
        statistics would be updated twice.

        Args:
            activations: What `run` or `replace` returned.
            values: Dict of tensors of shape `(num_samples * batch, ...)`. One
                without a padding mask keeps that of the tensor it replaces.
            num_samples: Integer, samples for each example. Defaults to `1`.

        Returns:
            Activations of `num_samples * batch` examples.
        """

    def modalities_at_inputs(self) -> list[str]:
        """The modalities that have no encoder before their points."""

    def around(self, modality: str) -> list[str]:
        """The inputs of a modality that reach the outputs around its point.

        An opaque model does not show it: all inputs of a tapped modality that
        has several, or whose mask is no part of what the layer returns.
        """

    def bypassing(self, modality: str) -> list[str]:
        """The inputs of a modality that reach the outputs around its point
        as well as through it.

        What is made of a shape or of booleans, which tell where there is
        something and not what, does not count. An opaque model does not show
        any.
        """

    def require_float_points(self) -> None:
        """Raises for a modality to which no noise can be added."""
