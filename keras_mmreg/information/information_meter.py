"""Measures information on any data that `evaluate` accepts."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_mmreg.checks import check_sizes
from keras_mmreg.information.create_estimator import create_estimator
from keras_mmreg.information.estimator import InformationEstimator
from keras_mmreg.information.measure import Measure
from keras_mmreg.information.memo import Memo
from keras_mmreg.information.meter import Meter
from keras_mmreg.information.resolve_functional import check_functional
from keras_mmreg.network import Network
from keras_mmreg.network import create_network
from keras_mmreg.network import modality_names
from keras_mmreg.network import symbolic_inputs
from keras_mmreg.network.checks import outputs_span_batch
from keras_mmreg.network.checks import require_no_state
from keras_mmreg.network.checks import require_second_derivative
from keras_mmreg.network.checks import spans_batch
from keras_mmreg.network.checks import updates_to_settle
from keras_mmreg.network.preprocessing import preprocessed

NO_DATA = (
    "`data` must be what `fit` accepts: arrays in a dict or list, a tuple "
    "`(x, y)`, or a dataset, with at least one example. "
)


class InformationMeter(Meter):
    """Measures information through `evaluate`, on any data that it accepts.

    Args:
        inner: The model to measure, which is not changed.
        measure: The information regularizer that defines what is measured.
        loss: The loss that the model was compiled with, or `None`.
        run_eagerly: Whether to run without compilation.
        taps: See `RegularizedModel`.
        functional: See `RegularizedModel`.
        modalities: See `RegularizedModel`.
        seed: Integer, the seed of the noise.
    """

    def __init__(
        self,
        inner: keras.Model,
        measure: Measure,
        loss: Any = None,
        run_eagerly: bool = False,
        taps: Mapping[str, str] | str | None = None,
        functional: Any = "auto",
        modalities: list[str] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(inner, run_eagerly)
        require_no_state(inner)
        if measure.differentiates:
            require_second_derivative(inner)
        check_functional(functional)
        self.definition = measure
        self.functional = functional
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._loss_of_inner = loss
        self._options = (taps, modalities)
        self._network: Network | None = None
        self._memo = Memo()
        inputs = symbolic_inputs(inner)
        if inputs is not None:
            self._attach(inputs)
            self.built = True

    def build(self, input_shape: Any) -> None:
        """Names the modalities of a model whose inputs were unknown so far."""
        self._create_trackers(
            keras.tree.map_shape_structure(lambda shape: None, input_shape)
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the inputs, on which it builds the inner model."""
        if not self.inner.built:  # It has no variables yet.
            self.inner(inputs, training=False)
        return inputs

    def measure(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Updates the mean of each modality's information."""
        network = self._network or self._attach(x)
        clean = network.run(x)
        estimator = self._estimator(network, x, network.outputs_of(clean))
        estimate = estimator(x, y, sample_weight, clean=clean)
        for name, value in estimate.information.items():
            self.trackers[name].update_state(
                value, sample_weight=estimate.total_weight
            )

    def run(
        self, data: Any, batch_size: int | None = None, steps: int | None = None
    ) -> dict[str, float]:
        """Returns each modality's information, with the same noise every time.

        Raises:
            ValueError: If `data` is empty, or a modality cannot be measured.
        """
        check_sizes(batch_size=batch_size, steps=steps)
        _require_examples(data)
        seed = self.seed_generator
        seed.state.assign(ops.convert_to_tensor([self.seed, 0], "uint32"))
        # Only a tuple may hold labels: a list is a model's inputs.
        x, *rest = data if isinstance(data, tuple) else (data,)
        y, sample_weight = (*rest, None, None)[:2]
        x, y, sample_weight = preprocessed(self.inner, x, y, sample_weight)
        if isinstance(data, tuple):
            _require_inputs_and_labels(self.inner, (x, *rest))
        return self.results(
            x,
            y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            steps=steps,
        )

    @property
    def has_run(self) -> bool:
        """Whether the model has run on data, or knew its inputs before."""
        return self._network is not None

    def _attach(self, inputs: Any) -> Network:
        taps, modalities = self._options
        network = create_network(self.inner, inputs, taps, modalities)
        network.require_float_points()
        if not self.trackers:
            self._create_trackers(inputs)
        self._network = network
        return network

    def _create_trackers(self, inputs: Any) -> None:
        _, modalities = self._options
        self.trackers = {
            name: keras.metrics.Mean(name=f"information_{name}")
            for name in modality_names(self.inner, inputs, modalities)
        }

    def _estimator(
        self, network: Network, inputs: Any, outputs: Any
    ) -> InformationEstimator:
        """Returns the estimator, created from the outputs of a first batch."""
        return self._memo.get(
            (network,),
            lambda: create_estimator(
                self.inner,
                network,
                self.definition,
                outputs,
                self._loss_of_inner,
                self.functional,
                self.seed_generator,
                spans_batch(network, inputs, outputs)
                if symbolic_inputs(self.inner) is None
                else outputs_span_batch(network),
            ),
        )


def warn_of_new_statistics(inner: keras.Model, remaining: int = 0) -> None:
    """Warns if batch statistics make the measurement meaningless.

    Args:
        inner: The model, or a `RegularizedModel` of it.
        remaining: Integer, the number of training steps until the statistics
            have settled, if known. Defaults to `0`.
    """
    remaining = updates_to_settle(inner) or remaining
    if remaining > 0:
        warnings.warn(
            "The moving statistics of `BatchNormalization` have not settled, "
            "and information is measured in inference mode, which uses them: "
            "the numbers mean nothing yet. Measure again after another "
            f"{remaining} training steps.",
            stacklevel=3,
        )


def _require_examples(data: Any) -> None:
    leaves = [x for x in keras.tree.flatten(data) if x is not None]
    shapes = [getattr(x, "shape", ()) for x in leaves]
    lengths = [int(shape[0]) for shape in shapes if shape]
    if not leaves or 0 in lengths:
        received = None if data is None else "no examples"
        raise ValueError(f"{NO_DATA}Received: {received}")
    if len(set(lengths)) > 1:
        raise ValueError(
            "`data` must have arrays of as many examples each. "
            f"Received: {lengths} examples"
        )


def _require_inputs_and_labels(inner: keras.Model, data: tuple) -> None:
    """Raises for a tuple of inputs in place of `(x, y)`, where detectable."""
    received = len(keras.tree.flatten(data[0]))
    needed = _number_of_inputs(inner, data[0])
    if len(data) > 3 or received < needed:
        raise ValueError(
            "`data` is a tuple, which means `(x, y)` or `(x, y, "
            "sample_weight)`; inputs belong in a dict or a list. Received: a "
            f"tuple of {len(data)}, whose first entry has {received} of "
            f"{needed} inputs."
        )


def _number_of_inputs(inner: keras.Model, x: Any) -> int:
    """Returns how many inputs a model has, or 0 if that is unknown."""
    symbols = symbolic_inputs(inner)
    if symbols is not None:
        return len(keras.tree.flatten(symbols))
    if keras.tree.is_nested(x):  # A dict may lack some inputs.
        return 0
    shapes = (inner.get_build_config() or {}).get("input_shape", ())
    counts = keras.tree.map_shape_structure(lambda shape: 1, shapes)
    return len(keras.tree.flatten(counts))
