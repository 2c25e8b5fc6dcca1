import zipfile

import keras
import numpy as np
import pytest

from keras_mmreg.datasets import SPEAKERS
from keras_mmreg.datasets import log_mel_spectrograms
from keras_mmreg.datasets import read_fsdd
from keras_mmreg.datasets.av_digits import fsdd as fsdd_reader
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
    with pytest.raises(ValueError, match="120 recordings .* are not those of"):
        read_fsdd("download")
    digest = fsdd_reader.digest(read_fsdd(path))
    monkeypatch.setattr(fsdd_reader, "FSDD_SHA256", digest)
    assert len(read_fsdd("download").recordings) == 120
    assert asked == [FSDD_URL] * 2


def save_arrays_with(path, **changes):
    arrays = dict(np.load(toys.save_fsdd_arrays(path)))
    np.savez(path, **arrays | changes)


def save_wave(path, **form):
    path.mkdir()
    content = toys.wave_file(np.zeros(100), **form)
    (path / "0_george_0.wav").write_bytes(content)


def label(row, value):
    return np.where(np.arange(120) == row, value, 1)


def save_bomb(path):
    zeros = toys.wave_file(np.zeros(2**26, "int16"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, True, 1) as archive:
        archive.writestr("0_george_0.wav", zeros)


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
        "`digit` of 3 entries, not 120",
    ),
    "floats.npz": (
        lambda path: save_arrays_with(path, samples=np.zeros(24_600)),
        "samples of type float64",
    ),
    "negative.npz": (
        lambda path: save_arrays_with(path, length=label(3, -5)),
        "`length` -5 in row 3",
    ),
    "nan.npz": (
        lambda path: save_arrays_with(path, digit=np.full(120, np.nan)),
        "`digit` of shape .* float64, not integers",
    ),
    "digit.npz": (
        lambda path: save_arrays_with(path, digit=label(7, 99)),
        "`digit` 99 in row 7, not from 0 to 9",
    ),
    "speaker.npz": (
        lambda path: save_arrays_with(path, speaker=np.zeros(120)),
        "`speaker` of type float64",
    ),
    "twice.npz": (
        lambda path: save_arrays_with(path, take=np.zeros(120, int)),
        "_0 twice",
    ),
    "bomb.zip": (save_bomb, "unpacks to 134217772 bytes, more than 134217728"),
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
    # mel(f) = 2595 log10(1 + f / 700); the bins' centers are evenly spaced.
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
