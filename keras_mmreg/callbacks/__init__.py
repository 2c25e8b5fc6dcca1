"""Callbacks that log what each modality contributes, and related ones."""

from keras_mmreg.callbacks.atomic_backup import AtomicBackup
from keras_mmreg.callbacks.blending_estimator import BlendingEstimator
from keras_mmreg.callbacks.complementarity_logger import ComplementarityLogger
from keras_mmreg.callbacks.held_out import HeldOut
from keras_mmreg.callbacks.information_logger import InformationLogger
from keras_mmreg.callbacks.report_logger import ReportLogger
from keras_mmreg.callbacks.shuffled_modality_logger import (
    ShuffledModalityLogger,
)

__all__ = [
    "AtomicBackup",
    "BlendingEstimator",
    "ComplementarityLogger",
    "HeldOut",
    "InformationLogger",
    "ReportLogger",
    "ShuffledModalityLogger",
]
