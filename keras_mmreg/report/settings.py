"""The settings of a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from keras_mmreg.checks import check_choice

INCLUDE = (
    "noise_curves",
    "subsets",
    "interaction",
    "information",
    "calibration",
    "per_class",
    "baselines",
)
"""The parts that a report can include beyond its default."""


@dataclass(frozen=True)
class Settings:
    """The arguments of a report that its numbers depend on."""

    include: tuple[str, ...] = ()
    missing: tuple[str, ...] = ("zero",)
    num_permutations: int = 1
    num_bootstraps: int = 1000
    confidence: float = 0.95
    seed: int = 0
    taps: dict[str, str] | str = field(default_factory=dict)


def chosen_names(
    argument: str, given: str | Sequence[str], known: Sequence[str]
) -> tuple[str, ...]:
    """Returns a name, a list of names, or `"all"`, as a tuple of names."""
    names = (given,) if isinstance(given, str) else tuple(given)
    if "all" in names:
        return tuple(known)
    for name in names:
        check_choice(argument, name, known)
    return tuple(dict.fromkeys(names))
