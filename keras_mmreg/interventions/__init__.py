"""Interventions on a modality at its point: noise, shuffling, dropping."""

from keras_mmreg.interventions.drop import draw_kept
from keras_mmreg.interventions.drop import drop
from keras_mmreg.interventions.drop import drop_others
from keras_mmreg.interventions.noise import add_noise
from keras_mmreg.interventions.shuffle import permutations
from keras_mmreg.interventions.shuffle import shuffle

__all__ = [
    "add_noise",
    "draw_kept",
    "drop",
    "drop_others",
    "permutations",
    "shuffle",
]
