"""Digit pairs: a handwritten digit (MNIST) and a house number digit (SVHN)."""

from keras_mmreg.datasets.digits.loading import Digits
from keras_mmreg.datasets.digits.loading import load_digits

__all__ = ["Digits", "load_digits"]
