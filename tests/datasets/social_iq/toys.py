"""Tiny files in the format of the first release of Social-IQ."""

import numpy as np

from keras_mmreg.datasets.social_iq import features

SIZES = {"vision": 5, "acoustic": 3, "transcript": 768}


def text_vector(video, question, kind, answer):
    """Word vectors (3 words, the last is padding) that tell what they are."""
    words = np.zeros((3, 4), "float32")
    words[:2] = [video, question, kind, answer]
    words[:2, 3] += [-0.5, 0.5]
    return words


def pairs(video):
    """Shape (1, 6 questions, 12 pairs, 3 texts, 3 words, 4)."""
    return np.array(
        [
            [
                [
                    text_vector(video, question, 0, 0),
                    text_vector(video, question, 1, correct),
                    text_vector(video, question, 2, incorrect),
                ]
                for correct in range(4)
                for incorrect in range(3)
            ]
            for question in range(6)
        ]
    )[None]


def save(folder, num_train=3, num_test=2, **changes):
    """Files of the first videos of each fold."""
    import h5py

    folds = features.read_folds()
    videos = folds["train"][:num_train] + folds["valid"][:num_test]
    contents = {"question": [pairs(i) for i in range(len(videos))]}
    for name, size in SIZES.items():
        extra = 2 if name == "transcript" else 0
        contents[name] = [
            np.full((i + 2, size + extra), i, "float32")
            for i in range(len(videos))
        ]
    contents |= changes
    names = {"question": features.QUESTION_FILE} | features.VIDEO_FILES
    for name, file_name in names.items():
        with h5py.File(folder / file_name, "w") as file:
            data = file.create_group(file_name[:-4]).create_group("data")
            for video, values in zip(videos, contents[name], strict=False):
                data.create_group(video)["features"] = values
    return videos
