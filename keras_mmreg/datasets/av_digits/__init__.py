"""Audio-visual digits: a written digit and a spoken one, of the same class."""

from keras_mmreg.datasets.av_digits.fsdd import FSDD
from keras_mmreg.datasets.av_digits.fsdd import read_fsdd
from keras_mmreg.datasets.av_digits.loading import SPEAKERS
from keras_mmreg.datasets.av_digits.loading import AVDigits
from keras_mmreg.datasets.av_digits.loading import load_av_digits
from keras_mmreg.datasets.av_digits.spectrogram import log_mel_spectrograms

__all__ = [
    "FSDD",
    "SPEAKERS",
    "AVDigits",
    "load_av_digits",
    "log_mel_spectrograms",
    "read_fsdd",
]
