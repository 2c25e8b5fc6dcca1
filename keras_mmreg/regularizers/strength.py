"""Converts strengths between this package and the authors' code."""

from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_integer
from keras_mmreg.checks import check_number


def strength_from_authors(
    strength: float,
    batch_size: int,
    num_samples: int,
    information: str = "poincare",
    num_classes: int = 1,
    positions: int = 1,
) -> float:
    """Converts a lambda of the authors' code to a `strength` of this package.

    Their code takes the gradient of a mean over the batch, the samples and
    (where f is a binary cross-entropy) the classes. So each gradient is smaller
    by the product of these sizes, and its square by the square of the product.
    It takes the norm of a gradient over axis 1 alone and averages over the axes
    that follow, the height and width of an image. For the Fisher information it
    divides by f, which is a mean over the classes, too, and which it takes as a
    mean over the batch. Except for this last point, the conversion is exact.

    Args:
        strength: Float, the lambda of their code or paper.
        batch_size: Integer, the batch size it was used with.
        num_samples: Integer, the number of samples it was used with.
        information: `"poincare"` (their `estimation="var"`) or `"fisher"`
            (`"ent"`). Defaults to `"poincare"`.
        num_classes: Integer, the number of outputs over which their binary
            cross-entropy is averaged. Defaults to `1`, for a categorical
            cross-entropy.
        positions: Integer, the product of the sizes of the modality's axes
            after axis 1, such as `height * width`. Defaults to `1`.

    Returns:
        Float, the `strength` of a `FisherInformation` or
        `PoincareInformation` with `reduction="inverse_norm"` and
        `bound="paper"`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> strength_from_authors(3e-10, batch_size=100, num_samples=10)
    0.0003

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), section 6.4
    """
    check_number("strength", strength, minimum=0)
    check_integer("batch_size", batch_size, minimum=1)
    check_integer("num_samples", num_samples, minimum=1)
    check_integer("num_classes", num_classes, minimum=1)
    check_integer("positions", positions, minimum=1)
    check_choice("information", information, ("fisher", "poincare"))
    classes = num_classes if information == "fisher" else num_classes**2
    return strength * (batch_size * num_samples) ** 2 * classes * positions
