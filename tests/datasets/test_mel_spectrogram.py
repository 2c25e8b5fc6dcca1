import numpy as np
import pytest

from keras_mmreg.datasets.mel_spectrogram import mel_filters
from keras_mmreg.datasets.mel_spectrogram import mel_spectrogram


def chirp():
    times = np.arange(60_000) / 44_100
    tone = np.sin(2 * np.pi * (200 + 2000 * times) * times)
    return tone * np.linspace(0.1, 1, 60_000)


def test_agrees_with_librosa():
    """Values of librosa 0.10.2: `power_to_db(melspectrogram(...))`."""
    found = mel_spectrogram(chirp(), 44_100)
    assert found.shape == (256, 256) and found.dtype == np.float32
    # 170 frames are mirrored: 43 come before the first.
    np.testing.assert_allclose(
        found[np.ix_([5, 60, 120], [43, 103, 163])],
        [
            [0.7567, -52.2344, -52.2344],
            [-28.0707, -52.2344, -52.2344],
            [-46.0432, -29.1615, -52.2344],
        ],
        atol=2e-4,
    )


@pytest.mark.parametrize("length", [300, 60_000, 120_000])
def test_length(length):
    found = mel_spectrogram(np.ones(length), 44_100)
    assert found.shape == (256, 256)
    assert np.isfinite(found).all()


def test_long_sounds_keep_their_middle():
    wave = np.zeros(200 * 353)
    wave[100 * 353] = 1.0
    found = mel_spectrogram(wave, 44_100, num_frames=20)
    assert found.max(axis=0).argmax() in (9, 10)
    assert found.max() - found.min() <= 80.001


def test_filters_have_equal_area():
    filters = mel_filters(44_100, 64)
    areas = filters.sum(axis=1) * 44_100 / 2048
    np.testing.assert_allclose(areas[10:], 1.0, rtol=0.1)
    assert (np.diff(filters.argmax(axis=1)) >= 0).all()
