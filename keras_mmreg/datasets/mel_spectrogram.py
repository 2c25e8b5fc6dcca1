"""Mel spectrograms in decibels, as librosa computes them."""

import numpy as np

_NUM_FFT = 2048
_SMALLEST_POWER = 1e-10
_RANGE = 80.0
# Slaney's scale: linear below 1000 Hz, logarithmic above.
_HERTZ_PER_MEL, _CORNER = 200.0 / 3, 1000.0
_LOG_STEP = np.log(6.4) / 27


def mel_spectrogram(
    wave: np.ndarray,
    sample_rate: int,
    num_bins: int = 256,
    num_frames: int = 256,
    window: int = 512,
    step: int = 353,
) -> np.ndarray:
    """Returns a mel spectrogram in decibels, of a fixed length.

    The defaults are those of the authors of CM-VQVAE, who use librosa with a
    Fourier transform of 2048 points; the values agree with those of
    `librosa.feature.melspectrogram` and `librosa.power_to_db`. Values more than
    80 dB below the maximum are raised to that level. Longer spectrograms are
    cut to their middle, shorter ones are mirrored at both ends.

    Args:
        wave: Float array `(samples,)`.
        sample_rate: Integer, samples per second.
        num_bins: Integer. Defaults to `256`.
        num_frames: Integer. Defaults to `256`.
        window: Integer, the number of samples in a frame. Defaults to `512`.
        step: Integer, the number of samples from one frame to the next.
            Defaults to `353`.

    Returns:
        Float32 array `(num_bins, num_frames)` in decibels, low frequencies
        first.

    Example:

    >>> tone = np.sin(np.arange(44_100) * 0.3)
    >>> mel_spectrogram(tone, 44_100).shape
    (256, 256)

    References:

    - [McFee et al., librosa](https://librosa.org/doc/latest/feature.html)
    """
    half = window // 2
    frames = np.lib.stride_tricks.sliding_window_view(
        np.pad(wave.astype(np.float64), half), window
    )[::step]
    hann = np.sin(np.pi * np.arange(window) / window) ** 2
    power = np.abs(np.fft.rfft(frames * hann, _NUM_FFT)) ** 2
    mel = mel_filters(sample_rate, num_bins) @ power.T
    decibels = 10.0 * np.log10(np.maximum(mel, _SMALLEST_POWER))
    decibels = np.maximum(decibels, decibels.max() - _RANGE)
    return _of_length(decibels, num_frames).astype(np.float32)


def mel_filters(sample_rate: int, num_bins: int) -> np.ndarray:
    """Returns triangular filters of equal area, equally spaced in mel.

    Args:
        sample_rate: Integer, samples per second.
        num_bins: Integer.

    Returns:
        Float64 array `(num_bins, 1025)`.
    """
    frequencies = np.linspace(0, sample_rate / 2, _NUM_FFT // 2 + 1)
    top = _mel(sample_rate / 2)
    edges = _hertz(np.linspace(0, top, num_bins + 2))[:, np.newaxis]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return triangles * 2.0 / (edges[2:] - edges[:-2])


def _mel(hertz: float) -> float:
    corner = _CORNER / _HERTZ_PER_MEL
    if hertz < _CORNER:
        return hertz / _HERTZ_PER_MEL
    return corner + float(np.log(hertz / _CORNER)) / _LOG_STEP


def _hertz(mel: np.ndarray) -> np.ndarray:
    corner = _CORNER / _HERTZ_PER_MEL
    return np.where(
        mel < corner,
        mel * _HERTZ_PER_MEL,
        _CORNER * np.exp(_LOG_STEP * (mel - corner)),
    )


def _of_length(spectrogram: np.ndarray, num_frames: int) -> np.ndarray:
    missing = num_frames - spectrogram.shape[1]
    if missing > 0:
        before = missing - missing // 2
        return np.pad(
            spectrogram, ((0, 0), (before, missing // 2)), mode="reflect"
        )
    start = -missing // 2
    return spectrogram[:, start : start + num_frames]
