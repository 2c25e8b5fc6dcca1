"""DAQUAR: questions about photographs of rooms."""

from keras_mmreg.datasets.daquar.loading import DAQUAR
from keras_mmreg.datasets.daquar.loading import load_daquar

__all__ = ["DAQUAR", "load_daquar"]
