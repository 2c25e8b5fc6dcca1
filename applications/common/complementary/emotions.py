"""The authors' nets for CREMA-D and RML."""

import numpy as np

from applications.common.complementary.training import Task
from applications.common.problems import Examples
from applications.common.problems import Splits
from keras_mmreg.models import cm_vqvae

MODALITIES = ("image", "audio")
NUM_EMOTIONS = 6
FEATURES = (32, 32, 64)


def authors_task(splits: Splits, **options: object) -> Task:
    """128 x 128 faces and 256 x 256 spectrograms, with BatchNormalization."""
    height, width, channels = FEATURES
    return Task(
        splits,
        encoders={
            "image": lambda: cm_vqvae.image_encoder(
                (128, 128, 3), batch_normalization=True
            ),
            "audio": lambda: cm_vqvae.image_encoder(
                (256, 256, 1), max_pooling=True, batch_normalization=True
            ),
        },
        decoders={
            "image": lambda: cm_vqvae.image_decoder(
                FEATURES, 3, batch_normalization=True
            ),
            "audio": lambda: cm_vqvae.image_decoder(
                FEATURES, 1, num_upsamplings=3, batch_normalization=True
            ),
        },
        head=lambda number: cm_vqvae.task_solver(
            (height, width, number * channels), NUM_EMOTIONS
        ),
        **options,
    )


def scaled(examples: Examples) -> Examples:
    """Decibels in units of 80, about their range, so that both modalities'
    errors weigh alike.
    """
    return examples._replace(
        x={**examples.x, "audio": examples.x["audio"] / np.float32(80.0)}
    )
