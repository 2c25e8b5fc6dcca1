"""Error messages that are used in more than one place."""

from collections.abc import Sequence


def hidden_padding(names: Sequence[str], layer: str) -> str:
    """Returns the message about padding that noise would make look like data.

    Args:
        names: The modalities, one of which goes through the layer.
        layer: The name of the `keras.layers.Masking`.
    """
    if len(names) == 1:
        modality, key = f"modality {names[0]!r}", repr(names[0])
    else:
        listed = ", ".join(map(repr, names))
        modality, key = f"the one of {listed} that it masks", "<modality>"
    return (
        f"Layer {layer!r} finds padding by its value, and noise on {modality} "
        "would make padding look like data. Perturb that modality behind the "
        f"layer, with `taps={{{key}: {layer!r}}}`."
    )


def joined_output(name: str, layer: str, other: str) -> str:
    """Returns the message about a tap behind the merge of modalities."""
    return (
        f"`taps` names layer {layer!r} for modality {name!r}, but the output "
        f"of that layer depends on {other!r}, too: what is done there is done "
        "to both. Name a layer before the modalities meet, or leave one out "
        "by `modalities=`."
    )


def several_outputs(name: str, layer: str) -> str:
    """Returns the message about a tap without a single value."""
    return (
        f"`taps` names layer {layer!r} for modality {name!r}, but that layer "
        "returns several tensors. Name a layer that returns one, such as a "
        "`keras.layers.Identity` behind the tensor that you mean."
    )


def measure_elsewhere(name: str) -> str:
    """Returns the remedy for a modality that has no gradient."""
    return (
        f"Measure it at a float layer, as in `taps={{{name!r}: 'embedding'}}` "
        "with the name of the layer that embeds or rescales it, or by "
        "`taps='auto'` in a functional model, or leave it out by naming the "
        "others in `modalities=[...]`."
    )
