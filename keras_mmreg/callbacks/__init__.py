"""Callbacks that show what each modality contributes."""

from keras_mmreg.callbacks.information_logger import InformationLogger

__all__ = ["InformationLogger"]
