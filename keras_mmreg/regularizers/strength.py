"""Converts strengths between this package and the authors' code."""


def strength_from_authors(
    strength: float, batch_size: int, num_samples: int
) -> float:
    """The strength here that equals a lambda of the authors' code.

    Their code takes the gradient of a mean over the batch and the samples, so
    each gradient is smaller by `batch_size * num_samples` and its square by
    the square of that; the inverse of the information, by which their lambda
    is multiplied, is larger by the same factor.

    Args:
        strength: Float, the lambda of their code or paper.
        batch_size: Integer, the batch size it was used with.
        num_samples: Integer, the number of samples it was used with.

    Returns:
        Float, the `strength` of a `FisherInformation` or
        `PoincareInformation` with `reduction="inverse_norm"`.

    Example:

    >>> strength_from_authors(3e-10, batch_size=100, num_samples=10)
    0.0003

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), section 6.4
    """
    return strength * (batch_size * num_samples) ** 2
