"""What the models that measure information have in common."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from keras_mmreg import regularizers
from keras_mmreg.backend import has_gpu
from keras_mmreg.models.functional import check_functional
from keras_mmreg.models.information_estimator import InformationEstimator
from keras_mmreg.models.information_estimator import create_estimator
from keras_mmreg.models.network import Network
from keras_mmreg.models.network import create_network
from keras_mmreg.models.network import modality_names
from keras_mmreg.models.network import symbolic_inputs
from keras_mmreg.types import Tensor


class InformationModel(keras.Model):
    """Base class: a model around another, with a tracker for each modality.

    See `RegularizedModel` for the arguments.
    """

    def __init__(
        self,
        inner: keras.Model,
        regularizer: Any = "fisher",
        taps: Mapping[str, str] | None = None,
        functional: Any = "auto",
        modalities: Sequence[str] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # Inputs are cast as the inner model says.
        if not isinstance(inner, keras.Model):
            raise ValueError(
                "`inner` must be a `keras.Model`. "
                f"Received: inner={inner!r} of type {type(inner)}"
            )
        self.inner = inner
        self.regularizer = regularizer
        if self.regularizer.differentiates:
            _require_second_derivative(inner)
        _require_no_state(inner)
        if not isinstance(taps, Mapping | None):
            raise ValueError(
                "`taps` must be a dict from a modality to the name of a "
                f"layer, such as {{'text': 'embedding'}}. Received: {taps!r}"
            )
        self._taps = dict(taps or {})
        check_functional(functional)
        self.functional = functional
        if isinstance(modalities, str):
            modalities = [modalities]
        self._modalities = None if modalities is None else list(modalities)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.information_trackers: list[keras.metrics.Mean] = []
        self._estimator: InformationEstimator | None = None
        self._estimator_settings: Any = None
        self._network: Network | None = None
        inputs = symbolic_inputs(inner)
        if inputs is not None:
            self._network = create_network(
                inner, inputs, self.taps, self.modalities
            )
            self._create_trackers(inputs)
            self.built = True

    @property
    def taps(self) -> dict[str, str]:
        """The layer at which each tapped modality is measured."""
        return dict(self._taps)

    @property
    def modalities(self) -> list[str] | None:
        """The modalities that are measured, or `None` for all of them."""
        return self._modalities and list(self._modalities)

    @property
    def regularizer(self) -> regularizers.InformationRegularizer:
        """What is measured; a new one counts from the next `compile`."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Any) -> None:
        self._regularizer = regularizers.get(value)

    def build(self, input_shape: Any) -> None:
        """Names the modalities of a model that had no inputs until now."""
        self._create_trackers(
            keras.tree.map_shape_structure(lambda shape: None, input_shape)
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The wrapped model's outputs."""
        return self.inner(inputs, training=training)

    def estimate(
        self,
        x: Any,
        y_pred: Any,
        sample_weight: Any = None,
        loss: Any = None,
        fraction: float = 1.0,
        clean: Any = None,
    ) -> dict[str, Tensor]:
        """The information of every modality on a batch."""
        settings = (loss, self.regularizer, self.functional)
        if self._estimator is None or self._estimator_settings != settings:
            self._estimator_settings = settings
            self._estimator = create_estimator(
                self.inner,
                self._network
                or create_network(self.inner, x, self.taps, self.modalities),
                self.regularizer,
                outputs=y_pred,
                loss=loss,
                functional=self.functional,
                seed_generator=self.seed_generator,
            )
        return self._estimator(x, sample_weight, fraction, clean)

    def track(self, information: dict[str, Tensor], sample_weight: Any) -> None:
        """Updates the tracker of each modality."""
        for tracker in self.information_trackers:
            name = tracker.name.removeprefix("information_")
            if name in information:  # Optional inputs may be left out.
                tracker.update_state(information[name], sample_weight)

    @property
    def output_names(self) -> list[str] | None:
        """The names by which `compile` gives losses to the outputs."""
        return getattr(self.inner, "output_names", None)

    def _create_trackers(self, inputs: Any) -> None:
        names = modality_names(self.inner, inputs, self.taps, self.modalities)
        self.information_trackers = [
            keras.metrics.Mean(name=f"information_{name}") for name in names
        ]


def _require_no_state(inner: keras.Model) -> None:
    """The model is run again, on as many examples as there are samples."""
    for layer in inner._flatten_layers(include_self=False):
        if getattr(layer, "stateful", False):
            raise ValueError(
                f"Layer {layer.name!r} is stateful: running the model again "
                "would change what it remembers. Create it with "
                "`stateful=False`."
            )


def _require_second_derivative(inner: keras.Model) -> None:
    """The penalty's own gradient differentiates the model twice."""
    for layer in inner._flatten_layers(include_self=False):
        if getattr(layer, "use_cudnn", False) and has_gpu():
            raise ValueError(
                f"Layer {layer.name!r} may run on cuDNN, whose recurrent "
                "kernels have no second derivative. Create it with "
                "`use_cudnn=False`, or use the regularizers 'entropy' or "
                "'variance', which need no gradient by the inputs."
            )
