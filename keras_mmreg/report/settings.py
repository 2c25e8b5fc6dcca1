"""The settings of a report."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_integer
from keras_mmreg.checks import check_number
from keras_mmreg.network.naming import check_kind_of_taps
from keras_mmreg.report.interventions import FILLS

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


def create_settings(
    include: str | Sequence[str] = (),
    missing: str | Sequence[str] = "zero",
    taps: Mapping[str, str] | str | None = None,
    **numbers: Any,
) -> Settings:
    """Creates settings from arguments of `modality_report`.

    Raises:
        ValueError: If an argument is not as it says there.
    """
    check_kind_of_taps(taps)
    settings = Settings(
        include=_chosen("include", include, INCLUDE),
        missing=_chosen("missing", missing, FILLS),
        taps=taps if isinstance(taps, str) else dict(taps or {}),
        **numbers,
    )
    check_integer("num_permutations", settings.num_permutations, minimum=1)
    check_integer("num_bootstraps", settings.num_bootstraps, minimum=1)
    check_number("confidence", settings.confidence, above=0, below=1)
    check_integer("seed", settings.seed, minimum=0)
    return settings


def _chosen(
    argument: str, given: str | Sequence[str], known: Sequence[str]
) -> tuple[str, ...]:
    """Returns a name, a list of names, or `"all"`, as a tuple of names."""
    names = (given,) if isinstance(given, str) else tuple(given)
    if "all" in names:
        return tuple(known)
    for name in names:
        check_choice(argument, name, known)
    return tuple(dict.fromkeys(names))
