"""Prints the lowest versions that pyproject.toml declares, for pip.

`python .ci/lowest.py jax tensorflow` names extras: `name>=1.2` becomes
`name==1.2`.
"""

import pathlib
import sys
import tomllib

PROJECT = tomllib.loads(
    pathlib.Path(__file__).parents[1].joinpath("pyproject.toml").read_text()
)["project"]


def main(extras: list[str]) -> None:
    """Prints one requirement a line."""
    requirements = list(PROJECT["dependencies"])
    for extra in extras:
        requirements += PROJECT["optional-dependencies"][extra]
    for requirement in dict.fromkeys(requirements):
        print(requirement.replace(">=", "=="))


if __name__ == "__main__":
    main(sys.argv[1:])
