"""A multimodal network that masks the features its task does not need."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_mmreg.backend import TrainStep
from keras_mmreg.checks import check_number
from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.metrics import CodebookPerplexity
from keras_mmreg.metrics import CodebookUsage
from keras_mmreg.models.cm_vqvae.reconstruction_error import ReconstructionError
from keras_mmreg.types import Tensor

_FEATURES = ("all", "complementary", "contradictory")
_PARTS = ("encoders", "quantizers", "decoders", "mask", "head")


@keras.saving.register_keras_serializable(package="keras_mmreg")
class CMVQVAE(TrainStep, keras.Model):
    """Complementary Multimodal VQ-VAEs: features are kept or masked as a whole.

    Each modality has an encoder, a `VectorQuantizer` and a decoder. The
    quantised features of all modalities are masked together
    (`ComplementarityMask`), joined, and given to the head that solves the
    task:

    `loss = task + codebook + reconstruction + mask` (Eq. 1).

    The reconstruction keeps encoders from dropping what the task does not
    need, so that the mask has something to separate; the mask term makes each
    kept channel cost something. What remains of each modality is its
    complementary share; the ratio of shares is zeta.

    `fit` logs `task_loss`, `codebook_loss`, `mask_loss` and
    `reconstruction_loss`, and `perplexity_<modality>` and
    `codebook_usage_<modality>`. Decoders run in training only: `evaluate`
    reports the same without `reconstruction_loss`, and its `loss` is without
    that term; monitor `val_task_loss`, with `mode="min"`, for the task alone.
    Shares and zeta are properties of `mask`;
    `keras_mmreg.callbacks.ComplementarityLogger` logs them.

    The paper's baselines are options: `mask="dropout"`, `mask="attention"`;
    `mask="none"` with (configuration ii) or without (i) decoders and
    quantizers; a mask alone (iii). See `create_cm_vqvae`.

    Args:
        encoders: Dict from modality to a layer or model. Features have
            their channels last, or first with such a mask and quantizers.
        head: A layer or model that solves the task, from the joined features
            (see `fusion`).
        decoders: Dict from modality to a layer or model that turns the
            modality's features into its input; or `None`, not to reconstruct.
            Defaults to `None`.
        quantizers: `"ema"` or `"gradient"` (512 codes, see `VectorQuantizer`),
            a `VectorQuantizer` whose arguments serve all modalities, a dict of
            them, or `None`, not to quantise. Defaults to `"ema"`.
        mask: A mode of `ComplementarityMask`, or an instance. Defaults to
            `"binary"`.
        fusion: `"concatenate"` joins the masked features along their channels,
            as in the paper; with `"none"` the head receives a dict and may
            join what has different shapes. Defaults to `"concatenate"`.
        reconstruction_weight: Non-negative float, or a dict of them. Defaults
            to `1.0`.
        data_variance: Dict from modality to the variance of its data, by which
            reconstruction errors are divided (1.0 leaves them as they are).
            `None` takes it from each batch. Defaults to `None`.
        **kwargs: Arguments of `keras.Model`.

    Call arguments:
        inputs: A dict from modality to a tensor; or a list in the order of
            `encoders`; or, for a single modality, its tensor.
        training: Whether to train codes and add the reconstruction losses.

    Returns:
        What the head returns.

    Raises:
        ValueError: If modalities do not match, an argument is unknown, or a
            decoder's output does not have its input's shape.

    Example:

    >>> import numpy as np
    >>> Dense = keras.layers.Dense
    >>> model = CMVQVAE(
    ...     encoders={"image": Dense(8), "audio": Dense(8)},
    ...     decoders={"image": Dense(20), "audio": Dense(5)},
    ...     head=Dense(10, activation="softmax"),
    ...     quantizers=VectorQuantizer(16, num_groups=4),
    ... )
    >>> model.compile("adam", loss="sparse_categorical_crossentropy")
    >>> x = {"image": np.ones((32, 20)), "audio": np.ones((32, 5))}
    >>> history = model.fit(x, np.zeros(32), verbose=0)
    >>> {m: float(s) for m, s in model.mask.complementary_shares().items()}
    {'audio': 50.0, 'image': 50.0}
    >>> parts = model.reconstruct(x, features="complementary")
    >>> tuple(parts["image"].shape)
    (32, 20)

    References:
        - Tejero-de-Pablos, Complementary-Contradictory Feature Regularization
          against Multimodal Overfitting, WACV 2024.
    """

    def __init__(
        self,
        encoders: Mapping[str, Any],
        head: Any,
        decoders: Mapping[str, Any] | None = None,
        quantizers: Any = "ema",
        mask: Any = "binary",
        fusion: str = "concatenate",
        reconstruction_weight: Any = 1.0,
        data_variance: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(encoders, Mapping) or not encoders:
            raise ValueError(
                "`encoders` must be a dict from modality to a layer. "
                f"Received: {encoders!r}"
            )
        for name in encoders:
            _check_modality_name(name)
        self.modalities = tuple(encoders)
        if fusion not in ("concatenate", "none"):
            raise ValueError(
                "`fusion` must be 'concatenate' or 'none'. "
                f"Received: {fusion!r}"
            )
        self.encoders = dict(encoders)
        self.decoders = self._for_all("decoders", decoders or {})
        _check_layers("encoders", self.encoders.values())
        _check_layers("decoders", self.decoders.values())
        _check_layers("head", [head])
        self.mask = _create_mask(mask)
        self.quantizers = self._create_quantizers(quantizers)
        self.head = head
        self.fusion = fusion
        self.reconstruction_weight = reconstruction_weight
        self.data_variance = data_variance
        self.reconstruction_errors = self._create_reconstruction_errors()
        self._create_trackers()
        self._records: dict[str, Any] | None = None

    def _for_all(self, name: str, layers: Mapping) -> dict[str, Any]:
        if layers and set(layers) != set(self.modalities):
            raise ValueError(
                f"`{name}` must be a dict with the modalities of `encoders`, "
                f"{sorted(self.modalities)}. Received: {sorted(layers)}"
            )
        return dict(layers)

    def _create_quantizers(self, quantizers: Any) -> dict[str, Any]:
        if quantizers is None:
            return {}
        data_format = self.mask.data_format
        if isinstance(quantizers, Mapping):
            for quantizer in quantizers.values():
                _check_quantizer(quantizer, data_format)
            return self._for_all("quantizers", quantizers)
        if quantizers in ("ema", "gradient"):
            quantizers = VectorQuantizer(
                512, update=quantizers, data_format=data_format
            )
        _check_quantizer(quantizers, data_format)
        config = quantizers.get_config()
        return {
            name: VectorQuantizer.from_config(
                {**config, "name": f"{config['name']}_{name}"}
            )
            for name in self.modalities
        }

    def _create_reconstruction_errors(self) -> dict[str, Any]:
        weights = self.reconstruction_weight
        if not isinstance(weights, Mapping):
            weights = dict.fromkeys(self.modalities, weights)
        variances = self.data_variance or dict.fromkeys(self.modalities)
        if not isinstance(variances, Mapping):
            raise ValueError(
                "`data_variance` must be a dict from modality to a number. "
                f"Received: {variances!r}"
            )
        self._for_all("reconstruction_weight", weights)
        self._for_all("data_variance", variances)
        for weight in weights.values():
            check_number("reconstruction_weight", weight, minimum=0)
        for variance in variances.values():
            if variance is not None:
                check_number("data_variance", variance, above=0)
        return {
            name: ReconstructionError(
                weights[name], variances[name], dtype="float32"
            )
            for name in self.decoders
        }

    def _create_trackers(self) -> None:
        # Which layers add each of the terms of Eq. 1, besides the task's.
        self._terms = {
            "codebook_loss": list(self.quantizers.values()),
            "mask_loss": [self.mask] if self.mask.learns else [],
            "reconstruction_loss": list(self.reconstruction_errors.values()),
        }
        names = [
            "task_loss",
            *(name for name in self._terms if self._terms[name]),
        ]
        self.loss_trackers = {
            name: keras.metrics.Mean(name=name) for name in names
        }
        self.codebook_trackers = {
            name: [
                CodebookPerplexity(*sizes, name=f"perplexity_{name}"),
                CodebookUsage(*sizes, name=f"codebook_usage_{name}"),
            ]
            for name, quantizer in self.quantizers.items()
            for sizes in [(quantizer.num_embeddings, quantizer.num_groups)]
        }

    def build(self, input_shape: Any) -> None:
        """Builds all layers from the modalities' shapes."""
        shapes = self._by_modality(input_shape, kind="shapes")
        self.input_shapes = {name: tuple(shapes[name]) for name in shapes}
        features = {}
        for name, shape in self.input_shapes.items():
            _check_not_empty(name, shape)
            features[name] = _build(self.encoders[name], shape)
            if self.quantizers:
                _build(self.quantizers[name], features[name])
            if self.decoders:
                _check_takes(
                    f"The decoder of modality {name!r}",
                    self.decoders[name],
                    features[name],
                )
                decoded = _build(self.decoders[name], features[name])
                _check_decoded(name, decoded, shape)
        _build(self.mask, features)
        joined = self._joined_shape(features)
        _check_takes("`head`", self.head, joined)
        _build(self.head, joined)

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Solves the task from the complementary features."""
        tensors = self._by_modality(inputs)
        encoded = {name: self.encoders[name](tensors[name]) for name in tensors}
        quantized, indices = self._quantize(encoded, training)
        if training:
            for name, decoder in self.decoders.items():
                reconstruction = decoder(quantized[name])
                self.reconstruction_errors[name](tensors[name], reconstruction)
        masked = self.mask(quantized, training=training)
        self._record(indices)
        return self.head(self._join(masked))

    def _quantize(
        self, encoded: dict[str, Tensor], training: bool
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        if not self.quantizers:
            return encoded, {}
        quantized, indices = {}, {}
        for name, features in encoded.items():
            quantized[name], indices[name] = self.quantizers[name](
                features, training=training, return_indices=True
            )
        return quantized, indices

    def _record(self, indices: dict[str, Tensor]) -> None:
        """Keeps for `compute_loss` what this call's losses are made of.

        Keras hands `compute_loss` a list of losses without their names.
        """
        losses = {
            name: [loss for layer in layers for loss in layer.losses]
            for name, layers in self._terms.items()
        }
        losses = {name: sum(losses[name]) for name in losses if losses[name]}
        # Outside of training and evaluation Keras does not collect losses.
        self._records = (
            {"losses": losses, "indices": indices} if losses else None
        )

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The compiled loss and all terms of this call (Eq. 1), tracked."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        extra = [ops.cast(ops.sum(term), loss.dtype) for term in self.losses]
        self.loss_trackers["task_loss"].update_state(loss - sum(extra))
        records, self._records = self._records, None
        if records is not None:
            for name, term in records["losses"].items():
                self.loss_trackers[name].update_state(term)
            for name, indices in records["indices"].items():
                for tracker in self.codebook_trackers[name]:
                    tracker.update_state(indices)
        return loss

    def training_logs(self) -> dict[str, Tensor]:
        """What only training computes, as means since the epoch began."""
        if not self.decoders:
            return {}
        tracker = self.loss_trackers["reconstruction_loss"]
        return {tracker.name: tracker.result()}

    def get_metrics_result(self) -> dict[str, Tensor]:
        """The logs of training and evaluation, without those of training alone.

        Decoders do not run in `evaluate`, which would report an error of 0.
        """
        logs = dict(super().get_metrics_result())
        logs.pop("reconstruction_loss", None)
        return logs

    def features(self, inputs: Any, features: str = "all") -> dict[str, Tensor]:
        """Each modality's quantised features, or a part of them.

        Args:
            inputs: A batch, as for a call.
            features: `"all"`, `"complementary"` (what the task sees) or
                `"contradictory"` (the rest). Defaults to `"all"`.

        Returns:
            Dict from modality to a tensor; channels of the other part are 0.
        """
        if features not in _FEATURES:
            raise ValueError(
                f"`features` must be one of {_FEATURES}. Received: {features!r}"
            )
        tensors = self._by_modality(inputs)
        encoded = {
            name: self.encoders[name](tensors[name], training=False)
            for name in tensors
        }
        quantized, _ = self._quantize(encoded, training=False)
        if features == "all":
            return quantized
        complementary, contradictory = self.mask.split(quantized)
        return complementary if features == "complementary" else contradictory

    def reconstruct(
        self, inputs: Any, features: str = "all"
    ) -> dict[str, Tensor]:
        """Inputs as decoded from all or a part of their features (Fig. 3).

        Args:
            inputs: A batch, as for a call.
            features: `"all"`, `"complementary"` or `"contradictory"`. Defaults
                to `"all"`.

        Returns:
            Dict from modality to a tensor like its input.
        """
        return self._decode(self.features(inputs, features))

    def _decode(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        if not self.decoders:
            raise ValueError(
                "This model has no decoders. Create it with `decoders=` to "
                "reconstruct its inputs."
            )
        return {
            name: decoder(features[name], training=False)
            for name, decoder in self.decoders.items()
        }

    def task_model(self) -> keras.Model:
        """A plain functional model of the task, without decoders.

        It shares this model's weights; its inputs are named by modality.

        Raises:
            ValueError: If the model has not been called on data yet.
        """
        if not self.built:
            raise ValueError(
                f"Model {self.name!r} does not know the shapes of its inputs "
                "yet. Call it on a batch, or train it, first."
            )
        inputs = {
            name: keras.Input(shape[1:], name=name)
            for name, shape in self.input_shapes.items()
        }
        encoded = {name: self.encoders[name](inputs[name]) for name in inputs}
        if self.quantizers:
            encoded = {
                name: self.quantizers[name](encoded[name]) for name in encoded
            }
        outputs = self.head(self._join(self.mask(encoded)))
        return keras.Model(inputs, outputs, name=f"{self.name}_task")

    def warm_start(
        self,
        source: "CMVQVAE",
        parts: tuple[str, ...] = _PARTS[:-1],
    ) -> None:
        """Copies weights from a trained model of the same architecture.

        For transfer to new classes (Table 6): everything but the head. Both
        models must be built.

        Args:
            source: A `CMVQVAE` with (at least) this model's modalities.
            parts: Which of `"encoders"`, `"quantizers"`, `"decoders"`,
                `"mask"` and `"head"` to copy. Leave out `"mask"` to learn the
                separation anew. Defaults to all but the head.

        Raises:
            ValueError: If a part is unknown or its weights do not match;
                nothing is copied then.
        """
        if not isinstance(source, CMVQVAE) or not (source.built and self.built):
            raise ValueError(
                "`source` must be a `CMVQVAE`, and both models must have been "
                "built: call them on a batch first. "
                f"Received: source={source!r}"
            )
        targets = dict(self._layers_of(parts))
        sources = dict(source._layers_of(parts))
        for key, layer in targets.items():
            if key not in sources:
                raise ValueError(
                    f"`source` has no {key[0]} for {key[1]!r}. Leave "
                    f"{key[0]!r} out of `parts`. Received: parts={parts}"
                )
            _check_same_weights(key, layer, sources[key])
        for key, layer in targets.items():
            layer.set_weights(sources[key].get_weights())

    def freeze(self, parts: tuple[str, ...]) -> None:
        """Stops training parts of the model; call `compile` afterwards.

        Args:
            parts: As for `warm_start`.
        """
        for _, layer in self._layers_of(parts):
            layer.trainable = False

    def _layers_of(self, parts: tuple[str, ...]) -> list[tuple[tuple, Any]]:
        unknown = set(parts) - set(_PARTS)
        if isinstance(parts, str) or unknown:
            raise ValueError(
                f"`parts` must be a list of names from {_PARTS}. "
                f"Received: {parts!r}"
            )
        layers = []
        for part in parts:
            value = getattr(self, part)
            named = value if isinstance(value, Mapping) else {"all": value}
            layers += [((part, name), named[name]) for name in named]
        return layers

    def _by_modality(self, inputs: Any, kind: str = "tensors") -> dict:
        """Inputs, or their shapes, as a dict in the order of `encoders`."""
        single = len(self.modalities) == 1
        if isinstance(inputs, Mapping):
            if set(inputs) != set(self.modalities):
                raise ValueError(
                    "`inputs` must be a dict with the modalities of "
                    f"`encoders`, {sorted(self.modalities)}. "
                    f"Received: {sorted(inputs)}"
                )
            missing = [name for name in inputs if inputs[name] is None]
            if missing:
                raise ValueError(
                    "`inputs` must have data for every modality. "
                    f"Received: None for {missing}"
                )
            return {name: inputs[name] for name in self.modalities}
        is_sequence = isinstance(inputs, (list, tuple))
        if kind == "shapes":
            is_sequence = isinstance(inputs[0], (list, tuple))
        values = inputs if is_sequence else [inputs]
        if len(values) != len(self.modalities):
            remedy = "" if single else " Pass a dict or a list."
            raise ValueError(
                f"`inputs` must have {len(self.modalities)} modalities, "
                f"{list(self.modalities)}. Received: {len(values)}.{remedy}"
            )
        return dict(zip(self.modalities, values, strict=True))

    @property
    def _channel_axis(self) -> int:
        return -1 if self.mask.data_format == "channels_last" else 1

    def _join(self, features: dict[str, Tensor]) -> Any:
        if self.fusion == "none":
            return features
        tensors = [features[name] for name in self.modalities]
        return ops.concatenate(tensors, axis=self._channel_axis)

    def _joined_shape(self, shapes: dict[str, tuple]) -> Any:
        if self.fusion == "none":
            return shapes
        axis = self._channel_axis
        joined = list(shapes[self.modalities[0]])
        for name, shape in shapes.items():
            joined[axis] = shape[axis]
            if not _is_compatible(shape, joined):
                raise ValueError(
                    "`fusion='concatenate'` needs features that differ in "
                    f"their channels alone. Received: shapes={shapes}, "
                    f"{name!r} differs. Pass `fusion='none'` and a head that "
                    "takes a dict."
                )
        joined[axis] = sum(shape[axis] for shape in shapes.values())
        return tuple(joined)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, layers serialised."""
        serialize = keras.saving.serialize_keras_object

        def serialize_all(layers: Mapping) -> dict | None:
            return {name: serialize(layers[name]) for name in layers} or None

        return {
            **super().get_config(),
            "encoders": serialize_all(self.encoders),
            "head": serialize(self.head),
            "decoders": serialize_all(self.decoders),
            "quantizers": serialize_all(self.quantizers),
            "mask": serialize(self.mask),
            "fusion": self.fusion,
            "reconstruction_weight": self.reconstruction_weight,
            "data_variance": self.data_variance,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> "CMVQVAE":
        """The model that `get_config` described."""

        def deserialize(layer: dict) -> Any:
            return keras.saving.deserialize_keras_object(
                layer, custom_objects=custom_objects
            )

        config = dict(config)
        for part in ("encoders", "decoders", "quantizers"):
            layers = config[part]
            config[part] = layers and {
                name: deserialize(layers[name]) for name in layers
            }
        for part in ("mask", "head"):
            config[part] = deserialize(config[part])
        return cls(**config)


def _create_mask(mask: Any) -> ComplementarityMask:
    if isinstance(mask, ComplementarityMask):
        return mask
    if not isinstance(mask, str):
        raise ValueError(
            "`mask` must be a mode of `ComplementarityMask`, such as 'binary', "
            f"or an instance. Received: mask={mask!r}"
        )
    return ComplementarityMask(mode=mask)


def _check_modality_name(name: Any) -> None:
    if not isinstance(name, str) or not name or set(name) & set("/."):
        raise ValueError(
            "`encoders` must have modality names without '/' and '.', which "
            f"stand for paths in saved models. Received: {name!r}"
        )


def _check_layers(argument: str, layers: Iterable) -> None:
    for layer in layers:
        if not isinstance(layer, keras.layers.Layer):
            raise ValueError(
                f"`{argument}` must hold Keras layers or models; a function "
                f"becomes one by `keras.layers.Lambda`. Received: {layer!r}"
            )


def _check_quantizer(quantizer: Any, data_format: str) -> None:
    if not isinstance(quantizer, VectorQuantizer):
        raise ValueError(
            "`quantizers` must be 'ema', 'gradient', a `VectorQuantizer`, a "
            f"dict of them or None. Received: {quantizer!r}"
        )
    if quantizer.data_format != data_format:
        raise ValueError(
            "`quantizers` and `mask` must have the same `data_format`. "
            f"Received: {quantizer.data_format!r} and {data_format!r}"
        )


def _check_same_weights(key: tuple, target: Any, source: Any) -> None:
    shapes = [
        [tuple(weight.shape) for weight in layer.weights]
        for layer in (target, source)
    ]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"`source` must have {key[0]} with the weights of this model's. "
            f"Leave {key[0]!r} out of `parts`, or change the architecture. "
            f"Received for {key[1]!r}: {shapes[1]} instead of {shapes[0]}"
        )


def _build(layer: Any, shape: Any) -> Any:
    """Builds a layer unless it is built; returns its output's shape."""
    if not layer.built:
        layer.build(shape)
    return layer.compute_output_shape(shape)


def _is_compatible(shape: Sequence, other: Sequence) -> bool:
    """Whether shapes agree where both are known."""
    return len(shape) == len(other) and all(
        None in sizes or sizes[0] == sizes[1]
        for sizes in zip(shape, other, strict=True)
    )


def _check_not_empty(name: str, shape: tuple) -> None:
    if 0 in shape[1:]:
        raise ValueError(
            f"Modality {name!r} must not be empty. Leave it out of `encoders` "
            f"if there is no data. Received: shape={shape}"
        )


def _check_takes(what: str, layer: Any, shape: Any) -> None:
    """A model made for other features would fail with an obscure message."""
    expected = getattr(layer, "input_shape", None)
    if not isinstance(expected, tuple) or not isinstance(shape, tuple):
        return
    if not _is_compatible(expected, shape):
        raise ValueError(
            f"{what} must take the features that it is given, of shape "
            f"{shape}. Change it, or the channels of the encoders. "
            f"Received: input_shape={expected}"
        )


def _check_decoded(name: str, decoded: tuple, shape: tuple) -> None:
    if tuple(decoded[1:]) != tuple(shape[1:]):
        raise ValueError(
            f"The decoder of modality {name!r} must return the shape of its "
            f"input, {shape}. Received: {tuple(decoded)}"
        )
