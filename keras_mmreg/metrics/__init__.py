"""Metrics of how much of a codebook is in use."""

from keras_mmreg.metrics.codebook import CodebookPerplexity
from keras_mmreg.metrics.codebook import CodebookUsage

__all__ = ["CodebookPerplexity", "CodebookUsage"]
