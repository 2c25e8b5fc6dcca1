"""Tiny files in the formats of MNIST and FSDD."""

import io
import wave
import zipfile

import numpy as np

from keras_mmreg.datasets import SPEAKERS


def wave_file(samples, rate=8000, channels=1):
    """The content of a wav file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()


def samples_of(digit, speaker, take):
    """A tone that tells the digit, of a loudness that tells the speaker."""
    loudness = 1000 * (1 + SPEAKERS.index(speaker))
    times = np.arange(200 + 10 * take)
    return (loudness * np.sin(0.1 * (1 + digit) * times)).astype("int16")


def recordings(takes=2):
    """File names and samples of all recordings."""
    return {
        f"{digit}_{speaker}_{take}.wav": samples_of(digit, speaker, take)
        for digit in range(10)
        for speaker in SPEAKERS
        for take in range(takes)
    }


def save_fsdd_zip(path, takes=2):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fsdd-1306d2c/README.md", "not a recording")
        for name, samples in recordings(takes).items():
            archive.writestr(
                f"fsdd-1306d2c/recordings/{name}", wave_file(samples)
            )
    return path


def save_fsdd_folder(path, takes=2):
    folder = path / "recordings"
    folder.mkdir(parents=True)
    for name, samples in recordings(takes).items():
        (folder / name).write_bytes(wave_file(samples))
    return path


def save_fsdd_arrays(path, takes=2):
    names = [name[:-4].split("_") for name in recordings(takes)]
    samples = list(recordings(takes).values())
    np.savez(
        path,
        samples=np.concatenate(samples),
        length=[len(recording) for recording in samples],
        digit=np.array([int(digit) for digit, _, _ in names], "uint8"),
        speaker=[speaker for _, speaker, _ in names],
        take=np.array([int(take) for _, _, take in names], "uint8"),
    )
    return path


def save_mnist(path, num_train=120, num_test=20):
    """Images that are all different, and labels in turn."""
    num_images = num_train + num_test
    images = np.zeros((num_images, 28, 28), "uint8")
    images[:, 5:15, 5:15] = 1 + np.arange(num_images)[:, None, None]
    labels = np.arange(num_images, dtype="uint8") % 10
    np.savez_compressed(
        path,
        x_train=images[:num_train],
        y_train=labels[:num_train],
        x_test=images[num_train:],
        y_test=labels[num_train:],
    )
    return path
