"""
Title: When a modality is missing
Description: Train on examples that lack an input, and do without it in use.
Runs offline in half a minute on two cores.

## The question

Sensors fail. Some examples of the training data lack a modality, and in use a
different one may be missing. Most models are then given zeros, which they have
never seen. `layers.MissingModality` puts a learned token there instead.
`ModalityDropout` now and then removes a modality from complete examples, so a
token is also learned for the modality that is always present in training. How
much accuracy does that save?
"""

import importlib.util
import os
import sys

if importlib.util.find_spec("jax"):
    os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import keras_mmreg as mmreg

SMOKE = "--smoke" in sys.argv  # a single epoch, to test that it runs
EPOCHS = 1 if SMOKE else 40

keras.utils.set_random_seed(0)

"""
## The data

Two cameras look at a digit, one at its `left` half, one at its `right` half. In
a third of the training examples the right camera has failed, and all its values
are NaN. The left one never fails in training, but it may in use.
"""

digits = load_digits()
pixels = digits.images.astype("float32") / 16
halves = {"left": pixels[..., :4], "right": pixels[..., 4:]}
labels = digits.target
train, test = slice(0, 1300), slice(1300, None)

x_train = {name: half[train].copy() for name, half in halves.items()}
x_test = {name: half[test] for name, half in halves.items()}
fails = np.random.default_rng(0).random(1300) < 1 / 3
x_train["right"][fails] = np.nan


def without(name, x):
    return {**x, name: np.full_like(x[name], np.nan)}


"""
## Three models

All three use the same net. The first has the usual stopgap, zeros in place of
NaN. The second has a `MissingModality` after each input, which recognizes by
the NaN that an example lacks the modality. The third is the second, trained
with `ModalityDropout`: `value="nan"` tells those layers what was left out.
"""


@keras.saving.register_keras_serializable()
class ZerosForNaN(keras.layers.Layer):
    def call(self, x):
        return keras.ops.where(keras.ops.isnan(x), 0.0, x)


def build_model(stand_in):
    inputs = {name: keras.Input((8, 4), name=name) for name in halves}
    features = []
    for half in inputs.values():
        h = keras.layers.Flatten()(stand_in()(half))
        features.append(keras.layers.Dense(32, activation="relu")(h))
    h = keras.layers.Concatenate()(features)
    h = keras.layers.Dense(64, activation="relu")(h)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(h))


dropout = mmreg.regularizers.ModalityDropout(rate=0.3, value="nan")
models = {
    "zeros": build_model(ZerosForNaN),
    "learned tokens": build_model(mmreg.layers.MissingModality),
    "tokens + dropout": mmreg.models.RegularizedModel(
        build_model(mmreg.layers.MissingModality), dropout, seed=0
    ),
}
for model in models.values():
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x_train, labels[train], batch_size=32, epochs=EPOCHS, verbose=0)

"""
## What is left when a camera fails

NaN tells the models what is missing. A report says the same in sentences:
`mmreg.modality_report(model, (x_test, labels[test]), missing="nan")`.
"""

tests = {
    "complete": x_test,
    "without right": without("right", x_test),
    "without left": without("left", x_test),
}
accuracy = {
    name: [
        model.evaluate(x, labels[test], verbose=0, return_dict=True)["accuracy"]
        for x in tests.values()
    ]
    for name, model in models.items()
}
print(" " * 18 + "".join(f"{name:>15}" for name in tests))
for name, values in accuracy.items():
    print(f"{name:18}" + "".join(f"{value:15.1%}" for value in values))

figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
places = np.arange(len(tests))
for number, (name, values) in enumerate(accuracy.items()):
    shift = 0.26 * (number - 1)
    bars = ax.bar(places + shift, 100 * np.array(values), 0.24, label=name)
    ax.bar_label(bars, fmt="%.0f", fontsize="small")
ax.set_xticks(places, list(tests))
ax.set_ylabel("test accuracy in percent")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.18), ncols=3)
figure.savefig("missing.png", dpi=150)

zeros, tokens, both = accuracy.values()
print(
    "Without the camera that never failed in training, accuracy is "
    f"{zeros[2]:.0%} with zeros, {tokens[2]:.0%} with learned tokens and "
    f"{both[2]:.0%} with tokens and dropout. With both cameras it is "
    f"{zeros[0]:.0%}, {tokens[0]:.0%} and {both[0]:.0%}."
)
