"""The settings of a report."""

from dataclasses import dataclass
from dataclasses import field

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
