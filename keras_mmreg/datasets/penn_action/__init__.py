"""Penn Action: 15 actions as video frames and annotated poses."""

from keras_mmreg.datasets.penn_action.clips import ACTIONS as PENN_ACTIONS
from keras_mmreg.datasets.penn_action.loading import PennAction
from keras_mmreg.datasets.penn_action.loading import load_penn_action

__all__ = ["PENN_ACTIONS", "PennAction", "load_penn_action"]
