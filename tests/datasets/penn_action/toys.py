"""Tiny files in the published layout of Penn Action, and arrays of them."""

import io

import numpy as np
import PIL.Image
import scipy.io

LENGTH = 9
# Action, view and split by the clip's number.
CLIPS = {
    1: ("baseball_pitch", "back", 1),
    2: ("pullup", "left", -1),
    5: ("tennis_serve", "right", 1),
    12: ("squat", "front", -1),
}


def annotation(clip):
    """A person of 20 x 40 pixels who moves a pixel a frame to the right."""
    action, view, train = CLIPS[clip]
    times = np.arange(LENGTH)[:, np.newaxis]
    joints = np.arange(13)
    left = 10 + times
    boxes = np.concatenate(
        [left, 5 + 0 * times, left + 20, 45 + 0 * times], axis=1
    )
    return {
        "action": action,
        "pose": view,
        "x": left + joints + 0.0,
        "y": 5.0 + 3 * joints + 0 * times,
        "visibility": ((joints + clip) % 2 + 0 * times).astype("uint8"),
        # One box less than frames, as in some published files.
        "bbox": boxes[:-1] + 0.0,
        "train": train,
        "dimensions": np.array([[50, 100, LENGTH]]),
        "nframes": LENGTH,
    }


def frame(clip, moment):
    content = io.BytesIO()
    color = (20 * clip, 25 * moment, 100)
    PIL.Image.new("RGB", (100, 50), color).save(content, "JPEG", quality=95)
    return content.getvalue()


def save_folder(folder, frames=True, **changes):
    (folder / "labels").mkdir(parents=True)
    for clip in CLIPS:
        scipy.io.savemat(
            folder / "labels" / f"{clip:04d}.mat",
            annotation(clip) | changes,
            do_compression=True,
        )
        if frames:
            path = folder / "frames" / f"{clip:04d}"
            path.mkdir(parents=True)
            for moment in range(LENGTH):
                content = frame(clip, moment)
                (path / f"{moment + 1:06d}.jpg").write_bytes(content)
    return folder


def arrays(num_clips=6):
    random = np.random.default_rng(0)
    return {
        "pose": random.normal(size=(num_clips, 4, 13, 3)).astype("float16"),
        "box": random.uniform(size=(num_clips, 4, 4)).astype("float16"),
        "action": np.arange(num_clips, dtype="uint8"),
        "train": np.arange(num_clips) % 3 > 0,
        "view": np.arange(num_clips, dtype="uint8") % 4,
    }
