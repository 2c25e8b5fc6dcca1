"""The tensors of a functional model, by their key in its `Graph`."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager

from keras_mmreg.backend.keras_internals import mask_of
from keras_mmreg.backend.keras_internals import with_mask
from keras_mmreg.network.graph import Step
from keras_mmreg.types import Tensor

Activations = Mapping[int, Tensor]


@contextmanager
def kept_masks(
    activations: dict[int, Tensor],
) -> Iterator[Callable[[Step, bool], None]]:
    """Yields a function that runs steps, and restores the inputs' masks.

    `MultiHeadAttention` removes the masks, as in the model's own pass.
    """
    masked: list[tuple[Tensor, Tensor]] = []

    def run(step: Step, training: bool) -> None:
        values = {key: activations[key] for key in step.inputs.values()}
        masked.extend(
            (x, mask_of(x)) for x in values.values() if mask_of(x) is not None
        )
        activations.update(step.run(values, training))

    yield run
    for x, mask in masked:
        with_mask(x, mask)


class Derived(dict):
    """Activations that derive missing ones from a source on demand.

    Derived activations are not stored: JAX may request one in several traces.
    """

    def __init__(
        self, source: Activations, derive: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        self._source = source
        self._derive = derive

    def __missing__(self, key: int) -> Tensor | None:
        x = self._source[key]
        # Optional inputs may be `None`.
        return None if x is None else self._derive(x)
