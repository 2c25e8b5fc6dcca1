"""Measures on held-out data which modalities predict the label."""

import warnings
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_mmreg.information.examples import batch_size as size_of
from keras_mmreg.information.examples import example_weight
from keras_mmreg.information.examples import weights_of_classes
from keras_mmreg.information.functional import OutputFunctional
from keras_mmreg.information.meter import Meter
from keras_mmreg.interventions import permutations
from keras_mmreg.interventions import shuffle
from keras_mmreg.ops.confidence import confidence_of_means
from keras_mmreg.ops.confidence import confidence_statistics
from keras_mmreg.ops.confidence import num_statistics
from keras_mmreg.ops.confidence import right_predictions
from keras_mmreg.ops.confidence import without_ignored
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.regularizers import ModalityGate
from keras_mmreg.types import Tensor


class GateMeter(Meter):
    """Evaluates a gate's probes, and how much shuffling costs the model.

    Args:
        model: A `RegularizedModel` that has a gate.
        shuffles: Whether to also measure the accuracy of the model on intact
            data and with each modality shuffled. Defaults to `False`.
    """

    def __init__(self, model: Any, shuffles: bool = False) -> None:
        super().__init__(model.inner, model.run_eagerly)
        self.gate: ModalityGate = model.gate
        self.seed_generator = keras.random.SeedGenerator(0)
        # New permutations in every epoch: a single one could be unlucky.
        self._epoch = lambda: int(ops.convert_to_numpy(model.epoch))
        self._network = model.network
        self._loss = model.loss
        self._functional = model.functional
        self._shuffles = shuffles
        self._class_weight = model.class_weight
        self._has_warned = False
        functional = self.output_kind()
        for name in self.gate.modalities:
            units = self.gate.origin().shape[0]
            self.trackers[f"gate_{name}"] = _Confidence(
                functional.kind, units, name=f"gate_{name}"
            )
        if shuffles:
            names = ["intact"]
            for name in self.gate.modalities:
                names += [f"shuffled_{name}", f"moved_{name}"]
            for name in names:
                self.trackers[name] = keras.metrics.Mean(name=name)
        self.built = True

    def measure(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Updates confidences, and accuracies with shuffled modalities."""
        network = self._network
        functional = self.output_kind()
        activations = network.run(x)
        features = network.features_of(activations)
        predictions = self.gate.predict(functional.kind, features)
        measured = {
            f"gate_{name}": confidence_statistics(
                functional.kind, prediction, y, self.gate.origin()
            )
            for name, prediction in predictions.items()
        }
        if self._shuffles:
            right = partial(
                right_predictions,
                functional.kind,
                y=y,
                from_logits=functional.from_logits,
            )
            intact = keras.tree.flatten(network.outputs_of(activations))[0]
            measured["intact"] = right(intact)
            for name in predictions:
                output = self._shuffled(activations, name)
                shuffled = keras.tree.flatten(output)[0]
                measured[f"shuffled_{name}"] = right(shuffled)
                measured[f"moved_{name}"] = ops.max(
                    ops.abs(shuffled - intact), axis=-1
                )
        weight = example_weight(sample_weight)
        if weight is None and self._class_weight:
            weight = weights_of_classes(y, self._class_weight)
        weight = without_ignored(weight, functional.ignore_class, y)
        for name, values in measured.items():
            self.trackers[name].update_state(values, sample_weight=weight)

    def output_kind(self) -> OutputFunctional:
        """Returns the kind of the model's output."""
        return self.gate.output_kind(
            self.inner, self._loss, self._functional, self._network
        )

    def _shuffled(self, activations: Any, name: str) -> Any:
        """Returns the outputs with a modality shuffled across examples."""
        network = self._network
        points = network.points_of(activations)
        own = {n: points[n] for n in network.leaves_of(name) if n in points}
        size = size_of(own)
        orders = permutations([name], size, self.seed_generator)
        shuffled = shuffle(own, network.leaves, orders)
        return network.outputs_of(network.replace(activations, shuffled))

    def run(
        self, data: Any, batch_size: int = 1024, steps: int | None = None
    ) -> dict[str, float]:
        """Measures the gates' confidences and the model's accuracies.

        Permutations are drawn from a seed that depends on the epoch.

        Args:
            data: `(x, y)`, `(x, y, sample_weight)`, or a dataset of such
                batches.
            batch_size: Integer, for arrays. Defaults to `1024`.
            steps: Optional integer, the number of batches to take from a
                dataset. Defaults to `None`, which means all.
        """
        seed = ops.convert_to_tensor([self._epoch(), 0], "uint32")
        self.seed_generator.state.assign(seed)
        x, y, weight = data, None, None
        if isinstance(data, tuple | list):
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        options = {"steps": steps} if y is None else {"batch_size": batch_size}
        return self.results(x, y, sample_weight=weight, **options)

    def update(
        self, data: Any, batch_size: int, steps: int | None = None
    ) -> dict[str, float]:
        """Sets the gate to the confidences measured on held-out data.

        If the data say nothing, the gate stays as it is, with a warning. The
        arguments and the result are those of `run`.
        """
        measured = self.run(data, batch_size, steps)
        values = [measured[f"gate_{name}"] for name in self.gate.modalities]
        if not np.isfinite(values).all():
            self._warn_of_no_information()
            return measured
        values = [max(value, 0.0) for value in values]
        self.gate.values.assign(ops.convert_to_tensor(values, loss_dtype()))
        self.gate.held_out.assign(ops.ones(()))
        return measured

    def _warn_of_no_information(self) -> None:
        """Warns once of data from which no confidence can be computed."""
        if self._has_warned:
            return
        self._has_warned = True
        warnings.warn(
            "The held-out data do not tell what the gates should be: they have "
            "no examples, no weight, or labels that are all the same. Until "
            "they do, gates are measured on training data, where a modality "
            "whose examples were memorized counts as one that predicts the "
            "label.",
            stacklevel=2,
        )


class _Confidence(keras.metrics.Metric):
    """Chance-corrected confidence over batches of any sizes."""

    def __init__(self, kind: str, units: int, name: str) -> None:
        super().__init__(name=name)
        self.kind = kind
        shape = (num_statistics(kind, units),)
        self.total = self.add_variable(shape, "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Tensor, sample_weight: Any = None) -> None:
        """Adds the `confidence_statistics` of a batch."""
        if sample_weight is None:
            sample_weight = ops.ones_like(values[:, 0])
        weighted = ops.cast(sample_weight, values.dtype)[:, None] * values
        self.total.assign_add(ops.sum(weighted, axis=0))
        self.count.assign_add(ops.sum(ops.cast(sample_weight, loss_dtype())))

    def result(self) -> Tensor:
        """Returns the confidence, or NaN if the labels do not differ."""
        count = ops.convert_to_tensor(self.count)
        means = ops.divide_no_nan(ops.convert_to_tensor(self.total), count)
        nan = float("nan")
        return ops.where(
            count > 0, confidence_of_means(self.kind, means, nan), nan
        )
