"""A report on how a model uses its modalities."""

from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.modality_report import modality_report
from keras_mmreg.report.report import ModalityReport
from keras_mmreg.report.result import Finding

__all__ = ["Finding", "Measurement", "ModalityReport", "modality_report"]
