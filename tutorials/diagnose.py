"""
Title: A model that someone else trained
Description: Ask a saved model which of its inputs it rests on, and fix it.
Runs offline in about a minute on two cores.

## The question

You are handed a model file and told that the model is 99% right. It reads two
inputs. Which of them does it use, and what happens when that input cannot be
trusted? `modality_report` answers for any Keras model, using held-out data. It
needs neither the code nor the training data of the model.
"""

import importlib.util
import os
import sys

if importlib.util.find_spec("jax"):
    os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_mmreg as mmreg

SMOKE = "--smoke" in sys.argv  # a single epoch, to test that it runs
EPOCHS = 1 if SMOKE else 8

keras.utils.set_random_seed(0)

"""
## The model in the file

To have such a file, we make one: a net for digits whose color gives the label
away, with an encoder for the `shape` and one for the `color`. In the training
images the digits are not centered, so they are harder to read than the color.
"""


def encoded_shape(shape):
    x = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(shape)
    x = keras.layers.Conv2D(32, 3, strides=2, activation="relu")(x)
    x = keras.layers.Flatten()(x)
    return keras.layers.Dense(64, activation="relu")(x)


def train(model, data, **kwargs):
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(*data, batch_size=128, epochs=EPOCHS, verbose=0, **kwargs)


color = keras.Input((3,), name="color")
shape = keras.Input((28, 28, 1), name="shape")
x = keras.layers.Dense(32, activation="relu")(color)
x = keras.layers.Concatenate()([x, encoded_shape(shape)])
logits = keras.layers.Dense(10)(x)


def moved(x, y, copies=2):
    moves = np.random.default_rng(0).integers(-6, 7, (copies * len(y), 2))
    x = {name: np.repeat(values, copies, axis=0) for name, values in x.items()}
    pairs = zip(x["shape"], moves, strict=True)
    shapes = [np.roll(image, move, axis=(0, 1)) for image, move in pairs]
    return {**x, "shape": np.array(shapes)}, np.repeat(y, copies)


digits = mmreg.datasets.load_colored_mnist()
someones = keras.Model({"color": color, "shape": shape}, logits, name="theirs")
train(someones, moved(*digits.train))
someones.save("someones.keras")

"""
## The diagnosis

A saved model is compiled, so the report knows its loss and its metric. Each
modality is shuffled between the digits: its values are still of the kind the
model knows, but say nothing about the label.
"""

model = keras.saving.load_model("someones.keras")
before = mmreg.modality_report(model, digits.validation, batch_size=500)
print(before.summary())
before.to_html("diagnosis.html")  # the same as a page, to hand on

"""
## The recipe

The architecture is in the file, so we can train the model again from scratch:
now under noise (`"noise"`) and on digits whose modalities come from different
examples (`"mix"`). Both ask a gate which modalities predict the label by
themselves. The gate is measured on a tenth of the training data, which is held
out for it.
"""

mended = mmreg.models.RegularizedModel(
    keras.models.clone_model(model), ["noise", "mix"], seed=0
)
rest, held_out = mmreg.callbacks.HeldOut.split(*digits.train)
train(mended, moved(*rest), callbacks=[mmreg.callbacks.HeldOut(held_out)])
mended.inner.save("mended.keras")  # a plain Keras model, like the first one

after = mmreg.modality_report(mended, digits.validation, batch_size=500)
print(after.summary())

"""
## Before and after
"""

figure, axes = plt.subplots(2, figsize=(6.4, 6.0), layout="constrained")
for ax, title, report in zip(
    axes, ("as it came", "trained anew"), (before, after), strict=True
):
    report.plot(ax)
    ax.set_title(title, loc="left", fontsize="medium")
axes[1].get_legend().remove()
figure.savefig("diagnose.png", dpi=150)

print(
    "As it came, the model loses "
    f"{100 * before.shuffled['color'].cost:.0f} points when the color is "
    f"shuffled; retrained, {100 * after.shuffled['color'].cost:.0f}. With both "
    f"inputs intact, its accuracy is {before.intact.value:.1%} as it came and "
    f"{after.intact.value:.1%} retrained."
)
