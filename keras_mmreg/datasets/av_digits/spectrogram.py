"""Log-mel spectrograms of spoken digits."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_mmreg.datasets.av_digits.fsdd import SAMPLE_RATE

NUM_MEL_BINS = 32
NUM_FRAMES = 32
_FRAME_STEP = 250
_NUM_SAMPLES = (NUM_FRAMES - 1) * _FRAME_STEP
# Keeps the logarithm finite in silence, and suppresses inaudible noise.
_FLOOR = 1e-2
# Mean and standard deviation over all of FSDD, rounded. They are constants, so
# that no split depends on another.
_MEAN = -4.0
_STDDEV = 1.6


def log_mel_spectrograms(
    recordings: Sequence[np.ndarray], batch_size: int = 500
) -> np.ndarray:
    """Returns spectrograms on the mel and decibel scale, about standardized.

    Recordings are cut, or padded with silence, to 0.97 seconds: 32 frames, 250
    samples apart, of 256 samples each.

    Args:
        recordings: Int16 arrays of samples, 8,000 per second.
        batch_size: Integer, the number of recordings processed at a time.
            Defaults to `500`.

    Returns:
        Float32 array `(n, 32 mel bins, 32 frames, 1)`.

    Example:

    >>> tone = (8000 * np.sin(np.arange(4000))).astype("int16")
    >>> log_mel_spectrograms([tone, tone[:2000]]).shape
    (2, 32, 32, 1)
    """
    # The layer's own decibels would be relative to the loudest of a batch.
    layer = keras.layers.MelSpectrogram(
        fft_length=256,
        sequence_length=256,
        sequence_stride=_FRAME_STEP,
        sampling_rate=SAMPLE_RATE,
        num_mel_bins=NUM_MEL_BINS,
        min_freq=40.0,
        max_freq=SAMPLE_RATE / 2,
        power_to_db=False,
        dtype="float32",
    )
    waves = _same_length(recordings)
    power = [
        ops.convert_to_numpy(layer(waves[start : start + batch_size]))
        for start in range(0, len(waves), batch_size)
    ]
    spectrograms = (np.log(np.concatenate(power) + _FLOOR) - _MEAN) / _STDDEV
    return spectrograms[..., np.newaxis].astype(np.float32)


def _same_length(recordings: Sequence[np.ndarray]) -> np.ndarray:
    """Returns recordings as one float32 array `(n, samples)` in [-1, 1]."""
    waves = np.zeros((len(recordings), _NUM_SAMPLES), np.float32)
    for wave, recording in zip(waves, recordings, strict=True):
        samples = recording[:_NUM_SAMPLES]
        wave[: len(samples)] = samples / 2.0**15
    return waves
