"""Measures on held-out data which modalities tell the label."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.backend import kept_variables
from keras_mmreg.information.examples import batch_size as size_of
from keras_mmreg.interventions import permutations
from keras_mmreg.interventions import shuffle
from keras_mmreg.ops.confidence import chance_corrected_confidence
from keras_mmreg.ops.confidence import right_predictions
from keras_mmreg.regularizers import ModalityGate
from keras_mmreg.types import Tensor


class GateMeter(keras.Model):
    """Evaluates the probes of a gate, and what shuffling costs the model.

    Args:
        model: A `RegularizedModel` that has a gate.
        shuffles: Whether to measure the accuracy of the model, intact and with
            each modality shuffled, too. Defaults to `False`.
    """

    def __init__(self, model: Any, shuffles: bool = False) -> None:
        super().__init__()
        self.autocast = False
        self.inner = model.inner
        self.gate: ModalityGate = model.gate
        self.seed_generator = keras.random.SeedGenerator(0)
        self._network = model.network
        self._loss = model.loss
        self._shuffles = shuffles
        names = [f"gate_{name}" for name in self.gate.modalities]
        if shuffles:
            names += [f"shuffled_{name}" for name in self.gate.modalities]
            names.append("intact")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True
        self.compile(run_eagerly=model.run_eagerly)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The wrapped model's outputs."""
        return self.inner(inputs, training=False)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = False,
    ) -> Tensor:
        """Updates the trackers; there is no loss."""
        network = self._network
        functional = self.gate.output_kind(self.inner, self._loss, network)
        activations = network.run(x)
        features = network.features_of(activations)
        predictions = self.gate.probe(functional, features)
        measured = {
            f"gate_{name}": chance_corrected_confidence(
                functional.kind, prediction, y
            )
            for name, prediction in predictions.items()
        }
        if self._shuffles:
            measured["intact"] = right_predictions(functional.kind, y_pred, y)
            for name in predictions:
                measured[f"shuffled_{name}"] = right_predictions(
                    functional.kind, self._shuffled(activations, name), y
                )
        for name, value in measured.items():
            self.trackers[name].update_state(value, sample_weight=size_of(x))
        return ops.zeros(())

    def _shuffled(self, activations: Any, name: str) -> Any:
        """The outputs with a modality shuffled between the examples."""
        network = self._network
        points = network.points_of(activations)
        own = {n: points[n] for n in network.leaves_of(name) if n in points}
        size = size_of(own)
        orders = permutations([name], size, self.seed_generator)
        shuffled = shuffle(own, network.leaves, orders)
        return network.outputs_of(network.replace(activations, shuffled))

    def run(self, data: Any, batch_size: int = 1024) -> dict[str, float]:
        """The gates' confidences and the accuracies, from a fixed seed.

        Args:
            data: `(x, y)`, or a dataset of such batches.
            batch_size: Integer, for arrays. Defaults to `1024`.
        """
        seed = ops.convert_to_tensor([0, 0], "uint32")
        self.seed_generator.state.assign(seed)
        x, y, *_ = (*data, None) if isinstance(data, tuple) else (data, None)
        options = {} if y is None else {"batch_size": batch_size}
        with kept_variables(self):
            self.evaluate(x, y, verbose=0, **options)
        return {n: float(t.result()) for n, t in self.trackers.items()}


def update_gate(
    model: Any, meter: GateMeter, data: Any, batch_size: int = 1024
) -> dict[str, float]:
    """Sets the gate of a model to what held-out data say.

    Args:
        model: The `RegularizedModel`.
        meter: Its meter.
        data: The held-out data.
        batch_size: Integer, for arrays. Defaults to `1024`.

    Returns:
        What was measured.
    """
    measured = meter.run(data, batch_size)
    gate = model.gate
    values = [max(measured[f"gate_{name}"], 0.0) for name in gate.modalities]
    gate.values.assign(ops.convert_to_tensor(values, "float32"))
    gate.held_out.assign(ops.ones(()))
    return measured
