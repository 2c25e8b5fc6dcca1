"""Finds out which modalities predict the label by themselves."""

from collections.abc import Callable
from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
from keras import ops

from keras_mmreg.checks import check_number
from keras_mmreg.information.examples import example_weight
from keras_mmreg.information.functional import OutputFunctional
from keras_mmreg.information.resolve_functional import resolve_output
from keras_mmreg.interventions import permutations
from keras_mmreg.interventions import shuffle
from keras_mmreg.network import Network
from keras_mmreg.network.checks import num_outputs
from keras_mmreg.ops.confidence import confidence_of_means
from keras_mmreg.ops.confidence import confidence_statistics
from keras_mmreg.ops.confidence import labels_like
from keras_mmreg.ops.confidence import without_ignored
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.ops.numerics import mean_over_batch
from keras_mmreg.ops.pooling import joined_features
from keras_mmreg.ops.pooling import joined_size
from keras_mmreg.regularizers.linear_probe import MOMENTUM
from keras_mmreg.regularizers.linear_probe import LinearProbe
from keras_mmreg.regularizers.linear_probe import update_average
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class ModalityGate(Regularizer):
    """Finds out which modalities predict the label by themselves.

    A linear probe for each modality is trained beside the model, on the
    modality's last tensor before it is merged with another. The probes pass no
    gradient to the model. The gate of a modality is the chance-corrected
    confidence of its probe,

    `g = (E[p(y)] - c) / (1 - c)`, and at least 0,

    where c is the confidence of a guess by the class frequencies. For
    regression, g is R^2. A gate opens if `g > threshold`, and closes below half
    the threshold, because the noise that an open gate lets in lowers `g`, too.
    It stays closed if the modality is useless, or means nothing by itself, as
    in a task that requires all modalities together.

    On training data, memorized examples raise the confidence, too. Therefore
    `keras_mmreg.callbacks.HeldOut` measures it on other data after each epoch;
    without that callback, the validation data of `fit` are used. `HeldOut` can
    also find modalities that should not be trusted: these are shuffled across
    the examples of a batch.

    A `RegularizedModel` creates one gate for all methods that use one. To
    change its threshold, pass a `ModalityGate` in the list of methods.

    Args:
        threshold: Float in [0, 1), above which a gate opens. Defaults to
            `0.1`.
        **kwargs: See `Regularizer`: `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range, or the model has several
            outputs, or one that is not of shape `(batch, units)`.

    Example:

    >>> gate = ModalityGate(threshold=0.2)
    >>> gate.threshold
    0.2
    """

    alias = "gate"
    needs_units = True
    needs_features = True
    without = ("strength", "fraction", "schedule")
    search_range = None

    def __init__(self, threshold: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_number("threshold", threshold, minimum=0, below=1)
        self.threshold = threshold
        self.may_distrust = False
        self._steps_shuffle = False

    @property
    def penalizes(self) -> bool:
        """`False`: the gate adds nothing to the loss."""
        return False

    def log_names_for(self, modalities: list[str]) -> list[str]:
        """Names of the gate of each modality."""
        return [f"{self.name}_{name}" for name in modalities]

    def attach(self, network: Network, inner: keras.Model) -> None:
        """Creates the probes."""
        super().attach(network, inner)
        classes = num_outputs(network, self.name)
        sizes = {
            name: joined_size(network.feature_symbols[name])
            for name in network.modalities
        }
        self.values = self.add_state((len(sizes),), "values")
        self.opened = self.add_state((len(sizes),), "opened")
        self.held_out = self.add_state((), "held_out")
        self.distrusted = self.add_state((len(sizes),), "distrusted")
        self.label_mean = self.add_state((classes,), "label_mean")
        self.label_variance = self.add_state((classes,), "label_variance")
        self.probes = {
            name: LinearProbe(self.add_state, name, size, classes)
            for name, size in sizes.items()
        }

    def open(self) -> dict[str, Tensor]:
        """Returns, for each modality, 1 if its gate is open, else 0."""
        distrusted = ops.convert_to_tensor(self.distrusted)
        trusted = self._is_open() * (1.0 - distrusted)
        return {name: trusted[i] for i, name in enumerate(self.modalities)}

    def is_open_anywhere(self) -> bool:
        """Returns whether the gate of any modality is open now."""
        is_open = self.open().values()
        return any(float(ops.convert_to_numpy(each)) > 0 for each in is_open)

    def _is_open(self) -> Tensor:
        """Opens gates above the threshold, and closes them below half of it."""
        values = ops.convert_to_tensor(self.values)
        opens = ops.cast(values > self.threshold, loss_dtype())
        stays = ops.cast(values > self.threshold / 2, loss_dtype())
        return ops.maximum(opens, ops.convert_to_tensor(self.opened) * stays)

    def load_own_variables(self, store: Any) -> None:
        """Restores the state; distrusted modalities are shuffled again."""
        super().load_own_variables(store)
        self.recall_distrust()

    def recall_distrust(self) -> None:
        """Reads from the state whether modalities are distrusted."""
        self.may_distrust |= bool(ops.convert_to_numpy(self.distrusted).any())

    @property
    def needs_new_step(self) -> bool:
        """Whether a compiled step cannot shuffle what is distrusted."""
        return self.may_distrust and not self._steps_shuffle

    @property
    def perturbs(self) -> bool:
        """Whether distrusted modalities are shuffled."""
        return self.may_distrust

    def perturb(
        self, points: Mapping[str, Tensor], training_pass: TrainingPass
    ) -> dict[str, Tensor]:
        """Shuffles the distrusted modalities."""
        self._steps_shuffle = True
        orders = training_pass.memo(
            self,
            lambda: permutations(
                self.modalities, training_pass.batch_size, self.seed_generator
            ),
        )
        kept = ops.arange(training_pass.batch_size)
        distrusted = ops.convert_to_tensor(self.distrusted)
        orders = {
            name: ops.where(
                distrusted[i] > 0,
                ops.cast(orders[name], kept.dtype),
                kept,
            )
            for i, name in enumerate(self.modalities)
        }
        return shuffle(points, training_pass.network.leaves, orders)

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[None, dict[str, Tensor]]:
        """Trains the probes, which adds nothing to the loss."""
        functional = self.output_kind(
            training_pass.inner,
            training_pass.model_loss,
            training_pass.functional,
            training_pass.network,
        )
        kind, y = functional.kind, training_pass.y
        weight = example_weight(training_pass.sample_weight)
        weight = without_ignored(weight, functional.ignore_class, y)
        mean = partial(mean_over_batch, weights=weight)
        self._update_label_statistics(kind, y, mean)
        confidences = []
        found = training_pass.network.features_of(training_pass.activations)
        for name in self.modalities:
            probe = self.probes[name]
            features = self._pooled(name, found[name])
            probe.adapt(features, mean)
            features = probe.normalize(features)
            predictions = self._predictions(kind, probe.logits(features))
            error = predictions - labels_like(predictions, kind, y)
            if kind == "regression":
                error = error / self._label_scale()
            probe.descend(features, error, weight)
            statistics = mean(
                confidence_statistics(kind, predictions, y, self.origin())
            )
            confidences.append(self._confidence(kind, statistics))
        self._update_values(ops.stack(confidences))
        self.opened.assign(self._is_open())
        values = ops.maximum(ops.convert_to_tensor(self.values), 0.0)
        values = ops.unstack(values, len(self.modalities))
        return None, dict(zip(self.log_names, values, strict=True))

    def predict(
        self, kind: str, features: Mapping[str, list[Tensor]]
    ) -> dict[str, Tensor]:
        """Returns each probe's prediction from the network's features.

        Args:
            kind: The `kind` of the output's `OutputFunctional`.
            features: See `Network.features_of`.
        """
        predictions = {}
        for name, probe in self.probes.items():
            pooled = self._pooled(name, features[name])
            logits = probe.logits(probe.normalize(pooled))
            predictions[name] = self._predictions(kind, logits)
        return predictions

    def origin(self) -> Tensor:
        """Returns a moving average of the labels, of each class or value."""
        return ops.convert_to_tensor(self.label_mean)

    def output_kind(
        self, inner: keras.Model, loss: Any, functional: Any, network: Network
    ) -> OutputFunctional:
        """Returns the kind of the model's output.

        Raises:
            ValueError: If neither the functional nor the loss determines it.
        """
        return resolve_output(functional, loss, inner, network.output_symbols)

    def _pooled(self, name: str, features: list[Tensor]) -> Tensor:
        """Returns a modality's features as one vector for each example."""
        assert self.network is not None  # Set by `attach`.
        symbols = self.network.feature_symbols[name]
        return ops.stop_gradient(joined_features(features, symbols))

    def _predictions(self, kind: str, logits: Tensor) -> Tensor:
        """Returns probabilities, or the values of a regression."""
        if kind == "categorical":
            return ops.softmax(logits, axis=-1)
        if kind == "binary":
            return ops.sigmoid(logits)
        return self.origin() + self._label_scale() * logits

    def _update_label_statistics(
        self, kind: str, y: Tensor, mean: Callable[[Tensor], Tensor]
    ) -> None:
        """Updates the class frequencies, or the scale of a regression."""
        y = labels_like(self.origin(), kind, y)
        update_average(self.label_mean, mean(y))
        squares = ops.square(y - self.origin())
        update_average(self.label_variance, mean(squares))

    def _confidence(self, kind: str, means: Tensor) -> Tensor:
        """Returns a batch's confidence; chance is that of many batches.

        In a small batch a guess by its own class frequencies is often right.
        """
        labels = [self.origin()]
        if kind == "regression":  # The labels' variance about their mean.
            variance = ops.sum(ops.convert_to_tensor(self.label_variance))
            labels = [variance[None], ops.zeros_like(self.origin())]
        return confidence_of_means(kind, ops.concatenate([means[:1], *labels]))

    def _label_scale(self) -> Tensor:
        variance = ops.convert_to_tensor(self.label_variance)
        return ops.sqrt(ops.maximum(variance, 1e-30))

    def _update_values(self, confidences: Tensor) -> None:
        """Updates the gates on training data, until held-out data are used."""
        held_out = ops.convert_to_tensor(self.held_out)
        values = ops.convert_to_tensor(self.values)
        average = MOMENTUM * values + (1.0 - MOMENTUM) * confidences
        self.values.assign(ops.where(held_out > 0, values, average))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "threshold": self.threshold}
