"""Tiny files in the published layout of UTD-MHAD, and arrays of them."""

import io
import zipfile

import numpy as np
import scipy.io

MODALITIES = ("depth", "skeleton", "inertial")
CLIPS = [
    (action, subject, trial)
    for action in (1, 27)
    for subject in (1, 2, 7)
    for trial in (1, 2)
]


def clip(modality, action, subject, trial):
    """What the publisher's variable holds: its value tells the clip."""
    value = 100 * action + 10 * subject + trial
    frames = 9 + trial
    if modality == "depth":
        depth = np.zeros((240, 320, frames), "uint16")
        # The left half at `value` mm, and a frame later 1 mm further away.
        depth[:, :160] = value + np.arange(frames)
        return "d_depth", depth
    if modality == "skeleton":
        joints = np.arange(60.0).reshape(20, 3, 1) / 100
        return "d_skel", value + joints + np.arange(frames)
    samples = value + np.arange(6.0) / 10
    return "d_iner", samples + np.arange(8 * frames)[:, np.newaxis]


def mat_file(**variables):
    content = io.BytesIO()
    scipy.io.savemat(content, variables, do_compression=True)
    return content.getvalue()


def files(modality, clips=CLIPS):
    for key in clips:
        name, array = clip(modality, *key)
        action, subject, trial = key
        yield (
            f"a{action}_s{subject}_t{trial}_{modality}.mat",
            mat_file(**{name: array}),
        )


def save_zips(folder, modalities=MODALITIES):
    folder.mkdir(parents=True, exist_ok=True)
    for modality in modalities:
        path = folder / f"{modality.capitalize()}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{modality.capitalize()}/readme.txt", "no clip")
            for name, content in files(modality):
                archive.writestr(f"{modality.capitalize()}/{name}", content)
    return folder


def save_folders(folder, modalities=MODALITIES):
    for modality in modalities:
        (folder / modality).mkdir(parents=True)
        for name, content in files(modality):
            (folder / modality / name).write_bytes(content)
    return folder


def arrays():
    """Random clips of all actions and subjects, in no order."""
    random = np.random.default_rng(0)
    keys = np.array([(a, s, 1) for a in range(27) for s in range(1, 9)])
    keys = random.permutation(keys)
    num_clips = len(keys)
    return {
        "depth": random.integers(0, 256, (num_clips, 2, 6, 8), "uint8"),
        "skeleton": random.normal(size=(num_clips, 4, 20, 3)).astype("float16"),
        "inertial": random.normal(size=(num_clips, 6, 6)).astype("float16"),
        "action": keys[:, 0].astype("uint8"),
        "subject": keys[:, 1].astype("uint8"),
        "trial": keys[:, 2].astype("uint8"),
    }
