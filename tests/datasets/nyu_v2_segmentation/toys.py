"""Tiny files in the published layout of NYU Depth v2, and arrays of them."""

import h5py
import numpy as np

# Images 1 and 4 are to test on; the labels 1 to 3 are a wall, other props and
# books, 0 is unlabeled.
IS_TEST = np.array([False, True, False, False, True])
NYU40 = np.array([0, 1, 40, 23], "uint8")
NUM_IMAGES = len(IS_TEST)


def save_annotation(path):
    np.savez(path, is_test=IS_TEST, nyu40=NYU40)
    return path


def variables():
    """As MATLAB saves them: width before height. Values tell the image."""
    images = np.zeros((NUM_IMAGES, 3, 640, 480), "uint8")
    depths = np.zeros((NUM_IMAGES, 640, 480), "float32")
    labels = np.zeros((NUM_IMAGES, 640, 480), "uint16")
    for i in range(NUM_IMAGES):
        # Red to the right, green to the bottom.
        images[i, 0] = 10 * i + np.arange(640)[:, None] // 8
        images[i, 1] = 10 * i + np.arange(480) // 8
        depths[i] = 1 + i + np.arange(480) / 480
        # The upper half, and a strip at the left.
        labels[i, :, :240] = 1 + i % 3
        labels[i, :80] = 0
    return {"images": images, "depths": depths, "labels": labels}


def save_mat(path, without=(), **changes):
    with h5py.File(path, "w") as mat:
        for name, values in (variables() | changes).items():
            if name not in without:
                mat.create_dataset(
                    name,
                    data=values,
                    compression="gzip",
                    compression_opts=1,
                    chunks=(1, *values.shape[1:]),
                )
    return path


def arrays():
    random = np.random.default_rng(0)
    return {
        "rgb": random.integers(0, 256, (NUM_IMAGES, 6, 8, 3), "uint8"),
        "depth": random.integers(18, 255, (NUM_IMAGES, 6, 8), "uint8"),
        "label": random.integers(0, 40, (NUM_IMAGES, 6, 8), "uint8"),
        "split": IS_TEST.astype("uint8"),
    }
