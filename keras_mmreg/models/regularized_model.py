"""A Keras model that is trained against multimodal overfitting."""

from collections.abc import Mapping
from collections.abc import Sequence
from functools import partial
from functools import wraps
from inspect import signature
from typing import Any

import keras
from keras import ops

from keras_mmreg import regularizers
from keras_mmreg.backend import before_gradients
from keras_mmreg.backend import kept_variables
from keras_mmreg.backend import replica_id
from keras_mmreg.backend import unscaled_loss
from keras_mmreg.backend.keras_internals import additional_loss
from keras_mmreg.backend.keras_internals import compiled_loss
from keras_mmreg.backend.keras_internals import copy_compiled_loss
from keras_mmreg.backend.keras_internals import copy_sample_weight
from keras_mmreg.backend.keras_internals import set_seed_paths
from keras_mmreg.backend.seeds import seed_states
from keras_mmreg.checks import check_seed
from keras_mmreg.information.memo import Memo
from keras_mmreg.information.resolve_functional import check_functional
from keras_mmreg.models.first_batch import build_on_first_batch
from keras_mmreg.models.fit_watch import watched
from keras_mmreg.models.wrapper_model import WrapperModel
from keras_mmreg.network import Network
from keras_mmreg.network import create_network
from keras_mmreg.network import symbolic_inputs
from keras_mmreg.network.checks import trains_as_it_infers
from keras_mmreg.network.checks import updates_to_settle
from keras_mmreg.network.naming import check_kind_of_modalities
from keras_mmreg.network.naming import check_kind_of_taps
from keras_mmreg.network.naming import describe_points
from keras_mmreg.network.preprocessing import preprocessed_arguments
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.regularizers import Regularizer
from keras_mmreg.regularizers import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class RegularizedModel(WrapperModel):
    """Wraps a Keras model so that `fit` works against multimodal overfitting.

    A classifier on several modalities tends to rely on the one that is easiest
    to learn from. The methods passed as `regularizer` act on every training
    step: they change what the model sees of a modality, add a penalty to the
    loss, or both:

    `loss = task loss + sum of the methods' penalties`.

    Training updates the wrapped model's own weights. `evaluate` and `predict`
    run the wrapped model at no extra cost. `fit` compiles the wrapped model
    with the same loss and metrics, so that `inner` can be evaluated, saved
    and loaded by itself. It keeps its optimizer, or else has a plain SGD: to
    train it further by itself, compile it with another one.

    Every modality has a *point*, where it is perturbed and measured: its input
    tensors, or the output of a layer. The methods rerun the part of the model
    behind the points as often as they need to, in inference mode (moving
    statistics in `BatchNormalization`, no dropout). Penalties of such passes
    are 0 until these statistics have settled: they mean nothing before.

    During training the logs hold, besides the loss and the compiled metrics,
    `penalty`, `<method>_penalty` for each method, and the method's other logs,
    such as `information_<modality>`, as means over the epoch. Training metrics
    are computed from the predictions that the model is trained with, which are
    perturbed if a method perturbs. The training `loss` includes the penalty;
    `val_loss` does not.

    On several devices, methods compute their statistics over the whole batch:
    on JAX (`keras.distribution`), under TensorFlow's `MirroredStrategy` and in
    torch's `DistributedDataParallel` (call this model, then `compute_loss`).
    Under the latter two, each replica draws for its own part of the batch, as
    Keras's layers do; a permutation stays within the part.

    `fit` warns once if a modality gave no information for an epoch, or if an
    information penalty of fixed strength is larger than the task loss after
    the first hundred steps.

    Args:
        inner: The `keras.Model` to train: functional, sequential or
            subclassed, with one input, a list or a (nested) dict of inputs.
            Modalities are named after the dict's keys, otherwise after the
            inputs, or else `"input"` or `"input_0"`, `"input_1"`, ... Tensors
            under one key, such as `text/ids` and `text/mask`, are one
            modality. The points of a functional model are behind the
            `Masking`, `Rescaling` and `Normalization` layers that its inputs
            first go through.
        regularizer: A name such as `"fisher"`, an instance from
            `keras_mmreg.regularizers`, or a list of these. Defaults to
            `"fisher"`.
        taps: Optional dict from a modality to the name of a layer whose output
            is its point, for inputs that have no gradient, such as token ids
            (`{"text": "embedding"}`), or to rerun only the layers behind it.
            `"auto"` takes the last tensor of each modality before it is merged
            with another. Layers inside nested functional models can be named,
            too. In a subclassed model, gates and `"blending"` take no taps,
            and `"prototypes"` does not work. Defaults to `None`: the inputs.
        functional: The functional f that compares two predictions. `"auto"`
            derives it from the compiled loss, or else from the model's last
            activation: cross-entropy for softmax and sigmoid outputs (from
            logits or probabilities, averaged over positions), squared distance
            for regression. Otherwise a Keras loss of that kind, a structure of
            losses for several outputs (outputs without one are left out), or a
            function of the perturbed and the clean outputs that returns a
            non-negative `(batch,)` tensor. Defaults to `"auto"`.
        modalities: Optional list with the names of the modalities to
            regularize. Defaults to `None`, which means all.
        seed: Optional integer, for reproducible randomness. Defaults to
            `None`.
        **kwargs: Keyword arguments of `keras.Model`, such as `name`.

    Raises:
        ValueError: If an argument is out of range, a tap or a modality does
            not exist, or a method cannot work on the model.

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
    >>> x = {"color": np.eye(8, 3), "shape": np.random.rand(8, 28, 28)}
    >>> history = model.fit(x, np.arange(8), verbose=0)
    >>> print(*sorted(history.history))
    fisher_penalty information_color information_shape loss penalty

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Eq. 12
    """

    def __init__(
        self,
        inner: keras.Model,
        regularizer: Any = "fisher",
        taps: Mapping[str, str] | str | None = None,
        functional: Any = "auto",
        modalities: Sequence[str] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(inner, **kwargs)
        check_kind_of_taps(taps)
        check_functional(functional)
        if isinstance(modalities, str):
            modalities = [modalities]
        check_kind_of_modalities(modalities)
        check_seed(seed)
        self.regularizers = regularizers.get_all(regularizer)
        self._taps = dict(taps) if isinstance(taps, Mapping) else taps
        self.functional = functional
        self._modalities = None if modalities is None else list(modalities)
        self.seed = seed
        self.gate = regularizers.create_gate(self.regularizers)
        self._log_prefixes = regularizers.log_prefixes(self._methods)
        self.add_tracker("penalty")
        self.step = self.add_counter("step")
        self.epoch = self.add_counter("epoch")
        self.settled_step = self.add_counter("settled_step")
        self._network: Network | None = None
        # By replica: replicas take turns at every sum over replicas.
        self._training_passes: dict[int, TrainingPass] = {}
        self._sample_weights: dict[int, Any] = {}
        self._loss_function = Memo()
        # Set by `fit`: the gate's held-out data have no class weights.
        self.class_weight: dict[int, float] | None = None
        if (inputs := symbolic_inputs(inner)) is not None:
            self._attach(inputs)
            self.built = True

    @property
    def taps(self) -> dict[str, str] | str | None:
        """The layer at whose output each tapped modality has its point."""
        taps = self._taps
        return dict(taps) if isinstance(taps, Mapping) else taps

    @property
    def modalities(self) -> list[str] | None:
        """The modalities that are regularized, or `None` for all of them."""
        return self._modalities and list(self._modalities)

    @property
    def network(self) -> Network | None:
        """The model's points, and how to rerun the model from them."""
        return self._network

    # One training step, from top to bottom: Keras's `train_step` calls the
    # model, then `compute_loss`, then takes the gradient.

    def train_step(self, *args: Any) -> Any:
        """Runs Keras's `train_step`; keeps the sample weights for `perturb`."""
        weights = keras.utils.unpack_x_y_sample_weight(args[-1])[-1]
        self._sample_weights[replica_id()] = weights
        try:
            return super().train_step(*args)
        finally:
            self._sample_weights.pop(replica_id(), None)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Runs the wrapped model, in training from perturbed points."""
        self._training_passes.pop(replica_id(), None)
        if not training:
            return self.inner(inputs, training=training)
        training_pass = self._run_in_training(inputs)
        self._training_passes[replica_id()] = training_pass
        return training_pass.outputs

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Returns the compiled loss, in training plus penalties (Eq. 12)."""
        # First, because rerunning the model replaces its `add_loss` terms.
        weights = copy_sample_weight(sample_weight)
        loss = super().compute_loss(x, y, y_pred, weights, training)
        if not training:
            return loss
        training_pass = self._training_passes.pop(replica_id(), None)
        if training_pass is None or training_pass.outputs is not y_pred:
            training_pass = self._run_in_training(x)
        compiled = compiled_loss(self)
        copy = self._loss_function.get(
            (compiled,), lambda: copy_compiled_loss(compiled)
        )
        training_pass.set_task_loss(
            y, sample_weight, unscaled_loss(loss), copy, self.loss
        )
        size, total = training_pass.batch_size, ops.zeros((), loss.dtype)
        for method in self._methods:
            penalty, logs = method.penalty(training_pass)
            self.track(logs, size, self._log_prefixes[method.name])
            if penalty is not None:
                self.track({f"{method.name}_penalty": penalty}, size)
                total = total + ops.cast(penalty, loss.dtype)
        self.step.assign_add(1)
        self.track({"penalty": total}, size)
        return before_gradients(loss + additional_loss(self, total))

    def _run_in_training(self, inputs: Any) -> TrainingPass:
        """Runs the model; the methods change the values at its points."""
        network = self._network
        assert network is not None  # Since the model was built.
        settled = ops.greater_equal(self.step, self.settled_step)
        training_pass = TrainingPass(
            network=network,
            inputs=inputs,
            sample_weight=self._sample_weights.get(replica_id()),
            inner=self.inner,
            functional=self.functional,
            gate=self.gate,
            settled=ops.cast(settled, loss_dtype()),
            step=ops.convert_to_tensor(self.step),
            epoch=ops.convert_to_tensor(self.epoch),
            trains_as_it_infers=self._trains_as_it_infers,
        )
        perturbing = [method for method in self._methods if method.perturbs]
        intervene = partial(training_pass.intervene, methods=perturbing)
        activations = network.run(
            inputs, training=True, intervene=intervene if perturbing else None
        )
        training_pass.set_outputs(activations)
        return training_pass

    # Around the training steps.

    @wraps(keras.Model.fit, assigned=())
    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Runs Keras's `fit`, and tells the methods the epoch.

        If the first step raises, the variables are restored. Callbacks that
        measure the gate run first, so that a backup has its epoch's gate.
        """
        kwargs = signature(self.fit).bind(*args, **kwargs).arguments
        callbacks = kwargs.pop("callbacks", None)
        kwargs = preprocessed_arguments(self.inner, kwargs)
        kwargs = build_on_first_batch(self, kwargs)
        self.class_weight = kwargs.get("class_weight")
        watching = watched(callbacks, self, kwargs)
        with watching as callbacks, kept_variables(self):
            return super().fit(callbacks=callbacks, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Names the modalities of a model whose inputs were unknown so far."""
        dtypes = iter(self.input_dtypes)
        self._attach(
            keras.tree.map_shape_structure(
                lambda shape: keras.KerasTensor(shape, next(dtypes, None)),
                input_shape,
            )
        )

    def known_outputs(self) -> Any:
        """Returns the symbolic outputs of the wrapped model, once built."""
        return self.network.output_symbols if self.network else None

    @wraps(keras.Model.summary, assigned=())
    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Prints Keras's `summary`, then the regularizers and the points."""
        kwargs = signature(self.summary).bind(*args, **kwargs).arguments
        super().summary(**kwargs)
        show = kwargs.get("print_fn") or print
        for method in self.regularizers:
            show(f" Regularizer: {method!r}")
        show(f" Points: {describe_points(self.taps, self.network)}")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, including the wrapped model."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "regularizer": [serialize(method) for method in self.regularizers],
            "taps": self.taps,
            "functional": serialize(self.functional),
            "modalities": self.modalities,
            "seed": self.seed,
        }

    @property
    def _methods(self) -> list[Regularizer]:
        """The regularizers, preceded by the gate that they share."""
        others = [m for m in self.regularizers if m is not self.gate]
        return others if self.gate is None else [self.gate, *others]

    def _attach(self, inputs: Any) -> None:
        """Finds the points and prepares the methods for them."""
        network = create_network(self.inner, inputs, self.taps, self.modalities)
        for method in self._methods:  # Of which none has any state yet.
            method.check(network, self.inner)
        self._network = network
        self._trains_as_it_infers = trains_as_it_infers(self.inner)
        for index, method in enumerate(self._methods):
            if self.seed is not None and method.seed is None:
                method.reseed(self.seed + index)
            method.attach(network, self.inner)
            if method.penalizes:
                self.add_tracker(f"{method.name}_penalty")
            for name in method.log_names:
                self.add_tracker(f"{self._log_prefixes[method.name]}{name}")
        set_seed_paths("seed_generators", seed_states(self))
        self.await_settled_statistics()

    def await_settled_statistics(self) -> None:
        """Holds the penalties back while batch statistics are new."""
        remaining = updates_to_settle(self.inner)
        if remaining:
            step = int(ops.convert_to_numpy(self.step))
            self.settled_step.assign(step + remaining)
