"""The three regimes of the study, and how runs are told apart."""

from collections import defaultdict
from typing import Any

REGIMES: dict[str, dict[str, Any]] = {
    "healthy": {"image_noise": 0.5},
    "useless_image": {"image_noise": 2.0, "train_pairs": 400},
    "audio_shortcut": {
        "image_noise": 0.5,
        "train_speakers": 1,
        "train_pairs": 800,
    },
}
TITLES = {
    "healthy": "both modalities usable",
    "useless_image": "image nearly useless",
    "audio_shortcut": "one training speaker",
}

Pairs = dict[tuple, dict]
"""The runs of a method by fold and seed."""


def regime_of(run: dict) -> str:
    """The regime whose speakers and noise a run has."""
    if run["train_speakers"] == 1:
        return "audio_shortcut"
    return "useless_image" if run["image_noise"] == 2.0 else "healthy"


def of_regime(runs: list[dict], regime: str) -> list[dict]:
    return [run for run in runs if regime_of(run) == regime]


def start_of(run: dict) -> str:
    """How a run of the part on transfer began."""
    if not run["pretrain_speakers"]:
        return "scratch"
    return "reset" if run.get("reset_mask") else "transfer"


def by_method(runs: list[dict]) -> dict[str, Pairs]:
    """The runs of each method, by fold and seed."""
    groups: dict[str, Pairs] = defaultdict(dict)
    for run in runs:
        groups[run["method"]][run["fold"], run["seed"]] = run
    return groups
