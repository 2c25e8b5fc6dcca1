"""A tiny task to try the studies on: vectors of noise, and dense nets."""

from functools import partial

import keras
import numpy as np

from applications.common.complementary.training import Task
from applications.common.problems import Examples
from applications.common.problems import Splits
from keras_mmreg.models import cm_vqvae

SIZE, FEATURES, CHANNELS, NUM_CLASSES = 12, 5, 4, 6


def task(modalities: tuple[str, ...]) -> Task:
    """The task for some modalities."""
    rng = np.random.default_rng(0)
    splits = [
        Examples(
            {
                name: rng.random((SIZE, FEATURES), "float32")
                for name in modalities
            },
            np.arange(SIZE, dtype="int32") % NUM_CLASSES,
            np.arange(SIZE, dtype="int32") // 2,
        )
        for _ in range(3)
    ]
    encoder = partial(cm_vqvae.vector_encoder, (FEATURES,), CHANNELS, 8)
    decoder = partial(cm_vqvae.vector_decoder, (CHANNELS,), (FEATURES,), 8)
    return Task(
        Splits(*splits),
        encoders=dict.fromkeys(modalities, encoder),
        decoders=dict.fromkeys(modalities, decoder),
        head=lambda number: keras.layers.Dense(NUM_CLASSES),
        epochs=1,
        num_embeddings=8,
    )
