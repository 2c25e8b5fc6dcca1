"""Trains under noise on every modality that predicts the label."""

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
    """Trains the model under the noise that is used to measure information.

    The task loss is computed at `z ~ N(x, (scale * stddev)^2)` in place of x,
    on all modalities at once: the vicinal risk under the product measure of
    Eq. 6. Information that is coded in few coordinates, as a shortcut often is,
    drowns in such noise; information that is coded in many survives it. So the
    model comes to rely on the latter, without being told which modality to
    suspect, and with any optimizer. The cost is that of plain training plus a
    random number for each coordinate. For inputs that are large compared with
    the network, this exceeds the cost of the network itself; at the outputs of
    encoders (`taps="auto"`) it is next to nothing.

    The method hurts where modalities have to be combined and noise on one makes
    the other useless. The gate withholds noise where no modality predicts the
    label by itself. Without a gate, and for regression and multiple labels,
    where a modality that explains a part opens its gate, choose the scale on
    validation data: the largest at which intact accuracy loses at most two
    points. A shortcut in many coordinates survives noise: pass its modality to
    `ModalityShuffle`.

    The training metrics are computed from predictions under noise. Integers
    are not changed.

    Args:
        scale: Non-negative float, the noise's standard deviation, in standard
            deviations of each coordinate over the batch. Defaults to `1.0`.
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
        self.gate = gate

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that there is something to add noise to."""
        super().check(network, inner)
        network.require_float_points()

    def perturb(
        self, points: Mapping[str, Tensor], training_pass: TrainingPass
    ) -> dict[str, Tensor]:
        """Adds the noise (Eq. 6)."""
        float_points(training_pass.network, points)  # For a subclassed model.
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
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "gate": self.gate,
        }
