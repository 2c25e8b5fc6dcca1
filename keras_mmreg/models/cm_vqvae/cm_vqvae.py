"""A multimodal network that masks the features its task does not need."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import set_paths
from keras_mmreg.backend.seeds import SavesSeeds
from keras_mmreg.checks import check_choice
from keras_mmreg.models.cm_vqvae import modality_inputs
from keras_mmreg.models.cm_vqvae import parts
from keras_mmreg.models.cm_vqvae.reported_terms import ReportsTerms
from keras_mmreg.models.cm_vqvae.transfer import TransfersWeights
from keras_mmreg.models.cm_vqvae.transfer import layers_of
from keras_mmreg.models.inner_compile import compile_inner
from keras_mmreg.types import Tensor

_FEATURES = ("all", "complementary", "contradictory")


@keras.saving.register_keras_serializable(package="keras_mmreg")
class CMVQVAE(SavesSeeds, ReportsTerms, TransfersWeights, keras.Model):
    """Complementary Multimodal VQ-VAE: keeps or masks whole feature channels.

    Each modality has an encoder, a `VectorQuantizer` and a decoder. The
    quantized features of all modalities are masked together
    (`ComplementarityMask`), joined, and passed to the head that solves the
    task. The loss is

    `loss = task + codebook + reconstruction + mask` (Eq. 1).

    The reconstruction term keeps the encoders from dropping features that the
    task does not need, so that the mask has something to separate. The mask
    term puts a cost on each kept channel. The channels that a modality keeps
    are its complementary share; the ratio of the shares is zeta.

    `fit` logs `task_loss`, `codebook_loss`, `mask_loss`, `reconstruction_loss`,
    `perplexity_<modality>` and `codebook_usage_<modality>`. Decoders run only
    in training: `evaluate` does not log `reconstruction_loss`, and its `loss`
    lacks that term. To monitor the task alone, use `val_task_loss` with
    `mode="min"`. Sample weights apply to the task loss alone. Methods of `mask`
    return the shares and zeta; `callbacks.ComplementarityLogger` logs them.

    The paper's baselines are options:

    - "Drop." is `mask="dropout"`, and "Gated" `mask="attention"`;
    - configuration (i) is `mask="none"` without quantizers and decoders;
    - configuration (ii) is `mask="none"` with them;
    - configuration (iii) is a mask without quantizers and decoders.

    Args:
        encoders: Dict from modality to a layer or model. Features are
            channels-last, or channels-first if the mask and the quantizers
            are, too.
        head: A layer or model that solves the task from the joined features
            (see `fusion`).
        decoders: Dict from modality to a layer or model that turns the
            modality's features into its input, or to `None` for a modality
            that is not reconstructed; or `None` for no reconstruction at all.
            Defaults to `None`.
        quantizers: `"ema"` or `"gradient"` (512 codes, see `VectorQuantizer`),
            a `VectorQuantizer` whose arguments apply to all modalities, a dict
            from modality to a `VectorQuantizer`, or `None` for features that
            are not quantized. Defaults to `"ema"`.
        mask: A mode of `ComplementarityMask`, or an instance. Defaults to
            `"binary"`.
        fusion: `"concatenate"` joins the masked features along their channels,
            as in the paper; with `"none"` the head receives a dict and may
            join features of different shapes. Defaults to `"concatenate"`.
        reconstruction_weight: Non-negative float, or a dict from modality to
            such a float. Defaults to `1.0`.
        data_variance: Dict from modality to the variance of its data, by which
            its reconstruction error is divided (1.0 leaves it unchanged).
            `None` uses the variance of each batch. Defaults to `None`.
        **kwargs: Arguments of `keras.Model`.

    Call arguments:
        inputs: A dict from modality to a tensor, or to a dict of tensors for
            an encoder that takes several (ids and mask); or a list in the
            order of `encoders`; or, for a single modality, its tensor.
        training: Whether to update the codes and add the reconstruction losses.

    Returns:
        The output of the head.

    Raises:
        ValueError: If the modalities of the arguments do not match, an argument
            is unknown, or a decoder's output does not have the shape of its
            modality's input.

    Example:

    >>> import numpy as np
    >>> from keras_mmreg.layers import VectorQuantizer
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

    losses_from_add_loss = True
    """Marks a model that leaves Keras's training unchanged: `train_step` and
    `compute_loss` only add logs, and all losses but the compiled one come from
    `add_loss`. A wrapper may train such a model with Keras's own methods."""

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
        parts.check_encoders(encoders)
        parts.check_layers("head", [head])
        check_choice("fusion", fusion, ("concatenate", "none"))
        self.modalities = tuple(encoders)
        self._mmreg_modalities = self.modalities
        self.encoders = dict(encoders)
        self.decoders = parts.create_decoders(decoders, self.modalities)
        self.mask = parts.create_mask(mask)
        self.quantizers = parts.create_quantizers(
            quantizers, self.modalities, self.mask.data_format
        )
        self.head = head
        self.fusion = fusion
        self.reconstruction_weight = reconstruction_weight
        self.data_variance = data_variance
        self.reconstruction_errors = parts.create_reconstruction_errors(
            reconstruction_weight, data_variance, self.decoders, self.modalities
        )
        self.create_trackers(
            self.quantizers,
            {
                "codebook_loss": parts.each_once(self.quantizers.values()),
                "mask_loss": [self.mask] if self.mask.learns else [],
                "reconstruction_loss": list(
                    self.reconstruction_errors.values()
                ),
            },
        )

    def build(self, input_shape: Any) -> None:
        """Builds all layers from the modalities' shapes."""
        self.input_shapes = modality_inputs.shapes_by_modality(
            input_shape, self.modalities
        )
        features = {}
        for name, shape in self.input_shapes.items():
            parts.check_not_empty(name, shape)
            features[name] = parts.build(self.encoders[name], shape)
            if self.quantizers:
                parts.build(self.quantizers[name], features[name])
        for name, decoder in self.decoders.items():
            what = f"The decoder of modality {name!r}"
            parts.check_takes(what, decoder, features[name])
            decoded = parts.build(decoder, features[name])
            parts.check_decoded(name, decoded, self.input_shapes[name])
        parts.build(self.mask, features)
        joined: Any = features
        if self.fusion == "concatenate":
            joined = modality_inputs.joined_shape(features, self._channel_axis)
        parts.build_head(self.head, joined, self.fusion)
        for (part, name), layer in layers_of(self).items():
            set_paths(f"{self.name}/{part}/{name}", layer)

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Solves the task from the complementary features."""
        tensors = modality_inputs.by_modality(inputs, self.modalities)
        # On JAX, Keras gives layers no context that says that they are trained.
        encoded = {
            name: self.encoders[name](tensors[name], training=training)
            for name in tensors
        }
        quantized, indices = self._quantize(encoded, training)
        if training:
            for name, decoder in self.decoders.items():
                reconstruction = decoder(quantized[name], training=True)
                self.reconstruction_errors[name](tensors[name], reconstruction)
        masked = self.mask(quantized, training=training)
        self.record(indices)
        return self.head(self._join(masked), training=training)

    def _quantize(
        self, encoded: dict[str, Tensor], training: bool
    ) -> tuple[dict[str, Tensor], dict[str, tuple]]:
        if not self.quantizers:
            return encoded, {}
        quantized, indices = {}, {}
        for name, features in encoded.items():
            known = mask_of(features)  # Codes of padding do not count as used.
            quantized[name], codes = self.quantizers[name](
                features, training=training, return_indices=True
            )
            indices[name] = codes, known
        return quantized, indices

    def features(self, inputs: Any, features: str = "all") -> dict[str, Tensor]:
        """Returns each modality's quantized features, or a part of them.

        Args:
            inputs: A batch, as for a call.
            features: `"all"`, `"complementary"` (the channels that the mask
                keeps) or `"contradictory"` (the rest). Defaults to `"all"`.

        Returns:
            Dict from modality to a tensor; channels outside the part are 0.
        """
        check_choice("features", features, _FEATURES)
        tensors = modality_inputs.by_modality(inputs, self.modalities)
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
        """Decodes the inputs from all or a part of their features (Fig. 3).

        Args:
            inputs: A batch, as for a call.
            features: `"all"`, `"complementary"` or `"contradictory"`. Defaults
                to `"all"`.

        Returns:
            Dict from modality to a tensor like its input.
        """
        if not self.decoders:
            raise ValueError(
                "This model has no decoders. Create it with `decoders=` to "
                "reconstruct its inputs."
            )
        chosen = self.features(inputs, features)
        return {
            name: decoder(chosen[name], training=False)
            for name, decoder in self.decoders.items()
        }

    def task_model(self) -> keras.Model:
        """Returns a plain functional model of the task, without decoders.

        The returned model shares this model's weights, loss and metrics. Its
        inputs are named after the modalities.

        Raises:
            ValueError: If the model has not been called on data yet.
        """
        if not self.built:
            raise ValueError(
                f"Model {self.name!r} does not know the shapes of its inputs "
                "yet. Call it on a batch, or train it, first."
            )
        inputs = {
            name: modality_inputs.create_input(name, shape, self.encoders[name])
            for name, shape in self.input_shapes.items()
        }
        encoded = {name: self.encoders[name](inputs[name]) for name in inputs}
        if self.quantizers:
            encoded = {
                name: self.quantizers[name](encoded[name], at_once=True)
                for name in encoded
            }
        outputs = self.head(self._join(self.mask(encoded)))
        model = keras.Model(inputs, outputs, name=f"{self.name}_task")
        # Keras exports to ONNX only models that have been called.
        model(model.input)
        if self.compiled:
            compile_inner(model, self)
        return model

    def export(self, *args: Any, **kwargs: Any) -> Any:
        """Exports `task_model()`, because inference needs no decoders.

        Args:
            *args: Arguments of `keras.Model.export`, such as the `filepath`.
            **kwargs: Arguments of `keras.Model.export`.
        """
        return self.task_model().export(*args, **kwargs)

    @property
    def _channel_axis(self) -> int:
        return -1 if self.mask.data_format == "channels_last" else 1

    def _join(self, features: dict[str, Tensor]) -> Any:
        if self.fusion == "none":
            return features
        tensors = [features[name] for name in self.modalities]
        return ops.concatenate(tensors, axis=self._channel_axis)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, layers serialized."""
        serialize = keras.saving.serialize_keras_object

        def serialize_all(layers: Mapping) -> dict | None:
            return {name: serialize(layers[name]) for name in layers} or None

        return {
            **super().get_config(),
            "encoders": serialize_all(self.encoders),
            "head": serialize(self.head),
            "decoders": serialize_all(
                {name: self.decoders.get(name) for name in self.modalities}
                if self.decoders
                else {}
            ),
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
        """Creates the model that `get_config` described."""

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
