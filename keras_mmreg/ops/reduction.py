"""How the information of several modalities becomes one penalty.

Each maps a vector with the information of every modality to a scalar that
falls as information grows. They treat the modalities differently:

- `inverse_sum` only sees the total. Its gradient is the same for every
  modality's information, so it feeds the one whose information grows most
  easily, usually the one that informs most already.
- `inverse_norm` and `sum_of_inverse` are led by the smallest information, so
  they feed the weakest modality.
- `negative_log` weighs relative growth: doubling any modality's information
  counts the same.

`floor` is added to the information, so that what is close to 0 can be inverted.
"""

from keras import ops

from keras_mmreg.types import Tensor


def inverse_sum(information: Tensor, floor: float = 1e-7) -> Tensor:
    """`1 / sum_i I_i`, the paper's objective (Eq. 9, 12, 18 and 19)."""
    return 1.0 / (ops.sum(information) + floor)


def inverse_norm(information: Tensor, floor: float = 1e-7) -> Tensor:
    """Euclidean norm of the vector `1 / I_i`, as in the authors' code."""
    return ops.sqrt(ops.sum(ops.square(1.0 / (information + floor))))


def sum_of_inverse(information: Tensor, floor: float = 1e-7) -> Tensor:
    """`sum_i 1 / I_i`."""
    return ops.sum(1.0 / (information + floor))


def negative_log(information: Tensor, floor: float = 1e-7) -> Tensor:
    """`-sum_i log I_i`. Has no lower bound, and may be negative."""
    return -ops.sum(ops.log(information + floor))
