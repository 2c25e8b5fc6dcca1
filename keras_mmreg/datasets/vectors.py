"""Reading of users' precomputed vectors for images or videos, by name."""

import pathlib

import numpy as np

from keras_mmreg.datasets import reading

_LIMIT = 64 * 1024 * reading.MEBIBYTE


def read_vectors(
    path: str | pathlib.Path, key: str, wanted: np.ndarray
) -> np.ndarray:
    """Returns the rows of an `.npz` file that belong to names or numbers.

    Args:
        path: The path of an `.npz` file with the array `key` of names or
            numbers, and the array `features` with a row for each.
        key: String, such as `"video"`.
        wanted: Array `(n,)` of names or numbers.

    Returns:
        Float32 array `(n, ...)`.
    """
    path = reading.as_path(path)
    expected = f"an .npz file with the arrays `{key}` and `features`"
    with reading.explained(expected, path, "features"):
        arrays = reading.read_arrays(path, (key, "features"), _LIMIT)
        names, rows = arrays[key].astype(wanted.dtype.type), arrays["features"]
        if not np.array_equal(names, arrays[key]):
            raise ValueError(f"`{key}` of type {arrays[key].dtype}")
        reading.check_finite("`features`", rows)
        if names.ndim != 1 or rows.ndim < 2 or len(rows) != len(names):
            raise ValueError(f"shapes {names.shape} and {rows.shape}")
        known, counts = np.unique(names, return_counts=True)
        if (counts > 1).any():
            raise ValueError(f"`{key}` {known[counts > 1][0]} twice")
        missing = np.setdiff1d(wanted, names)
        if len(missing):
            raise ValueError(
                f"no row for {len(missing)} of `{key}`, such as {missing[0]}"
            )
    order = names.argsort()
    place = order[np.searchsorted(names, wanted, sorter=order)]
    return rows[place].astype(np.float32)
