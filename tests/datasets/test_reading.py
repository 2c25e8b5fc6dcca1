import re
import sys
import zipfile

import numpy as np
import pytest

from keras_mmreg.datasets import reading

ANY = re.compile(".*")


def save_bomb(path, name="zeros.bin", num_bytes=20 * 2**20):
    """A small file that unpacks to many zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(num_bytes))
    assert path.stat().st_size < num_bytes / 500
    return path


def test_a_zip_bomb_stays_packed(tmp_path):
    path = save_bomb(tmp_path / "bomb.zip")
    with pytest.raises(ValueError, match="unpacks to 20971520 bytes"):
        list(reading.read_zip(path, ANY, max_bytes=2**20))
    with pytest.raises(ValueError, match="zeros.bin, which unpacks to"):
        list(reading.read_zip(path, ANY, 2**30, max_file_bytes=2**20))
    # Only what matches is unpacked, and counted.
    assert not list(reading.read_zip(path, re.compile("a"), max_bytes=1))


def test_an_array_bomb_stays_packed(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros(2**22))
    with pytest.raises(ValueError, match="unpacks to"):
        reading.read_arrays(tmp_path / "x.npz", ["x"], max_bytes=2**20)
    found = reading.read_arrays(tmp_path / "x.npz", ["x"], max_bytes=2**26)
    assert found["x"].shape == (2**22,)


def test_a_declared_size_that_is_too_small(tmp_path):
    path = save_bomb(tmp_path / "bomb.zip")
    content = path.read_bytes()
    size = (20 * 2**20).to_bytes(4, "little")
    path.write_bytes(content.replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(zipfile.BadZipFile):
        list(reading.read_zip(path, ANY, max_bytes=1000))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0, 99], "`label` 99 in row 1, not from 0 to 9"),
        ([0, 3, -1], "`label` -1 in row 2, not from 0 to 9"),
        ([0.0, np.nan], "type float64, not integers"),
        ([[1, 2]], r"shape \(1, 2\)"),
        (["1"], "not integers"),
        ([1, 2, 3, 4], "`label` of 4 entries, not 3"),
    ],
)
def test_check_integers(values, found):
    size = 3 if len(values) == 4 else None
    with pytest.raises(ValueError, match=found):
        reading.check_integers("label", values, 0, 9, size)


def test_check_integers_gives_int32():
    found = reading.check_integers("label", np.array([0, 9], "uint8"), 0, 9)
    assert found.dtype == np.int32 and found.tolist() == [0, 9]


def test_check_hash(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # The test vectors of RFC 1321 and FIPS 180.
    reading.check_hash(path, "900150983cd24fb0d6963f7d28e17f72", "md5")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    reading.check_hash(path, digest)
    path.write_bytes(b"abd")
    with pytest.raises(ValueError, match="abd?.* a broken or another download"):
        reading.check_hash(path, digest)


def test_a_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ImportError, match="`pip install scipy`"):
        reading.read_mat("a.mat", b"", {"x": (1,)})
