"""Schedules: how the strength of a penalty grows during training."""

from keras_mmreg.schedules.linear_ramp import LinearRamp

__all__ = ["LinearRamp"]
