"""
Title: What does each modality contribute? Masks that tell
Description: A CM-VQVAE on two images of handwritten digits, one of which does
    not matter: see how the network finds this out, and what it leaves aside.
Runs offline in about a minute on two CPU cores.

## The question

Give a network two inputs and it will use both, even if one of them only
distracts. The *CM-VQVAE* (Tejero-de-Pablos, WACV 2024) puts a mask between the
encoders and the task: each channel of each modality is either **complementary**
(the task sees it) or **contradictory** (the task does not). Keeping a channel
costs a little, so only the channels that are needed are kept. Decoders make
sure that the rest is still encoded, so we can look at it.

Here the two modalities are two images of digits. The class to predict is the
digit in the first image, `target`; the second, `distractor`, shows any digit.
"""

import importlib.util
import os
import sys

if importlib.util.find_spec("jax"):
    os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from keras_mmreg.callbacks import ComplementarityLogger
from keras_mmreg.datasets import load_colored_mnist
from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models import CMVQVAE
from keras_mmreg.models.cm_vqvae import vector_decoder
from keras_mmreg.models.cm_vqvae import vector_encoder
from keras_mmreg.visualization import plot_complementarity
from keras_mmreg.visualization import plot_mask_weights
from keras_mmreg.visualization import plot_reconstructions

SMOKE = "--smoke" in sys.argv  # few digits, one epoch, to test that it runs

keras.utils.set_random_seed(0)

"""
## Data

The package ships a few thousand MNIST digits. Each image is paired with another
one at random.
"""


def pair(examples, seed):
    images, labels = examples[0]["shape"], examples[1]
    if SMOKE:
        images, labels = images[:64], labels[:64]
    other = np.random.default_rng(seed).permutation(len(images))
    x = {"target": images, "distractor": images[other]}
    return x, labels, labels[other]


digits = load_colored_mnist()
x, y, _ = pair(digits.train, seed=0)
x_test, y_test, distractor_test = pair(digits.test, seed=1)
print({name: images.shape for name, images in x.items()})

"""
## Model

Each modality has an encoder, codebooks and a decoder. Each image becomes a
vector of 32 channels, quantized in groups of 4 channels; each group has its own
codebook. With a single codebook, any one channel that the mask keeps would
still tell which code was chosen.

Under Adam a mask weight moves by about the learning rate at each step, from 0.1
toward the threshold at 0.05. `strength` is how much a channel must be worth to
stay. `clip` keeps masked channels near the threshold, so they can come back if
the task finds a use for them.
"""

CHANNELS = 32
EPOCHS = 1 if SMOKE else 12


def create_model(**mask_options):
    image_shape = (28, 28, 1)
    return CMVQVAE(
        encoders={name: vector_encoder(image_shape, CHANNELS) for name in x},
        decoders={name: vector_decoder((CHANNELS,), image_shape) for name in x},
        quantizers=VectorQuantizer(num_embeddings=64, num_groups=CHANNELS // 4),
        mask=ComplementarityMask(**mask_options),
        head=keras.Sequential(
            [
                keras.layers.Dense(128, activation="relu"),
                keras.layers.Dense(10, activation="softmax"),
            ]
        ),
    )


def train(model):
    model.compile(
        keras.optimizers.Adam(1e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        x,
        y,
        validation_data=(x_test, y_test),
        batch_size=64,
        epochs=EPOCHS,
        callbacks=[ComplementarityLogger()],
        verbose=0,
    )
    logs = {name: values[-1] for name, values in history.history.items()}
    for name in (
        "val_accuracy",
        "complementary_target",
        "complementary_distractor",
        "zeta",
        "perplexity_target",
    ):
        print(f"{name}: {logs[name]:.3f}")
    return history


"""
## All features

Without a mask, every channel of both modalities goes to the task: the shares
are 50% and 50%, and zeta is 1.
"""

train(create_model(mode="none"))

"""
## Only what the task needs

With the mask, the channels of the distractor become contradictory, and so do
some of the target's, at a small cost in accuracy. Zeta, the smaller share
divided by the larger, goes to 0: these two modalities do not complement each
other.
"""

model = create_model(strength=3e-3, clip=(0.0, 0.2))
history = train(model)

plot_complementarity(history).savefig("cm_vqvae_shares.png")
plot_mask_weights(model.mask).savefig("cm_vqvae_mask.png")

"""
## What is kept, what is left

The decoders can show either part of the features. A probe measures both parts:
can a linear classifier tell which digit an image shows? For the distractor it
can, from the contradictory channels: they were left aside, not forgotten.
"""

for name in x:
    figure = plot_reconstructions(model, x_test, name)
    figure.savefig(f"cm_vqvae_{name}.png")

shown = {"target": y_test, "distractor": distractor_test}
half = len(y_test) // 2
for part in ("complementary", "contradictory"):
    features = model.features(x_test, part)
    for name, digit in shown.items():
        vectors = keras.ops.convert_to_numpy(features[name])
        probe = LogisticRegression(max_iter=1000)
        probe.fit(vectors[:half], digit[:half])
        accuracy = probe.score(vectors[half:], digit[half:])
        print(f"{name}, {part} features: {accuracy:.3f}")

"""
## For use

Decoders are only needed for training. `task_model()` returns the rest, a plain
Keras model.
"""

task_model = model.task_model()
print(task_model.count_params(), "of", model.count_params(), "weights")

shares = {n: float(s) for n, s in model.mask.complementary_shares().items()}
print(
    f"The mask keeps {shares['target']:.0f}% of the channels for the target "
    f"and {shares['distractor']:.0f}% for the distractor; zeta is "
    f"{float(model.mask.complementarity()):.2f}, and the test accuracy "
    f"{history.history['val_accuracy'][-1]:.0%}."
)
