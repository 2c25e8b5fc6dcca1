"""The base of what measures a model through `evaluate`."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.backend import kept_variables
from keras_mmreg.types import Tensor


class Meter(keras.Model):
    """Measures a model, without changing it, on any data `evaluate` accepts.

    Subclasses create `trackers`, and update them in `measure`. A meter that
    knows its trackers from the start sets `built`.

    Args:
        inner: The model to measure.
        run_eagerly: Whether to run without compilation.
    """

    def __init__(self, inner: keras.Model, run_eagerly: bool = False) -> None:
        super().__init__()
        self.autocast = False  # Inputs are cast as the inner model says.
        self.inner = inner
        self.trackers: dict[str, keras.metrics.Metric] = {}
        self.compile(run_eagerly=run_eagerly)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the inputs; `measure` runs the model on them, once."""
        return inputs

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = False,
    ) -> Tensor:
        """Measures a batch; there is no loss."""
        self.measure(x, y, sample_weight)
        return ops.zeros(())

    def measure(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Updates the trackers by a batch."""
        raise NotImplementedError

    def results(self, x: Any, y: Any = None, **kwargs: Any) -> dict[str, float]:
        """Returns the value of each tracker over the data.

        Args:
            x: See `keras.Model.evaluate`.
            y: See `keras.Model.evaluate`.
            **kwargs: Further arguments of `keras.Model.evaluate`.
        """
        with kept_variables(self):
            self.evaluate(x, y, verbose=0, **kwargs)
        return {n: float(t.result()) for n, t in self.trackers.items()}
