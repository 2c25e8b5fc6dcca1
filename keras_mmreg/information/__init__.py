"""Functional information: the functional f, its estimator and its meter."""

from keras_mmreg.information.estimator import InformationEstimator
from keras_mmreg.information.estimator import create_estimator

__all__ = ["InformationEstimator", "create_estimator"]
