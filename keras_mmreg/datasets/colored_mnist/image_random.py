"""Random numbers that depend on an image, not on its index in an array."""

import hashlib

import numpy as np

_BYTES_PER_NUMBER = 8


def image_uniform(
    pixels: np.ndarray, count: int, purpose: str, seed: int = 0
) -> np.ndarray:
    """Returns uniform numbers in (0, 1), hashed from each image and the seed.

    With a random generator, the numbers depend on an image's position: every
    color would change if the images were first shuffled or subset. A hash does
    not depend on the position, nor on the NumPy version.

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
    # A double has 53 bits; adding a half keeps logarithms from receiving 0.
    return ((integers >> np.uint64(11)) + 0.5) / 2.0**53


def image_normal(pixels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns three standard normal numbers per image, by Box-Muller.

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
