"""Functional information: the functional f, its estimator and its meter."""

from keras_mmreg.information.create_estimator import create_estimator
from keras_mmreg.information.estimator import InformationEstimator

__all__ = ["InformationEstimator", "create_estimator"]
