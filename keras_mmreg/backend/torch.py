"""The torch side of the backend seam."""

from collections.abc import Callable
from collections.abc import Iterable
from contextlib import AbstractContextManager
from contextlib import nullcontext
from typing import Any

import keras
import torch
from torch import distributed
from torch.nn.attention import SDPBackend
from torch.nn.attention import sdpa_kernel

from keras_mmreg.types import Tensor


def value_and_input_gradients(
    function: Callable[[dict[str, Tensor]], Tensor],
    inputs: dict[str, Tensor],
) -> tuple[Tensor, dict[str, Tensor | None]]:
    """Returns values of `function`, and their sum's gradient by each input.

    Args:
        function: Maps `inputs` to a tensor of values.
        inputs: Dict of float tensors.

    Returns:
        The values and a dict of gradients, `None` where `function` does not
        depend on an input. Both can be differentiated again, unless the caller
        has switched gradients off (as `evaluate` does).
    """
    differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        inputs = {
            name: tensor
            if tensor.requires_grad
            else tensor.detach().requires_grad_()
            for name, tensor in inputs.items()
        }
        # The fused attention kernels have no second derivative.
        with sdpa_kernel(SDPBackend.MATH):
            values = function(inputs)
        if not values.requires_grad:
            return values, dict.fromkeys(inputs)
        gradients = torch.autograd.grad(
            values.sum(),
            list(inputs.values()),
            create_graph=differentiable,
            allow_unused=True,
        )
    return values, dict(zip(inputs, gradients, strict=True))


class TrainStep:
    """Adds `training_logs()` to the logs of Keras's own `train_step`."""

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Runs Keras's train step and adds the logs of training alone."""
        logs = super().train_step(data)  # type: ignore[misc]
        return {**logs, **self.training_logs()}  # type: ignore[attr-defined]


def kept_variables(model: keras.Model) -> AbstractContextManager:
    """Does nothing: torch keeps the values in the variables."""
    return nullcontext(model)


def argmin_distance(
    vectors: Tensor, codebook: Tensor, half_norms: Tensor
) -> Tensor:
    """Returns `argmin_k (||c_k||^2 / 2 - z.c_k)` for each vector z.

    Args:
        vectors: `(num_groups, num_vectors, code_dim)`.
        codebook: `(num_groups, num_embeddings, code_dim)`.
        half_norms: `(num_groups, num_embeddings)`.

    Returns:
        int32 tensor `(num_groups, num_vectors)`.
    """
    products = torch.matmul(vectors, codebook.transpose(1, 2))
    return torch.argmin(half_norms[:, None] - products, -1).to(torch.int32)


def segment_sum(values: Tensor, indices: Tensor, num_segments: int) -> Tensor:
    """Returns the sums of the rows of `values` that share an index.

    `keras.ops.segment_sum` does this with `scatter_add`, which takes about
    twenty times as long on a CPU.

    Args:
        values: `(n, ...)`.
        indices: Integers `(n,)` from 0 to `num_segments - 1`, in any order.
        num_segments: Integer, the number of sums.

    Returns:
        `(num_segments, ...)`; 0 where no row has the index.
    """
    sums = values.new_zeros((num_segments, *values.shape[1:]))
    return sums.index_add(0, indices, values)


def has_gpu() -> bool:
    """Whether torch sees a GPU."""
    return torch.cuda.is_available()


def sum_over_batch(x: Tensor) -> Tensor:
    """Returns the sum over the first axis, which is kept with size 1."""
    return keras.ops.sum(x, axis=0, keepdims=True)


def sum_over_replicas(x: Tensor) -> Tensor:
    """Returns the sum of `x` over the processes of `torch.distributed`.

    Without such processes, the sum is `x`.
    """
    if not _is_distributed():
        return x
    total = x.detach().clone()
    distributed.all_reduce(total)
    return total


def sum_over_previous_replicas(x: Tensor) -> Tensor:
    """Returns the sum of `x` over the processes that come before this one."""
    if not _is_distributed():
        return torch.zeros_like(x)
    gathered = [
        torch.empty_like(x) for _ in range(distributed.get_world_size())
    ]
    distributed.all_gather(gathered, x.detach().contiguous())
    before = gathered[: distributed.get_rank()]
    return torch.stack([torch.zeros_like(x), *before]).sum(0)


def num_replicas() -> int:
    """Returns how many processes of `torch.distributed` share a batch."""
    return distributed.get_world_size() if _is_distributed() else 1


def replica_id() -> int:
    """Returns 0: each process has layers of its own."""
    return 0


def detach_updates(variables: Iterable[keras.Variable]) -> None:
    """Does nothing: torch passes no gradient through assignments."""


def unscaled_loss(loss: Tensor) -> Tensor:
    """Returns `loss`: Keras does not divide it by the number of replicas."""
    return loss


def _is_distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def before_gradients(loss: Tensor) -> Tensor:
    """Returns `loss`: torch keeps the order of reads and updates."""
    return loss
