"""Creates the parts of a `CMVQVAE` from its arguments, and checks them."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from keras_mmreg.checks import check_number
from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models.cm_vqvae.reconstruction_error import ReconstructionError

_DEFAULT_BUILDS = (keras.layers.Layer.build, keras.Model.build)


def check_encoders(encoders: Any) -> None:
    """Raises unless `encoders` is a dict from modality to a layer."""
    if not isinstance(encoders, Mapping) or not encoders:
        raise ValueError(
            "`encoders` must be a dict from modality to a layer. "
            f"Received: {encoders!r}"
        )
    for name in encoders:
        if not isinstance(name, str) or not name or set(name) & set("/."):
            raise ValueError(
                "`encoders` must have modality names without '/' and '.', "
                "which stand for paths in saved models. "
                f"Received: {name!r}"
            )
    check_layers("encoders", encoders.values())


def each_once(layers: Iterable) -> list:
    """Returns the layers without repetition: modalities may share one."""
    return list({id(layer): layer for layer in layers}.values())


def check_layers(argument: str, layers: Iterable) -> None:
    """Raises unless all layers of an argument are Keras layers."""
    for layer in layers:
        if not isinstance(layer, keras.layers.Layer):
            raise ValueError(
                f"`{argument}` must hold Keras layers or models; a function "
                f"becomes one by `keras.layers.Lambda`. Received: {layer!r}"
            )


def for_all(
    argument: str, values: Mapping, modalities: Sequence[str]
) -> dict[str, Any]:
    """Returns the values as a dict; raises unless it has all modalities."""
    if not isinstance(values, Mapping) or set(values) != set(modalities):
        raise ValueError(
            f"`{argument}` must be a dict with the modalities of `encoders`, "
            f"{sorted(modalities)}. Received: {values}"
        )
    return dict(values)


def create_decoders(
    decoders: Mapping[str, Any] | None, modalities: Sequence[str]
) -> dict[str, Any]:
    """Returns the decoders by modality, without those that are `None`."""
    if decoders in (None, {}):
        return {}
    given = for_all("decoders", decoders, modalities)
    given = {name: given[name] for name in given if given[name] is not None}
    check_layers("decoders", given.values())
    return given


def create_mask(mask: Any) -> ComplementarityMask:
    """Returns a mask of the given mode, or the given mask itself."""
    if isinstance(mask, ComplementarityMask):
        return mask
    if not isinstance(mask, str):
        raise ValueError(
            "`mask` must be a mode of `ComplementarityMask`, such as 'binary', "
            f"or an instance. Received: mask={mask!r}"
        )
    return ComplementarityMask(mode=mask)


def create_quantizers(
    quantizers: Any, modalities: Sequence[str], data_format: str
) -> dict[str, VectorQuantizer]:
    """Returns a dict with a quantizer for each modality, or an empty one."""
    if quantizers in (None, {}):
        return {}
    if isinstance(quantizers, Mapping):
        for quantizer in quantizers.values():
            _check_quantizer(quantizer, data_format)
        return for_all("quantizers", quantizers, modalities)
    if isinstance(quantizers, str) and quantizers in ("ema", "gradient"):
        quantizers = VectorQuantizer(
            512, update=quantizers, data_format=data_format
        )
    _check_quantizer(quantizers, data_format)
    config = quantizers.get_config()
    return {
        name: type(quantizers).from_config(
            {**config, "name": f"{config['name']}_{name}"}
        )
        for name in modalities
    }


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


def create_reconstruction_errors(
    weights: Any,
    variances: Any,
    decoders: Mapping[str, Any],
    modalities: Sequence[str],
) -> dict[str, ReconstructionError]:
    """Returns the reconstruction term of each modality with a decoder."""
    if not isinstance(weights, Mapping):
        weights = dict.fromkeys(modalities, weights)
    weights = for_all("reconstruction_weight", weights, modalities)
    if variances in (None, {}):
        variances = dict.fromkeys(modalities)
    variances = for_all("data_variance", variances, modalities)
    for weight in weights.values():
        check_number("reconstruction_weight", weight, minimum=0)
    for variance in variances.values():
        if variance is not None:
            check_number("data_variance", variance, above=0)
    return {
        name: ReconstructionError(
            weights[name],
            variances[name],
            dtype="float32",
            name=f"reconstruction_error_{name}",
        )
        for name in decoders
    }


def build(layer: Any, shape: Any) -> Any:
    """Builds a layer unless it is built, and returns its output shape."""
    symbols = keras.tree.map_shape_structure(keras.KerasTensor, shape)
    if not layer.built:
        if type(layer).build in _DEFAULT_BUILDS:  # Calling builds sublayers.
            layer(symbols)
        else:
            layer.build(shape)
    outputs = layer.compute_output_spec(symbols)
    return keras.tree.map_structure(lambda x: x.shape, outputs)


def build_head(head: Any, shape: Any, fusion: str) -> None:
    """Builds the head for joined features, or for a dict of features."""
    check_takes("`head`", head, shape)
    try:
        build(head, shape)
    except Exception as error:
        if fusion == "concatenate":
            raise
        raise ValueError(
            "`fusion='none'` needs a `head` that takes a dict from modality "
            "to features, such as a functional model with dict inputs. "
            f"Received: head={head!r}, which says: {error!r}"
        ) from error


def is_compatible(shape: Sequence, other: Sequence) -> bool:
    """Returns whether two shapes agree wherever both are known."""
    return len(shape) == len(other) and all(
        None in sizes or sizes[0] == sizes[1]
        for sizes in zip(shape, other, strict=True)
    )


def check_not_empty(name: str, shape: Any) -> None:
    """Raises if a modality has an axis of size 0."""
    shapes = shape.values() if isinstance(shape, Mapping) else [shape]
    if any(0 in tuple(size)[1:] for size in shapes):
        raise ValueError(
            f"Modality {name!r} must not be empty. Leave it out of `encoders` "
            f"if there is no data. Received: shape={shape}"
        )


def check_takes(what: str, layer: Any, shape: Any) -> None:
    """Raises if a model does not accept the shape of its features.

    Keras's own error message would be obscure.
    """
    expected = getattr(layer, "input_shape", None)
    if not isinstance(expected, tuple) or not isinstance(shape, tuple):
        return
    if not is_compatible(expected, shape):
        raise ValueError(
            f"{what} must take the features that it is given, of shape "
            f"{shape}. Change it, or the channels of the encoders. "
            f"Received: input_shape={expected}"
        )


def check_decoded(name: str, decoded: tuple, shape: Any) -> None:
    """Raises if a decoder's output lacks the shape of its modality's input."""
    if isinstance(shape, Mapping):
        raise ValueError(
            f"`decoders` must be None for modality {name!r}, which has "
            f"several tensors. Received: shape={shape}"
        )
    if tuple(decoded[1:]) != tuple(shape[1:]):
        raise ValueError(
            f"The decoder of modality {name!r} must return the shape of its "
            f"input, {shape}. Received: {tuple(decoded)}"
        )
