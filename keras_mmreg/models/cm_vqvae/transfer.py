"""Weights that one `CMVQVAE` takes over from another."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

PARTS = ("encoders", "quantizers", "decoders", "mask", "head")


def layers_of(model: Any, parts: Sequence[str] = PARTS) -> dict[tuple, Any]:
    """The layers of some parts of a model, by part and modality."""
    if isinstance(parts, str) or set(parts) - set(PARTS):
        raise ValueError(
            f"`parts` must be a list of names from {PARTS}. Received: {parts!r}"
        )
    layers = {}
    for part in parts:
        value = getattr(model, part)
        named = value if isinstance(value, Mapping) else {"all": value}
        layers.update({(part, name): named[name] for name in named})
    return layers


def copy_weights(source: Any, target: Any, parts: Sequence[str]) -> None:
    """Copies the weights of some parts; none if any of them do not match."""
    targets, sources = layers_of(target, parts), layers_of(source, parts)
    for key, layer in targets.items():
        if key not in sources:
            raise ValueError(
                f"`source` has no {key[0]} for {key[1]!r}. Leave "
                f"{key[0]!r} out of `parts`. Received: parts={parts}"
            )
        _check_same_weights(key, layer, sources[key])
    for key, layer in targets.items():
        layer.set_weights(sources[key].get_weights())


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
