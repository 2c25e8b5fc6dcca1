"""Safe reading of files from others, with checks of their content.

The readers of all datasets use these functions, so that a file can neither run
code, nor fill the memory, nor silently put a wrong label into an array.
"""

import contextlib
import hashlib
import importlib
import io
import pathlib
import re
import struct
import types
import wave
import zipfile
import zlib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

READ_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    struct.error,
    wave.Error,
    zipfile.BadZipFile,
    zlib.error,
)
"""The exceptions that reading a missing, corrupt or wrong file raises."""

MEBIBYTE = 2**20
_MAX_PIXELS = 2**24


def as_path(path: str | pathlib.Path) -> pathlib.Path:
    """Converts a string to a path; other paths, e.g. in a cloud, are kept."""
    return pathlib.Path(path) if isinstance(path, str) else path


@contextlib.contextmanager
def explained(
    expected: str, path: str | pathlib.Path, argument: str = "path"
) -> Iterator[None]:
    """Turns any error of reading into one `ValueError` with the remedy.

    Args:
        expected: String. Describes what the argument must be.
        path: The value received.
        argument: String. The argument's name. Defaults to `"path"`.
    """
    try:
        yield
    except READ_ERRORS as error:
        raise ValueError(
            f"`{argument}` must be {expected}. Received: "
            f"{argument}={str(path)!r}, with {type(error).__name__}: {error}"
        ) from error


def read_zip(
    path: pathlib.Path,
    names: re.Pattern[str],
    max_bytes: int,
    max_file_bytes: int | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Yields the files of a zip archive, protected against zip bombs.

    `zipfile` never unpacks more than the archive declares, so the declared
    sizes are a reliable limit.

    Args:
        path: Path of the archive.
        names: Pattern that a file's name, without folders, has to match in
            full. Other files are not unpacked.
        max_bytes: Integer. The most that these files may unpack to.
        max_file_bytes: Integer. The most that one of them may unpack to.
            Defaults to `max_bytes`.

    Yields:
        Names, without folders, and contents.
    """
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        members = [
            (member.filename.rpartition("/")[2], member)
            for member in archive.infolist()
        ]
        members = [m for m in members if names.fullmatch(m[0])]
        _check_sizes([m for _, m in members], max_bytes, max_file_bytes)
        for name, member in members:
            yield name, archive.read(member)


def files_below(
    folder: pathlib.Path, names: re.Pattern[str]
) -> Iterator[pathlib.Path]:
    """Yields the files at any depth whose names match in full, in order."""
    # Not `rglob`, which cloud paths do not have.
    for path in sorted(folder.iterdir()):
        if names.fullmatch(path.name):
            yield path
        elif path.is_dir():
            yield from files_below(path, names)


def read_arrays(
    path: pathlib.Path, names: Sequence[str], max_bytes: int
) -> dict[str, np.ndarray]:
    """Reads arrays of an `.npz` file, without pickles or zip bombs.

    Args:
        path: Path of the file.
        names: The arrays to read.
        max_bytes: Integer. The most that the file may unpack to.

    Returns:
        A dictionary of arrays.
    """
    # Not `np.load(path)`: TFDS may pass a cloud path.
    with path.open("rb") as file:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                _check_sizes(archive.infolist(), max_bytes)
        file.seek(0)
        arrays = np.load(file, allow_pickle=False)
        return {name: arrays[name] for name in names}


def _check_sizes(
    members: Sequence[zipfile.ZipInfo],
    max_bytes: int,
    max_file_bytes: int | None = None,
) -> None:
    total = sum(member.file_size for member in members)
    if total > max_bytes:
        raise ValueError(
            f"an archive that unpacks to {total} bytes, more than {max_bytes}"
        )
    for member in members:
        if max_file_bytes and member.file_size > max_file_bytes:
            raise ValueError(
                f"{member.filename}, which unpacks to {member.file_size} "
                f"bytes, more than {max_file_bytes}"
            )


def read_mat(
    name: str,
    content: bytes | pathlib.Path,
    shapes: Mapping[str, Sequence[int | None]],
    max_length: int = 10_000,
) -> dict[str, np.ndarray]:
    """Reads variables of a MATLAB file, after checking their sizes.

    Args:
        name: String. The file's name, with which error messages begin.
        content: The file's bytes, or its path.
        shapes: The variables, and the shape that each must have; `None` for an
            axis of any length.
        max_length: Integer. The longest such axis. Defaults to `10_000`.

    Returns:
        A dictionary of numeric arrays without NaN or infinity, and of strings.
    """
    scipy_io = import_optional("scipy.io", "scipy", "MATLAB files")
    if not isinstance(content, bytes):
        content = content.read_bytes()
    try:
        # The headers suffice for the sizes; `loadmat` would unpack everything.
        headers = scipy_io.whosmat(io.BytesIO(content), chars_as_strings=False)
        found = {header[0]: tuple(header[1]) for header in headers}
        for variable, shape in shapes.items():
            if variable not in found:
                raise ValueError(f"no `{variable}` among {sorted(found)}")
            check_shape(f"`{variable}`", found[variable], shape, max_length)
        values = scipy_io.loadmat(
            io.BytesIO(content), variable_names=list(shapes)
        )
        for variable in shapes:
            if values[variable].dtype.kind != "U":
                check_finite(f"`{variable}`", values[variable])
    except (*READ_ERRORS, scipy_io.matlab.MatReadError) as error:
        raise ValueError(f"{name}: {error}") from error
    return {variable: values[variable] for variable in shapes}


def read_image(
    name: str, content: bytes, size: int | tuple[int, int] | None = None
) -> np.ndarray:
    """Decodes an image to 8-bit RGB, after checking its size.

    Args:
        name: String. The file's name, with which error messages begin.
        content: The file's bytes.
        size: The height and width, or one integer for both, to which the image
            is resized; `None` keeps its size. Defaults to `None`.

    Returns:
        A uint8 array `(height, width, 3)`.
    """
    pillow = import_optional("PIL.Image", "Pillow", "images")
    try:
        with pillow.open(io.BytesIO(content)) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise ValueError(
                    f"{image.width} x {image.height} pixels, more than "
                    f"{_MAX_PIXELS}"
                )
            image = image.convert("RGB")
    except (*READ_ERRORS, pillow.DecompressionBombError) as error:
        raise ValueError(f"{name}: {error}") from error
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        if image.size != (width, height):
            image = image.resize((width, height), pillow.Resampling.BILINEAR)
    return np.array(image)


def check_shape(
    name: str,
    found: Sequence[int],
    shape: Sequence[int | None],
    max_length: int = 10**9,
) -> None:
    """Raises for an unexpected shape; `None` stands for 1 to `max_length`."""
    fits = len(found) == len(shape) and all(
        1 <= length <= max_length if expected is None else length == expected
        for length, expected in zip(found, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(f"{name} of shape {tuple(found)}, not ({wanted})")


def check_finite(name: str, values: np.ndarray) -> np.ndarray:
    """Raises if an array is not numeric or some row is not finite."""
    if values.dtype.kind not in "uifb":
        raise ValueError(f"{name} of type {values.dtype}")
    if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
        row = np.argwhere(~np.isfinite(values))[0].tolist()
        raise ValueError(f"{name} with NaN or infinity at {row}")
    return values


def check_integers(
    name: str,
    values: ArrayLike,
    low: int,
    high: int | None = None,
    size: int | None = None,
) -> np.ndarray:
    """Raises unless these are `size` integers from `low` to `high`.

    Args:
        name: String. The name of the integers, for error messages.
        values: Array of one axis.
        low: Integer. The smallest value allowed.
        high: Integer. The largest value allowed, or `None` for any. Defaults to
            `None`.
        size: Integer. The number of values, or `None` for any. Defaults to
            `None`.

    Returns:
        An int32 array.
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iub":
        raise ValueError(
            f"`{name}` of shape {array.shape} and type {array.dtype}, not "
            "integers in one row"
        )
    if size is not None and len(array) != size:
        raise ValueError(f"`{name}` of {len(array)} entries, not {size}")
    largest = np.iinfo(np.int32).max if high is None else high
    (wrong,) = np.nonzero((array < low) | (array > largest))
    if len(wrong):
        limits = f"from {low} to {largest}"
        raise ValueError(
            f"`{name}` {array[wrong[0]]} in row {wrong[0]}, not {limits}"
        )
    return array.astype(np.int32)


def check_hash(
    path: pathlib.Path, expected: str, algorithm: str = "sha256"
) -> None:
    """Raises if a file's bytes are not those that were published.

    Args:
        path: Path of the file.
        expected: String. The hexadecimal digest.
        algorithm: String, a name that `hashlib` knows. Defaults to
            `"sha256"`.
    """
    with path.open("rb") as file:
        digest = hashlib.new(algorithm, usedforsecurity=False)
        while block := file.read(MEBIBYTE):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise ValueError(
            f"{path.name} of the {algorithm} digest {digest.hexdigest()}, "
            f"not {expected}: a broken or another download"
        )


def import_optional(
    module: str, package: str, purpose: str
) -> types.ModuleType:
    """Imports a module that only some datasets need.

    Args:
        module: String. The module to import.
        package: String. The package to install.
        purpose: String. What the module reads.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{package} reads {purpose} but is not installed. Install it with "
            f"`pip install {package.lower()}`, or "
            "`pip install keras-mmreg[datasets]`."
        ) from error
