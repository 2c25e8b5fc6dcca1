"""Copies the weights of one `CMVQVAE` to another."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keras_mmreg.models.copy_weights import copy_weights

PARTS = ("encoders", "quantizers", "decoders", "mask", "head")


class TransfersWeights:
    """Mixin that copies weights from another `CMVQVAE` and freezes parts."""

    def warm_start(
        self,
        source: Any,
        parts: Sequence[str] = PARTS[:-1],
    ) -> None:
        """Copies weights from a trained model of the same architecture.

        For transfer to new classes (Table 6), copy everything but the head.
        Both models must be built.

        Args:
            source: A `CMVQVAE` with at least this model's modalities.
            parts: Which of `"encoders"`, `"quantizers"`, `"decoders"`,
                `"mask"` and `"head"` to copy. Leave out `"mask"` to learn the
                separation anew. Defaults to all but the head.

        Raises:
            ValueError: If a part is unknown or its weights do not match.
                In that case nothing is copied.
        """
        built = [getattr(model, "built", False) for model in (source, self)]
        if not isinstance(source, TransfersWeights) or not all(built):
            raise ValueError(
                "`source` must be a `CMVQVAE`, and both models must have been "
                "built: call them on a batch first. "
                f"Received: source={source!r}"
            )
        _copy_weights(source, self, parts)

    def freeze(self, parts: Sequence[str]) -> None:
        """Freezes parts of the model; call `compile` afterwards.

        Args:
            parts: Names of parts, as for `warm_start`.
        """
        for layer in layers_of(self, parts).values():
            layer.trainable = False


def layers_of(model: Any, parts: Sequence[str] = PARTS) -> dict[tuple, Any]:
    """Returns the layers of some parts of a model, by part and modality."""
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


def _copy_weights(source: Any, target: Any, parts: Sequence[str]) -> None:
    """Copies the weights of some parts, or none if any part does not match."""
    targets, sources = layers_of(target, parts), layers_of(source, parts)
    for key, layer in targets.items():
        if key not in sources:
            raise ValueError(
                f"`source` has no {key[0]} for {key[1]!r}. Leave "
                f"{key[0]!r} out of `parts`. Received: parts={parts}"
            )
        _check_same_weights(key, layer, sources[key])
    for key, layer in targets.items():
        copy_weights(sources[key], layer)


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
