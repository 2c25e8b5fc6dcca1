import keras
import numpy as np
import pytest

from keras_mmreg.datasets import SPEAKERS
from keras_mmreg.datasets import log_mel_spectrograms
from keras_mmreg.datasets import read_fsdd
from keras_mmreg.datasets.av_digits.fsdd import FSDD_URL
from tests.datasets.av_digits import toys

SAVE = {
    "fsdd.zip": toys.save_fsdd_zip,
    "fsdd": toys.save_fsdd_folder,
    "fsdd.npz": toys.save_fsdd_arrays,
}


@pytest.mark.parametrize("name", SAVE)
def test_all_formats_give_the_same(name, tmp_path):
    fsdd = read_fsdd(str(SAVE[name](tmp_path / name)))

    assert len(fsdd.recordings) == 120
    assert tuple(dict.fromkeys(fsdd.speaker.tolist())) == SPEAKERS
    assert fsdd.digit[:4].tolist() == [0, 0, 1, 1]
    assert fsdd.take[:4].tolist() == [0, 1, 0, 1]
    for index, recording in enumerate(fsdd.recordings):
        expected = toys.samples_of(
            fsdd.digit[index], fsdd.speaker[index], fsdd.take[index]
        )
        np.testing.assert_array_equal(recording, expected)


def test_download_is_a_pinned_archive(monkeypatch, tmp_path):
    path = toys.save_fsdd_zip(tmp_path / "fsdd.zip")
    asked = []

    def get_file(name, origin):
        asked.append(origin)
        return str(path)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    assert len(read_fsdd("download").recordings) == 120
    assert asked == [FSDD_URL]


def save_arrays_with(path, **changes):
    arrays = dict(np.load(toys.save_fsdd_arrays(path)))
    np.savez(path, **arrays | changes)


def save_wave(path, **form):
    path.mkdir()
    content = toys.wave_file(np.zeros(100), **form)
    (path / "0_george_0.wav").write_bytes(content)


WRONG = {
    "missing": (lambda path: None, "FileNotFoundError"),
    "text": (lambda path: path.write_text("hello"), "BadZipFile"),
    "empty": (lambda path: path.mkdir(), "no file of such a name"),
    "rate": (lambda path: save_wave(path, rate=16000), "16000 Hz"),
    "stereo": (lambda path: save_wave(path, channels=2), "2 channels"),
    "lengths.npz": (
        lambda path: save_arrays_with(path, length=np.full(120, 3)),
        "do not sum to the samples",
    ),
    "labels.npz": (
        lambda path: save_arrays_with(path, digit=np.zeros(3, int)),
        "different lengths",
    ),
    "floats.npz": (
        lambda path: save_arrays_with(path, samples=np.zeros(24_600)),
        "samples of type float64",
    ),
    "names.npz": (lambda path: np.savez(path, x=np.zeros(3)), "KeyError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name, tmp_path):
    write, found = WRONG[name]
    write(tmp_path / name)
    with pytest.raises(ValueError, match="`path` must be 'download'") as error:
        read_fsdd(tmp_path / name)
    error.match(found)


def test_spectrogram_of_a_tone():
    times = np.arange(3875) / 8000.0
    low, high = (
        (16_000 * np.sin(2 * np.pi * hertz * times)).astype("int16")
        for hertz in (300.0, 3000.0)
    )
    spectrograms = log_mel_spectrograms([low, high], batch_size=1)

    assert spectrograms.shape == (2, 32, 32, 1)
    assert spectrograms.dtype == np.float32
    # mel(f) = 2595 log10(1 + f / 700); the bins' centres are evenly spaced.
    mel = 2595 * np.log10(1 + np.array([40.0, 300.0, 3000.0, 4000.0]) / 700)
    bins = 33 * (mel[1:3] - mel[0]) / (mel[3] - mel[0]) - 1
    loudest = spectrograms[:, :, 5, 0].argmax(axis=1)
    np.testing.assert_allclose(loudest, bins, atol=1.0)
    # The second half is silence, all of the same value.
    silence = (np.log(1e-2) + 4.0) / 1.6
    np.testing.assert_allclose(spectrograms[:, :, 18:], silence, atol=1e-5)


def test_long_recordings_are_cut():
    wave = np.arange(20_000).astype("int16")
    spectrograms = log_mel_spectrograms([wave, wave[:7750]])
    np.testing.assert_array_equal(*spectrograms)
