"""Callbacks that show what each modality contributes."""

from keras_mmreg.callbacks.complementarity_logger import ComplementarityLogger
from keras_mmreg.callbacks.information_logger import InformationLogger

__all__ = ["ComplementarityLogger", "InformationLogger"]
