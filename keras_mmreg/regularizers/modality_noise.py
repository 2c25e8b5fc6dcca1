"""Training under noise on every modality that tells the label."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_mmreg.checks import check_gate
from keras_mmreg.checks import check_number
from keras_mmreg.information.examples import example_weight
from keras_mmreg.information.examples import float_points
from keras_mmreg.interventions import add_noise
from keras_mmreg.network import Network
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class ModalityNoise(Regularizer):
    """Trains the model under the noise by which information is measured.

    The task loss is taken at `z ~ N(x, (scale * stddev)^2)` in place of x, on
    all modalities at once: the vicinal risk under the product measure of Eq.
    6. What is coded in few coordinates, as a shortcut often is, drowns in such
    noise; what is coded in many survives it. So the model comes to rest on the
    latter, without being told which modality to suspect, and with any
    optimizer. The cost is that of plain training and a random number for each
    coordinate, which at inputs that are large next to the net is more than the
    net's own; at the outputs of encoders (`taps="auto"`) it is next to nothing.

    Its price is paid where modalities have to be combined, and noise on one
    makes the other useless. The gate holds noise off where no modality tells
    the label by itself; without a gate, and for regression and several labels,
    where a modality that explains a part opens it, choose the scale on
    validation data: the largest at which intact accuracy loses at most two
    points. A shortcut in many coordinates survives noise: name it to
    `ModalityShuffle`.

    The training metrics are those of predictions under noise. Integers stay as
    they are.

    Args:
        scale: Non-negative float, in standard deviations of each coordinate
            over the batch. Defaults to `1.0`.
        gate: `"auto"` for noise on the modalities whose gate is open (see
            `ModalityGate`), or `None` for noise on all. Defaults to `"auto"`.
        **kwargs: See `Regularizer`: `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range, or a modality has no float
            tensor at its point.

    Example:

    >>> ModalityNoise(scale=0.5).scale
    0.5

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Eq. 6 (the
          measure)
        - Chapelle et al., Vicinal Risk Minimization, NeurIPS 2000.
    """

    alias = "noise"
    without = ("strength", "fraction")
    search_range = ("scale", 0.25, 2.0)

    def __init__(
        self, scale: float = 1.0, gate: str | None = "auto", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_number("scale", scale, minimum=0)
        check_gate(gate)
        self.scale = scale
        self.gate_option = gate

    def attach(self, network: Network, inner: keras.Model) -> None:
        """Checks that there is something to add noise to."""
        super().attach(network, inner)
        network.require_float_points()

    def perturb(
        self, points: Mapping[str, Tensor], training_pass: TrainingPass
    ) -> dict[str, Tensor]:
        """Adds the noise (Eq. 6)."""
        float_points(training_pass.network, points)  # A subclassed model's.
        scale = self.scale
        if self.schedule is not None:
            scale = scale * self.schedule(
                step=training_pass.step, epoch=training_pass.epoch
            )
        is_open = training_pass.gate.open() if self.uses_gate else {}
        leaves = training_pass.network.leaves
        scales = {
            leaf: scale * is_open.get(leaves[leaf], 1.0) for leaf in points
        }
        weight = example_weight(training_pass.sample_weight)
        return add_noise(points, scales, self.seed_generator, weight)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "gate": self.gate_option,
        }
