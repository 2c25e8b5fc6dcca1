"""Resampling of clips and pictures of different sizes to the same size."""

import numpy as np


def moments(length: int, count: int) -> np.ndarray:
    """Returns indices of `count` evenly spaced frames, from first to last.

    Args:
        length: Integer. The number of frames of the clip.
        count: Integer. The number of frames to take. If it is larger than
            `length`, some frames are repeated.

    Returns:
        Int array `(count,)` of indices.

    Example:

    >>> moments(9, 3).tolist()
    [0, 4, 8]
    """
    return np.rint(np.linspace(0, length - 1, count)).astype(int)


def interpolated(values: np.ndarray, count: int) -> np.ndarray:
    """Interpolates a signal linearly at `count` times.

    Args:
        values: Array `(length, ...)`.
        count: Integer. The number of evenly spaced times, from first to last.

    Returns:
        Float64 array `(count, ...)`.

    Example:

    >>> interpolated(np.array([0.0, 1.0, 4.0]), 5).tolist()
    [0.0, 0.5, 1.0, 2.5, 4.0]
    """
    places = np.linspace(0, len(values) - 1, count)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(values) - 1)
    share = (places - before).reshape(-1, *[1] * (values.ndim - 1))
    return (1.0 - share) * values[before] + share * values[after]


def block_means(pictures: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns means over equal blocks of pixels.

    Args:
        pictures: Array `(..., height, width)`.
        size: Height and width to return, divisors of those of `pictures`.

    Returns:
        Float32 array `(..., *size)`.

    Raises:
        ValueError: If the pixels cannot be divided into such blocks.

    Example:

    >>> block_means(np.arange(8).reshape(2, 4), (1, 2)).tolist()
    [[2.5, 4.5]]
    """
    *outer, height, width = pictures.shape
    check_blocks(height, width, size)
    if size == (height, width):
        return pictures.astype(np.float32)
    blocks = (size[0], height // size[0], size[1], width // size[1])
    pictures = pictures.reshape(*outer, *blocks)
    return pictures.mean(axis=(-3, -1), dtype=np.float32)


def block_centers(pictures: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns the pixel in the middle of equal blocks, for labels.

    Args:
        pictures: Array `(..., height, width)`.
        size: Height and width to return, divisors of those of `pictures`.

    Returns:
        Array `(..., *size)`.

    Raises:
        ValueError: If the pixels cannot be divided into such blocks.

    Example:

    >>> block_centers(np.arange(9).reshape(3, 3), (1, 1)).tolist()
    [[4]]
    """
    height, width = pictures.shape[-2:]
    check_blocks(height, width, size)
    rows, columns = height // size[0], width // size[1]
    return pictures[..., rows // 2 :: rows, columns // 2 :: columns]


def check_blocks(height: int, width: int, size: tuple[int, int]) -> None:
    """Raises if pixels cannot be divided into `size` blocks."""
    if height % size[0] or width % size[1]:
        raise ValueError(
            f"{height} x {width} pixels, which cannot be divided into "
            f"{size[0]} x {size[1]} blocks"
        )
