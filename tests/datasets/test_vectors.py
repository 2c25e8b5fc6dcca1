"""Vectors that users computed are those of their images, or told off."""

import numpy as np
import pytest

from keras_mmreg.datasets.vectors import read_vectors

FEATURES = np.array([[1.0], [2.0], [3.0]], "float32")


def read(tmp_path, ids, wanted=(3, 1)):
    path = tmp_path / "vectors.npz"
    np.savez(path, image_id=np.array(ids), features=FEATURES[: len(ids)])
    return read_vectors(path, "image_id", np.array(wanted, "int32"))


def test_rows_in_the_order_that_is_wanted(tmp_path):
    assert read(tmp_path, [1, 2, 3]).tolist() == [[3.0], [1.0]]
    assert read(tmp_path, [1.0, 2.0, 3.0]).tolist() == [[3.0], [1.0]]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 1, 3], "1 twice"),
        ([1.9, 2.0, 3.0], "of type float64"),
        ([1 + 2**32, 2, 3], "of type int64"),
        ([1, 2], "no row for 1"),
    ],
)
def test_ids_that_do_not_tell(ids, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, ids)
