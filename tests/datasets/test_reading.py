import hashlib
import pickle

import numpy as np
import pytest

from keras_mmreg.datasets import reading


def test_arrays(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, a=np.arange(3), b=np.zeros(2))
    found = reading.read_arrays(path, ["a"], ["b", "c"])
    assert sorted(found) == ["a", "b"]
    assert found["a"].tolist() == [0, 1, 2]


def test_arrays_are_limited(tmp_path):
    path = tmp_path / "large.npz"
    np.savez_compressed(path, a=np.zeros(10_000))
    assert path.stat().st_size < 1000
    with pytest.raises(ValueError, match="bytes unpacked, over 1000"):
        reading.read_arrays(path, ["a"], limit=1000)


class Harm:
    def __reduce__(self):
        return (pytest.fail, ("A pickle was loaded.",))


def write_text(path):
    path.write_text("hello")


def write_pickle(path):
    np.savez(path, a=np.array([Harm()], dtype=object))


def write_bare_pickle(path):
    path.write_bytes(pickle.dumps(Harm()))


@pytest.mark.parametrize(
    "write", [write_text, write_pickle, write_bare_pickle, lambda path: None]
)
def test_wrong_arrays(write, tmp_path):
    write(tmp_path / "some.npz")
    with pytest.raises(ValueError, match=r"arrays \['a'\]. Received: .*some"):
        reading.read_arrays(tmp_path / "some.npz", ["a"])


def test_hash(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    reading.check_sha256(path, hashlib.sha256(b"content").hexdigest())
    with pytest.raises(ValueError, match="not the file that was published"):
        reading.check_sha256(path, "0" * 64)


def test_missing_package():
    with pytest.raises(ImportError, match="Flying needs no_such.*install x"):
        reading.import_optional("no_such.module", "x", "Flying")
