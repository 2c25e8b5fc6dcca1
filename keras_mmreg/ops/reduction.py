"""Reductions of several modalities' information to one penalty.

Each maps a vector with the information of every modality to a scalar that
falls as information grows. They treat the modalities differently:

- `inverse_sum` depends only on the total. Its gradient is the same for every
  modality's information, so it favors the modality whose information grows
  most easily, usually the one that already informs most.
- `inverse_norm` and `sum_of_inverse` are dominated by the smallest information,
  so they favor the weakest modality.
- `negative_log` depends on relative growth: doubling any modality's information
  has the same effect.

`floor` is added to the information, so that values close to 0 can be inverted.
"""

from keras import ops

from keras_mmreg.types import Tensor


def inverse_sum(information: Tensor, floor: float = 1e-7) -> Tensor:
    """Returns `1 / sum_i I_i`, the paper's penalty (Eq. 9, 12, 18 and 19)."""
    return 1.0 / (ops.sum(information) + floor)


def inverse_norm(information: Tensor, floor: float = 1e-7) -> Tensor:
    """Returns the Euclidean norm of `1 / I_i`, as in the authors' code."""
    return ops.sqrt(ops.sum(ops.square(1.0 / (information + floor))))


def sum_of_inverse(information: Tensor, floor: float = 1e-7) -> Tensor:
    """Returns `sum_i 1 / I_i`."""
    return ops.sum(1.0 / (information + floor))


def negative_log(information: Tensor, floor: float = 1e-7) -> Tensor:
    """Returns `-sum_i log I_i`, which has no lower bound, may be negative."""
    return -ops.sum(ops.log(information + floor))
