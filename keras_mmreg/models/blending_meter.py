"""Measures the losses of the branches that gradient blending weights."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_mmreg.backend import kept_variables
from keras_mmreg.backend.keras_internals import compiled_loss
from keras_mmreg.backend.keras_internals import copy_compiled_loss
from keras_mmreg.information.examples import batch_size as size_of
from keras_mmreg.regularizers import GradientBlending
from keras_mmreg.types import Tensor


class BlendingMeter(keras.Model):
    """Evaluates a model and its single-modality heads on a dataset.

    Args:
        model: A compiled `RegularizedModel`.
        method: Its `GradientBlending`.
    """

    def __init__(self, model: Any, method: GradientBlending) -> None:
        super().__init__()
        self.autocast = False
        self.inner = model.inner
        self.method = method
        self._network = model.network
        self._loss = model.loss
        self._functional = model.functional
        loss_function = copy_compiled_loss(compiled_loss(model))
        if loss_function is None:
            raise ValueError(
                "`compile` must be given a `loss`, which the heads of the "
                f"{method.name!r} regularizer are trained with, too."
            )
        self._loss_function = loss_function
        self.trackers = {
            name: keras.metrics.Mean(name=name) for name in method.branches
        }
        self.built = True
        self.compile(run_eagerly=model.run_eagerly)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns a dict from branch to the outputs of the model or head."""
        activations = self._network.run(inputs)
        features = self._network.features_of(activations)
        outputs = self.method.outputs(
            features, self.inner, self._loss, self._functional
        )
        joint = self._network.outputs_of(activations)
        return {**outputs, self.method.branches[-1]: joint}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = False,
    ) -> Tensor:
        """Updates the trackers; there is no loss."""
        for name, tracker in self.trackers.items():
            loss = self._loss_function(y, y_pred[name], sample_weight)
            tracker.update_state(loss, sample_weight=size_of(x))
        return ops.zeros(())

    def run(self, data: tuple, batch_size: int = 1024) -> np.ndarray:
        """Returns the mean loss of each branch on `(x, y)`."""
        with kept_variables(self):
            self.evaluate(*data, batch_size=batch_size, verbose=0)
        return np.array([float(t.result()) for t in self.trackers.values()])
