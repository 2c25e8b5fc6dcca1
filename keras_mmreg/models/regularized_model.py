"""A Keras model that is penalised for ignoring a modality."""

import warnings
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_mmreg.backend import TrainStep
from keras_mmreg.backend import kept_variables
from keras_mmreg.models.cm_vqvae import CMVQVAE
from keras_mmreg.models.information_estimator import batch_size
from keras_mmreg.models.information_model import InformationModel
from keras_mmreg.models.network import trains_as_it_infers
from keras_mmreg.ops.numerics import lift
from keras_mmreg.ops.numerics import mean_over_replicas
from keras_mmreg.types import Tensor

FIT_ARGUMENTS = ("x", "y", "batch_size", "epochs", "verbose", "callbacks")
"""The arguments of Keras's `fit` by position, as far as the callbacks."""


@keras.saving.register_keras_serializable(package="keras_mmreg")
class RegularizedModel(TrainStep, InformationModel):
    """Wraps a Keras model so that `fit` penalises ignoring a modality.

    A classifier on several modalities tends to lean on the one that is easiest
    to learn from. This model adds a penalty to the training loss,

    `loss = task loss + strength * (sum_i I_i)^-1`,

    where I_i is the functional information that modality i gives to the
    prediction: how strongly the prediction reacts when only that modality is
    perturbed. (A batch that happens to have less than the moving average
    counts as one with the average; see the regularizers' `momentum`.)
    Training works on the wrapped model's own weights; `evaluate` and `predict`
    are those of the wrapped model, at its cost.

    During training the logs hold, besides the loss and the compiled metrics,
    `penalty` and `information_<modality>`, as means over the epoch. The
    training `loss` contains the penalty; `val_loss` does not. A modality whose
    information was 0 for a whole epoch is reported by a warning.

    The penalty acts most in the first steps, while there is little
    information, and what it achieves there can last only as long as the
    optimizer remembers those steps. Leave gradients unclipped, and do not
    compile anew on the way. Adam forgets in the long run;
    `keras.optimizers.Adam(amsgrad=True)` does not.

    The perturbed passes run in inference mode (moving statistics in
    `BatchNormalization`, no dropout), and so does the clean pass they are
    compared with. Examples, and the positions of an output, count by their
    `sample_weight`; padding is left out by the mask that Keras attached to it.

    Args:
        inner: The `keras.Model` to train: functional, sequential or
            subclassed, with one input, a list or a (nested) dict of them.
            Modalities are named by the dict's keys (nested ones by their path,
            such as `"text/ids"`), otherwise by the inputs' names, or else
            `"input"` or `"input_0"`, `"input_1"`, ... Those of a functional
            model are perturbed and measured behind the `Masking`, `Rescaling`
            and `Normalization` layers that they first go through.
        regularizer: `"fisher"`, `"poincare"`, `"entropy"`, `"variance"` or an
            instance from `keras_mmreg.regularizers`. Defaults to `"fisher"`.
        taps: Optional dict from a modality to the name of a layer at whose
            output it is perturbed and measured, for inputs that have no
            gradient, such as token ids: `{"text": "embedding"}`.
            Defaults to `None`.
        penalty_fraction: Float in (0, 1], the part of each batch, drawn afresh
            at every step, on which the penalty is computed; the main lever on
            its cost. The scale of the noise still comes from the whole batch,
            except at taps of a model that is no graph of layers.
            Defaults to `1.0`.
        functional: The function f that compares two predictions. `"auto"`
            derives it from the compiled loss, or else from the model's last
            activation: cross-entropy for softmax and sigmoid outputs (from
            logits or probabilities, averaged over positions), squared distance
            for regression. Otherwise a Keras loss of that kind, a structure of
            them for several outputs (those without one are left out), or a
            function of the perturbed and the clean outputs that returns a
            non-negative `(batch,)` tensor. Defaults to `"auto"`.
        modalities: Optional list with the names of the modalities to
            regularize. Defaults to `None`, which means all.
        seed: Optional integer, for noise that can be reproduced.
            Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`, such as `name`.

    Raises:
        ValueError: If an argument is out of range, a tap or a modality does
            not exist, a modality has no gradient, or no functional fits the
            outputs.

    Example:

    >>> import numpy as np
    >>> color = keras.Input((3,), name="color")
    >>> shape = keras.Input((28, 28), name="shape")
    >>> features = keras.layers.Flatten()(shape)
    >>> features = keras.layers.Dense(16, activation="relu")(features)
    >>> features = keras.layers.Concatenate()([features, color])
    >>> logits = keras.layers.Dense(10)(features)
    >>> inner = keras.Model({"color": color, "shape": shape}, logits)
    >>> model = RegularizedModel(inner, regularizer="fisher")
    >>> model.compile(
    ...     "adam",
    ...     keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ... )
    >>> x = {"color": np.ones((8, 3)), "shape": np.ones((8, 28, 28))}
    >>> history = model.fit(x, np.arange(8), verbose=0)
    >>> sorted(history.history)
    ['information_color', 'information_shape', 'loss', 'penalty']

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Eq. 12
    """

    def __init__(
        self,
        inner: keras.Model,
        regularizer: Any = "fisher",
        taps: Mapping[str, str] | None = None,
        penalty_fraction: float = 1.0,
        functional: Any = "auto",
        modalities: Sequence[str] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inner, regularizer, taps, functional, modalities, seed, **kwargs
        )
        _require_no_training_of_its_own(inner)
        if (
            not isinstance(penalty_fraction, float | int)
            or not 0 < penalty_fraction <= 1
        ):
            raise ValueError(
                "`penalty_fraction` must be a number in (0, 1]. "
                f"Received: penalty_fraction={penalty_fraction!r}"
            )
        self.penalty_fraction = penalty_fraction
        # Where training changes nothing, the pass that made the predictions
        # is the clean pass, too.
        self._reuses_training_pass = trains_as_it_infers(inner)
        self._training_pass: _TrainingPass | None = None
        self.step = self._add_state("step", "int32")
        self.epoch = self._add_state("epoch", "int32")
        self.penalty_tracker = keras.metrics.Mean(name="penalty")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The wrapped model's outputs."""
        self._training_pass = None
        if self._network is None or not (
            training and self._reuses_training_pass
        ):
            return super().call(inputs, training)
        clean = self._network.run(inputs)
        outputs = self._network.outputs_of(clean)
        self._training_pass = _TrainingPass(outputs, clean)
        return outputs

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Refuses to become a layer of another model, which would not train it.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "An `RegularizedModel` cannot be a layer of another "
            "model: only its own `fit` adds the penalty. Build the larger "
            "model from `model.inner`, and wrap that."
        )

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The compiled loss, plus the penalty while training (Eq. 12)."""
        # First: running the model again replaces what `add_loss` has left.
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training:
            return loss
        information = self.estimate(
            x,
            y_pred,
            sample_weight,
            self.loss,
            self.penalty_fraction,
            self._clean_activations(y_pred),
        )
        penalty = self.regularizer(
            self._lifted(information), self.step, self.epoch
        )
        self.step.assign_add(1)
        # Weighted like the loss, of which the penalty is a part.
        batch = batch_size(y_pred)
        self.penalty_tracker.update_state(penalty, sample_weight=batch)
        self.track(information, sample_weight=batch)
        return loss + self._aggregate_additional_loss(penalty)

    def fit(
        self, *args: Any, callbacks: Any = None, **kwargs: Any
    ) -> keras.callbacks.History:
        """Keras's `fit`; also counts epochs for the regularizer's schedule."""
        kwargs.update(zip(FIT_ARGUMENTS, args, strict=False))
        callbacks = kwargs.pop("callbacks", callbacks)
        watch = _EpochWatch()
        if isinstance(callbacks, keras.callbacks.CallbackList):
            watch.set_model(self)
            members = callbacks.callbacks
        else:
            callbacks = members = keras.tree.flatten(callbacks or [])
        members.append(watch)
        try:
            with kept_variables(self):
                return super().fit(callbacks=callbacks, **kwargs)
        finally:
            members.remove(watch)

    def export(self, *args: Any, **kwargs: Any) -> Any:
        """Exports the wrapped model, as its own `export` does."""
        return self.inner.export(*args, **kwargs)

    def training_logs(self) -> dict[str, Tensor]:
        """What only training computes, as means since the epoch began."""
        return {tracker.name: tracker.result() for tracker in self._trackers}

    def get_metrics_result(self) -> dict[str, Tensor]:
        """The logs of training and evaluation, without those of training alone.

        A tracker that `evaluate` never updates would report 0.
        """
        names = {tracker.name for tracker in self._trackers}
        logs = super().get_metrics_result()
        return {name: log for name, log in logs.items() if name not in names}

    def save_own_variables(self, store: Any) -> None:
        """Saves the counters, and the state of the noise as Keras does not."""
        super().save_own_variables(store)
        store["seed_generator_state"] = self.seed_generator.state

    def load_own_variables(self, store: Any) -> None:
        """Restores what `save_own_variables` saved."""
        if "seed_generator_state" not in store.keys():
            raise ValueError(
                "`filepath` does not hold the weights of an "
                "`RegularizedModel`. Those of the plain model are "
                "loaded with `model.inner.load_weights(filepath)`."
            )
        self.seed_generator.state.assign(store["seed_generator_state"])
        names = [key for key in store.keys() if key != "seed_generator_state"]
        super().load_own_variables({name: store[name] for name in names})

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, the wrapped model among them."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "inner": serialize(self.inner),
            "regularizer": serialize(self.regularizer),
            "taps": self.taps,
            "penalty_fraction": self.penalty_fraction,
            "functional": serialize(self.functional),
            "modalities": self.modalities,
            "seed": self.seed,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> "RegularizedModel":
        """The model that `get_config` described."""
        config = dict(config)
        for name in ("inner", "regularizer", "functional"):
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        return cls(**config)

    def _lifted(self, information: dict[str, Tensor]) -> dict[str, Tensor]:
        """No less than its moving average, which this batch moves."""
        momentum = self.regularizer.momentum
        lifted = {}
        for name, value in information.items():
            moving = self.moving_information[name]
            now = mean_over_replicas(ops.stop_gradient(value))
            average = momentum * moving + (1.0 - momentum) * now
            # The first batch has no average before it.
            average = ops.where(moving > 0, average, now)
            moving.assign(average)
            lifted[name] = lift(value, average)
        return lifted

    def _create_trackers(self, inputs: Any) -> None:
        super()._create_trackers(inputs)
        self.moving_information = {
            tracker.name.removeprefix("information_"): self._add_state(
                "moving_information", "float32"
            )
            for tracker in self.information_trackers
        }

    def _clean_activations(self, y_pred: Any) -> Any:
        """The activations behind these predictions, if they were kept."""
        training_pass, self._training_pass = self._training_pass, None
        if training_pass is None or training_pass.outputs is not y_pred:
            return None
        return training_pass.activations

    @property
    def _trackers(self) -> list[keras.metrics.Mean]:
        return [self.penalty_tracker, *self.information_trackers]

    def _add_state(self, name: str, dtype: str) -> keras.Variable:
        return self.add_weight(
            shape=(),
            initializer="zeros",
            dtype=dtype,
            autocast=False,
            trainable=False,
            aggregation="only_first_replica",
            name=name,
        )


def _require_no_training_of_its_own(inner: keras.Model) -> None:
    """What the wrapper would not call must not be lost in silence."""
    for name in ("train_step", "test_step", "compute_loss", "compute_metrics"):
        # Those of `CMVQVAE` only report; its losses come from `add_loss`.
        known = [getattr(base, name) for base in (keras.Model, CMVQVAE)]
        if getattr(type(inner), name) not in known:
            raise ValueError(
                f"`inner` is a {type(inner).__name__}, which overrides "
                f"`{name}`, and the model around it would not call that. Add "
                "its loss with `add_loss` in `call`, give losses and metrics "
                "to `compile`, or subclass `RegularizedModel` and "
                f"override `{name}` there."
            )


class _TrainingPass:
    """What the model computed for its predictions.

    Keras would track, and so copy, a tuple or dict in an attribute.
    """

    def __init__(self, outputs: Any, activations: Any) -> None:
        self.outputs = outputs
        self.activations = activations


class _EpochWatch(keras.callbacks.Callback):
    """Tells the model which epoch it is in, and the user of a lost modality."""

    def __init__(self) -> None:
        super().__init__()
        self._lost: set[str] = set()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.epoch.assign(epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for tracker in self.model.information_trackers:
            if (logs or {}).get(tracker.name) == 0:
                self._warn(tracker.name.removeprefix("information_"), epoch)

    def _warn(self, modality: str, epoch: int) -> None:
        """Once in a `fit`: a lost modality hardly ever comes back."""
        if modality in self._lost:
            return
        self._lost.add(modality)
        warnings.warn(
            f"Modality {modality!r} gave no information in epoch {epoch + 1}: "
            "nothing done to it moves the prediction. It was left out, or no "
            "unit behind it is alive, or the weights are so large that no "
            "logit can be outdone. The penalty cannot bring it back. Train "
            "again with a lower `strength` or learning rate, or a larger "
            "`penalty_fraction` or `num_samples`.",
            stacklevel=2,
        )
