"""Digits: one written by hand (MNIST) and one from a house (SVHN)."""

from keras_mmreg.datasets.digits.loading import Digits
from keras_mmreg.datasets.digits.loading import load_digits

__all__ = ["Digits", "load_digits"]
