"""Checks of which interventions a model supports at its points."""

import math
from collections.abc import Iterable
from typing import Any

import keras

from keras_mmreg.backend import has_gpu
from keras_mmreg.backend.keras_internals import GRAPH_CALLS
from keras_mmreg.backend.keras_internals import all_layers
from keras_mmreg.backend.keras_internals import takes_training
from keras_mmreg.network.messages import measure_elsewhere

LOOKUPS = (
    keras.layers.Embedding,
    keras.layers.CategoryEncoding,
    keras.layers.IntegerLookup,
    keras.layers.Hashing,
)
_INDIFFERENT_CALLS = (
    *GRAPH_CALLS,
    keras.layers.Dense.call,
    keras.layers.EinsumDense.call,
)
"""Layers that only pass `training` on, or use it to quantize weights."""


def trains_as_it_infers(inner: keras.Model) -> bool:
    """Returns whether no layer of a model behaves differently in training."""
    return not any(
        takes_training(layer) and type(layer).call not in _INDIFFERENT_CALLS
        for layer in all_layers(inner)
    )


def updates_to_settle(inner: keras.Model) -> int:
    """Returns the training steps until batch statistics have settled.

    A moving average of momentum m takes about `5 / (1 - m)` updates to forget
    its initial value. Statistics that differ from those of a new layer (mean 0
    and variance 1 throughout) have settled, and so have those that are not
    updated; but a `RegularizedModel` counts how many updates they have seen.

    Returns:
        Integer, `0` if all statistics have settled.
    """
    counted = 0
    if hasattr(inner, "settled_step"):
        counted = int(inner.settled_step) - int(inner.step)
    new = [
        math.ceil(5.0 / (1.0 - layer.momentum))
        for layer in updated_statistics(inner)
        if has_new_statistics(layer)
    ]
    return max([0, counted, *new])


def updated_statistics(inner: keras.Model) -> list[Any]:
    """Returns the layers whose batch statistics training updates."""
    return [
        layer
        for layer in all_layers(inner, include_self=False)
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.built
        and layer.trainable
        and layer.momentum < 1.0
    ]


def has_new_statistics(layer: keras.layers.BatchNormalization) -> bool:
    """Returns whether all moving means are 0 and variances 1, as if new."""
    mean = keras.ops.convert_to_numpy(layer.moving_mean)
    variance = keras.ops.convert_to_numpy(layer.moving_variance)
    return bool((mean == 0).all() and (variance == 1).all())


def require_no_state(inner: keras.Model) -> None:
    """Rejects stateful layers, because the model runs several times per step.

    Raises:
        ValueError: If a recurrent layer is stateful.
    """
    for layer in all_layers(inner, include_self=False):
        if getattr(layer, "stateful", False):
            raise ValueError(
                f"Layer {layer.name!r} is stateful: running the model again "
                "would change what it remembers. Create it with "
                "`stateful=False`."
            )


def require_second_derivative(inner: keras.Model) -> None:
    """Rejects layers whose gradient cannot be differentiated again.

    Raises:
        ValueError: If a recurrent layer may run on cuDNN.
    """
    for layer in all_layers(inner, include_self=False):
        if getattr(layer, "use_cudnn", False) and has_gpu():
            raise ValueError(
                f"Layer {layer.name!r} may run on cuDNN, whose recurrent "
                "kernels have no second derivative. Create it with "
                "`use_cudnn=False`, or use the regularizers 'entropy' or "
                "'variance', which need no gradient by the inputs."
            )


def require_no_training_of_its_own(inner: keras.Model) -> None:
    """Rejects inner models whose custom training would be skipped.

    A model class can declare by the class attribute
    `losses_from_add_loss = True` that its own `train_step` or `compute_loss`
    only adds logs, while all its losses come from `add_loss`.

    Raises:
        ValueError: If the model overrides a step or a loss of Keras.
    """
    if getattr(type(inner), "losses_from_add_loss", False):
        return
    if hasattr(inner, "regularizers") and hasattr(inner, "inner"):
        raise ValueError(
            f"`inner` is a {type(inner).__name__} already. Pass its `inner`, "
            'and all methods in one list, such as `["noise", "mix"]`.'
        )
    for name in ("train_step", "test_step", "compute_loss", "compute_metrics"):
        if getattr(type(inner), name) is not getattr(keras.Model, name):
            raise ValueError(
                f"`inner` is a {type(inner).__name__}, which overrides "
                f"`{name}`, and the model around it would not call that. Add "
                "its loss with `add_loss` in `call`, give losses and metrics "
                "to `compile`, or subclass `RegularizedModel` and override "
                f"`{name}` there."
            )


def outputs_span_batch(network: Any) -> bool:
    """Returns whether an example's output has an entry for each batch example.

    This is the case for contrastive models, whose outputs are the similarities
    of all pairs. Their batches cannot be split, nor can several be run as one.
    """
    outputs = keras.tree.flatten(network.output_symbols)
    return any(
        len(output.shape) == 2 and output.shape[1] is None for output in outputs
    )


def spans_batch(network: Any, inputs: Any, outputs: Any) -> bool:
    """Like `outputs_span_batch`, for a running model without symbolic outputs.

    Args:
        network: The network.
        inputs: A batch of the model's inputs.
        outputs: The model's outputs on these inputs.
    """
    first = keras.tree.map_structure(
        lambda x: None if x is None else x[:1], inputs
    )
    alone = network.outputs_of(network.run(first))
    pairs = zip(
        keras.tree.flatten(outputs), keras.tree.flatten(alone), strict=True
    )
    return any(
        len(whole.shape) == 2 and one.shape[1] != whole.shape[1]
        for whole, one in pairs
    )


def require_outputs_of_examples(network: Any, method: str) -> None:
    """Rejects outputs that are meaningless for a part of a batch.

    Raises:
        ValueError: If the outputs span the batch.
    """
    if outputs_span_batch(network):
        raise ValueError(
            f"The {method!r} regularizer asks for the loss of some examples, "
            "but the outputs of this model compare all examples of a batch "
            "with each other. Use an information regularizer, `ModalityNoise("
            "gate=None)` or `ModalityDropout`."
        )


def require_encoders(network: Any, method: str) -> None:
    """Rejects points at the inputs, which have no encoder to train.

    Raises:
        ValueError: If a modality's point is one of the model's inputs.
    """
    at_inputs = network.modalities_at_inputs()
    if at_inputs:
        raise ValueError(
            f"The {method!r} regularizer acts on the encoder of each modality, "
            f"but the points of {at_inputs} are inputs of the model. Pass "
            "`taps='auto'`, for a functional model, or a dict from each "
            "modality to the last layer of its encoder; a modality without a "
            "layer of its own, or without one through which all of it goes, "
            "needs one."
        )


def require_all_modalities(network: Any, method: str) -> None:
    """Rejects a selection of modalities, for methods that change all of them.

    Raises:
        ValueError: If modalities of the model have no point.
    """
    if network.others:
        raise ValueError(
            f"The {method!r} regularizer changes all modalities, but "
            f"`modalities` leaves out {network.others}, which would keep their "
            "values. Pass `modalities=None`."
        )


def require_whole_modalities(
    network: Any, method: str, modalities: Iterable[str]
) -> None:
    """Rejects points that a part of their modality bypasses.

    Raises:
        ValueError: If a change at such a point leaves another part of an
            example unchanged.
    """
    for name in modalities:
        around = network.around(name)
        if around:
            raise ValueError(
                f"The {method!r} regularizer acts on whole modalities, but "
                f"{name!r} reaches the model's outputs around its tap, too, "
                f"from the input{'s' * (len(around) > 1)} {around}. Tap a "
                "layer that all of it goes through, or pass `taps='auto'`."
            )


def require_no_bypass(network: Any, method: str) -> None:
    """Rejects points that a modality also bypasses, so that it stays known.

    This is the case at the bottleneck of an encoder with skip connections.

    Raises:
        ValueError: If an input goes both through its point and around it.
    """
    for name in network.modalities:
        bypassing = network.bypassing(name)
        if bypassing:
            raise ValueError(
                f"The {method!r} regularizer leaves modalities out, but "
                f"{bypassing} goes around the tap of {name!r}, too, and would "
                "still reach the model's outputs. Tap a layer that all of it "
                "goes through, or pass `taps='auto'`."
            )


def require_more_than_padding(
    network: Any, inner: keras.Model, method: str
) -> None:
    """Rejects points at token ids whose dropped value, 0, is padding.

    A text that is all padding has no mean: the model's outputs would be NaN.

    Raises:
        ValueError: If a modality's point is an input of such ids.
    """
    masking = [
        layer.name
        for layer in all_layers(inner)
        if getattr(layer, "mask_zero", False)
    ]
    if not masking:
        return
    for name in network.modalities_at_inputs():
        dtypes = [
            keras.backend.standardize_dtype(network.symbols[leaf].dtype)
            for leaf in network.leaves_of(name)
        ]
        if any("int" in dtype for dtype in dtypes):
            raise ValueError(
                f"The {method!r} regularizer leaves modalities out, but "
                f"{name!r} would be nothing but padding then (`mask_zero`). "
                f"Pass `taps={{{name!r}: ...}}` with the layer behind which to "
                f"leave it out. Layers with `mask_zero`: {masking}"
            )


def require_floats(network: Any, modalities: Iterable[str]) -> None:
    """Rejects points at integers, which cannot be NaN.

    With a float mask beside token ids, the mask would become NaN, not the text.

    Raises:
        ValueError: If a point of one of the modalities has integers.
    """
    for name in modalities:
        for leaf in network.leaves_of(name):
            dtype = keras.backend.standardize_dtype(network.symbols[leaf].dtype)
            if not keras.backend.is_float_dtype(dtype):
                raise ValueError(
                    f"`value='nan'` needs floats, but {name!r} has values of "
                    f"dtype {dtype}. Pass `taps={{{name!r}: ...}}` with the "
                    "layer that makes floats of them, such as an `Embedding`, "
                    "or `value='zero'`."
                )


def require_no_strings(network: Any, method: str) -> None:
    """Rejects points at strings, for which there is no uninformative value.

    Raises:
        ValueError: If a point has strings.
    """
    for leaf, symbol in network.symbols.items():
        if keras.backend.standardize_dtype(symbol.dtype) == "string":
            name = network.leaves[leaf]
            raise ValueError(
                f"The {method!r} regularizer leaves modalities out, and "
                f"{name!r} has dtype string. {measure_elsewhere(name)}"
            )


def num_outputs(network: Any, method: str) -> int:
    """Returns the number of units of a model with one output `(batch, units)`.

    Raises:
        ValueError: If the model does not have such an output.
    """
    outputs = keras.tree.flatten(network.output_symbols)
    shapes = [tuple(output.shape) for output in outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][1] is None:
        remedy = (
            "Pass `gate=None` to the methods, which then treat all modalities "
            "alike."
            if method == "gate"
            else "Use another method."
        )
        raise ValueError(
            f"The {method!r} regularizer needs one output of shape (batch, "
            f"units). {remedy} Received: outputs of shapes {shapes}"
        )
    return shapes[0][1]


def require_float(name: str, dtypes: Iterable[Any]) -> None:
    """Raises unless a modality has a tensor to which noise can be added."""
    dtypes = [keras.backend.standardize_dtype(dtype) for dtype in dtypes]
    if not any(keras.backend.is_float_dtype(dtype) for dtype in dtypes):
        raise ValueError(
            f"Modality {name!r} has dtype {' and '.join(dtypes)}, which has no "
            f"gradient. {measure_elsewhere(name)}"
        )


def finds_padding(layer: Any) -> bool:
    """Returns whether a layer, or one inside it, masks a padding value."""
    return isinstance(layer, keras.layers.Layer) and any(
        isinstance(part, keras.layers.Masking) for part in all_layers(layer)
    )
