"""Measures the losses of the branches that gradient blending weights."""

from typing import Any

import keras
import numpy as np

from keras_mmreg.backend.keras_internals import compiled_loss
from keras_mmreg.backend.keras_internals import copy_compiled_loss
from keras_mmreg.information.examples import batch_size as size_of
from keras_mmreg.information.examples import weights_of_classes
from keras_mmreg.information.meter import Meter
from keras_mmreg.regularizers import GradientBlending


class BlendingMeter(Meter):
    """Evaluates a model and its single-modality heads on a dataset.

    Args:
        model: A compiled `RegularizedModel`.
        method: Its `GradientBlending`.
    """

    def __init__(self, model: Any, method: GradientBlending) -> None:
        super().__init__(model.inner, model.run_eagerly)
        self.method = method
        self._network = model.network
        self._loss = model.loss
        self._functional = model.functional
        self._class_weight = model.class_weight
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

    def measure(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Updates the mean loss of the model and of each head."""
        if sample_weight is None and self._class_weight:
            sample_weight = weights_of_classes(y, self._class_weight)
        activations = self._network.run(x)
        features = self._network.features_of(activations)
        outputs = self.method.outputs(
            features, self.inner, self._loss, self._functional
        )
        outputs[self.method.branches[-1]] = self._network.outputs_of(
            activations
        )
        for name, tracker in self.trackers.items():
            loss = self._loss_function(y, outputs[name], sample_weight)
            tracker.update_state(loss, sample_weight=size_of(x))

    def run(self, data: tuple, batch_size: int = 1024) -> np.ndarray:
        """Returns the mean loss of each branch on `(x, y[, weight])`."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        losses = self.results(x, y, sample_weight=weight, batch_size=batch_size)
        return np.array(list(losses.values()))
