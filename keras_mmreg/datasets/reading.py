"""Reading files of others with care: sizes, hashes, optional packages."""

import hashlib
import importlib
import pathlib
import zipfile
import zlib
from collections.abc import Iterable
from types import ModuleType

import numpy as np

UNPACK_LIMIT = 16 * 2**30
"""The bytes that an archive may unpack to."""

# A missing or broken file, a broken member, a file without the arrays.
READ_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    zipfile.BadZipFile,
    zlib.error,
)


def as_path(path: str | pathlib.Path) -> pathlib.Path:
    """A path object, as which TFDS may also hand over one in the cloud."""
    return pathlib.Path(path) if isinstance(path, str) else path


def read_arrays(
    path: pathlib.Path,
    required: Iterable[str],
    optional: Iterable[str] = (),
    limit: int = UNPACK_LIMIT,
) -> dict[str, np.ndarray]:
    """The named arrays of an `.npz` file, which may hold no Python objects.

    Args:
        path: The path of the file.
        required: Names of arrays that must be there.
        optional: Names of arrays that are read if they are there.
        limit: Integer, the bytes that all arrays may unpack to together.

    Raises:
        ValueError: If the file is missing, broken, larger than `limit`, or
            lacks a required array.
    """
    try:
        with path.open("rb") as file:
            with zipfile.ZipFile(file) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > limit:
                raise ValueError(f"{size} bytes unpacked, over {limit}")
            file.seek(0)
            arrays = np.load(file, allow_pickle=False)
            names = [*required, *(n for n in optional if n in arrays.files)]
            return {name: arrays[name] for name in names}
    except READ_ERRORS as error:
        raise ValueError(
            f"`path` must be an .npz file with the arrays {[*required]}. "
            f"Received: path={str(path)!r}, with "
            f"{type(error).__name__}: {error}"
        ) from error


def read_text(path: pathlib.Path) -> str:
    """The content of a UTF-8 text file.

    Raises:
        ValueError: If the file is missing or no UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except READ_ERRORS as error:
        raise ValueError(
            f"Cannot read {str(path)!r}: {type(error).__name__}: {error}"
        ) from error


def text_items(array: np.ndarray) -> list[str]:
    """The items of an array of UTF-8 bytes, split on newlines."""
    return array.tobytes().decode("utf-8").split("\n")


def check_sha256(path: pathlib.Path, expected: str) -> None:
    """Compares a file with the hash that its publisher states.

    Raises:
        ValueError: If they differ.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise ValueError(
            f"{str(path)!r} is not the file that was published: its SHA-256 "
            f"must be {expected}. Received: {digest.hexdigest()}. Download "
            "it again."
        )


def import_optional(module: str, package: str, purpose: str) -> ModuleType:
    """Imports a package that only some files need.

    Args:
        module: What to import, such as `"PIL.Image"`.
        package: Its name for pip, such as `"pillow"`.
        purpose: What it is for, the beginning of the error message.

    Raises:
        ImportError: If it is missing, with the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs {module.split('.')[0]}. Install it with "
            f"`pip install {package}`."
        ) from error
