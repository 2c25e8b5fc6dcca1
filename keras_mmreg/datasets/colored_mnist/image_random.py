"""Random numbers that belong to an image, not to its place in an array."""

import hashlib

import numpy as np

_BYTES_PER_NUMBER = 8


def image_uniform(
    pixels: np.ndarray, count: int, purpose: str, seed: int = 0
) -> np.ndarray:
    """Uniform numbers in (0, 1), a hash of each image and the seed.

    A generator's stream ties example `i` to position `i`: shuffle or subset
    the images first and every colour changes. A hash has no position, and does
    not depend on the NumPy version either.

    Args:
        pixels: uint8 array, one image per row.
        count: Integer, at most 8. The numbers drawn per image.
        purpose: Short string. Numbers for different purposes are independent.
        seed: Integer. Defaults to `0`.

    Returns:
        Float64 array `(n, count)`.
    """
    digests = b"".join(
        hashlib.blake2b(
            image.tobytes(),
            digest_size=count * _BYTES_PER_NUMBER,
            key=str(seed).encode(),
            person=purpose.encode(),
        ).digest()
        for image in pixels
    )
    integers = np.frombuffer(digests, dtype="<u8").reshape(-1, count)
    # 53 bits fill a double; the half keeps 0 away from a logarithm.
    return ((integers >> np.uint64(11)) + 0.5) / 2.0**53


def image_normal(pixels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Three standard normal numbers per image, by the Box-Muller transform.

    Args:
        pixels: uint8 array, one image per row.
        seed: Integer. Defaults to `0`.

    Returns:
        Float64 array `(n, 3)`.
    """
    uniform = image_uniform(pixels, 4, purpose="color", seed=seed)
    radius = np.sqrt(-2.0 * np.log(uniform[:, :2]))
    angle = 2.0 * np.pi * uniform[:, 2:]
    pairs = [radius * np.cos(angle), radius * np.sin(angle)]
    return np.concatenate(pairs, axis=1)[:, :3]
