"""A strength that starts late and grows linearly."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.checks import ShowsSettings
from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_integer
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class LinearRamp(ShowsSettings):
    """Factor that is 0 before `start` and rises to 1 over `duration`.

    A penalty that is strong from the first step can keep a model from learning
    anything. One that starts when the task is half learned has something to
    balance.

    The factor is `clip((progress - start + 1) / (duration + 1), 0, 1)`, where
    `progress` is the current epoch (or step). So the penalty already acts in
    the epoch (or step) `start`, and `duration=0` is a plain switch.

    Args:
        start: Non-negative integer. The first epoch or step, counted from 0,
            with a penalty. Defaults to `0`.
        duration: Non-negative integer. The number of epochs or steps over
            which the factor grows. Defaults to `0`.
        unit: `"epoch"` (constant within an epoch; the epoch's number in `fit`,
            which starts at its `initial_epoch`) or `"step"` (training steps
            since the model was created). `train_on_batch` knows no epochs: use
            `"step"` there. Defaults to `"epoch"`.

    Raises:
        ValueError: If `start` or `duration` is not a non-negative integer, or
            `unit` is unknown.

    Example:

    >>> ramp = LinearRamp(start=2, duration=3, unit="epoch")
    >>> [float(ramp(step=0, epoch=epoch)) for epoch in range(7)]
    [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self, start: int = 0, duration: int = 0, unit: str = "epoch"
    ) -> None:
        check_integer("start", start, minimum=0)
        check_integer("duration", duration, minimum=0)
        check_choice("unit", unit, ("epoch", "step"))
        self.start = start
        self.duration = duration
        self.unit = unit

    def __call__(self, step: Tensor, epoch: Tensor) -> Tensor:
        """Returns the factor in [0, 1] at a training step and epoch."""
        progress = ops.cast(
            epoch if self.unit == "epoch" else step, loss_dtype()
        )
        fraction = (progress - self.start + 1.0) / (self.duration + 1.0)
        return ops.clip(fraction, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "start": self.start,
            "duration": self.duration,
            "unit": self.unit,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LinearRamp":
        """Creates the schedule that `get_config` described."""
        return cls(**config)
