"""Shuffles modalities across the examples of a batch."""

from collections.abc import Iterable
from collections.abc import Mapping

import keras
from keras import ops

from keras_mmreg.ops.perturbation import take_examples
from keras_mmreg.types import Tensor


def permutations(
    names: Iterable[str],
    batch_size: int | Tensor,
    seed: keras.random.SeedGenerator,
    chosen: Tensor | None = None,
) -> dict[str, Tensor]:
    """Draws an independent random permutation of the batch for each modality.

    With `chosen`, the indices of a part of the batch, it returns only the
    indices of the examples that take their places, which may come from anywhere
    in the batch.

    The permutation of a batch of one example is the identity. Under data
    parallelism JAX permutes the whole batch, over all devices. A replica of a
    `tf.distribute.MirroredStrategy` and a process of `torch.distributed`
    permute the part of the batch that they hold.
    """
    orders = {
        name: ops.argsort(keras.random.uniform((batch_size,), seed=seed))
        for name in names
    }
    if chosen is None:
        return orders
    return {name: ops.take(order, chosen) for name, order in orders.items()}


def shuffle(
    points: Mapping[str, Tensor],
    leaves: Mapping[str, str],
    orders: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """Reorders the examples at the points, a modality's tensors together.

    Args:
        points: Dict of tensors of shape `(batch, ...)`.
        leaves: The modality of each tensor.
        orders: Dict from modality to indices of shape `(any,)`. Modalities
            without indices are not changed.

    Returns:
        Dict of tensors whose example i is example `orders[modality][i]`.
    """
    return {
        name: take_examples(x, orders[leaves[name]])
        if leaves[name] in orders
        else x
        for name, x in points.items()
    }
