"""
Title: Three modalities and more
Description: What is each of four sensors worth, alone and beside the others?
Runs offline in half a minute on two cores.

## The question

With two modalities, it is enough to see what is lost when either is shuffled.
With four, that misleads: if two sensors say the same, neither seems to matter,
because the other stands in for it. How much is each worth, then, and which one
could you do without? The Shapley value answers this: it is what a modality adds
to the accuracy, on average over all subsets of the others.
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
EPOCHS = 1 if SMOKE else 30

keras.utils.set_random_seed(0)

"""
## The data

Three sensors each see a strip of a digit: its `top`, its `middle` and its
`bottom`. A fourth one, `hum`, records noise. Nothing in the package depends on
the number of modalities: a dict of inputs is all it takes. (If a modality has
several tensors, such as the ids and mask of a text, they are a dict in that
dict.)
"""

digits = load_digits()
pixels = digits.images.astype("float32") / 16
labels = digits.target
hum = np.random.default_rng(0).random((len(labels), 3, 8)).astype("float32")
sensors = {
    "top": pixels[:, 0:3],
    "middle": pixels[:, 3:5],
    "bottom": pixels[:, 5:8],
    "hum": hum,
}


def part(which):
    return {name: x[which] for name, x in sensors.items()}, labels[which]


train, held_out = mmreg.callbacks.HeldOut.split(*part(slice(0, 1000)))
test = part(slice(1000, None))

"""
## Plain training, and mixing

`"mix"` trains on examples whose modalities come from different digits, and asks
for the average of their labels. It works for any number of modalities: those
that predict the label by themselves get equal shares, the others none.
"""


def build_model():
    inputs = {
        name: keras.Input(x.shape[1:], name=name) for name, x in sensors.items()
    }
    features = [
        keras.layers.Dense(32, activation="relu")(keras.layers.Flatten()(x))
        for x in inputs.values()
    ]
    x = keras.layers.Concatenate()(features)
    x = keras.layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))


mixed = mmreg.models.RegularizedModel(build_model(), "mix", seed=0)
models = {"plain": build_model(), "mix": mixed}
callbacks = {"mix": [mmreg.callbacks.HeldOut(held_out)]}
for name, model in models.items():
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    history = model.fit(
        *train,
        batch_size=32,
        epochs=EPOCHS,
        callbacks=callbacks.get(name),
        verbose=0,
    )

print("How well each predicts the label by itself, on held-out digits:")
for name in sensors:
    print(f"{name:8}{history.history[f'gate_{name}'][-1]:6.2f}")

"""
## What each is worth

Four modalities have sixteen subsets. `include="subsets"` evaluates each of them
(absent modalities are shuffled), at sixteen times the cost of `predict`.
"""

reports = {
    name: mmreg.modality_report(
        model, test, include="subsets", num_bootstraps=200, batch_size=500
    )
    for name, model in models.items()
}
for name, report in reports.items():
    print(f"\n{name}: intact {report.intact.value:.1%}")
    print(f"{'':8}{'shuffled costs':>16}{'alone':>8}{'worth':>8}")
    for sensor, worth in report.shapley.items():
        print(
            f"{sensor:8}{report.shuffled[sensor].cost:16.1%}"
            f"{report.alone[sensor].value:8.1%}{worth.value:8.1%}"
        )

"""
## In a figure

The values of a model add up to its gain over chance.
"""

figure, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
places = np.arange(len(sensors))
for number, (name, report) in enumerate(reports.items()):
    worth = [report.shapley[sensor] for sensor in sensors]
    values = np.array([each.value for each in worth])
    errors = [
        values - [each.low for each in worth],
        [each.high for each in worth] - values,
    ]
    ax.bar(
        places + 0.4 * (number - 0.5),
        100 * values,
        0.36,
        yerr=100 * np.abs(errors),
        capsize=3,
        label=name,
    )
ax.axhline(0, color="black", linewidth=0.8)
ax.set_xticks(places, list(sensors))
ax.set_ylabel("worth in points of accuracy")
ax.spines[["top", "right"]].set_visible(False)
ax.legend()
figure.savefig("three_modalities.png", dpi=150)

shapley = reports["plain"].shapley
ranked = sorted(shapley, key=lambda name: shapley[name].value, reverse=True)
costliest = {
    name: max(shuffled.cost for shuffled in report.shuffled.values())
    for name, report in reports.items()
}
print(
    f"\n`{ranked[0]}` is worth most ({100 * shapley[ranked[0]].value:.0f} "
    f"points), `{ranked[-1]}` least ({100 * shapley[ranked[-1]].value:.0f}). "
    "Losing one sensor costs the plain model up to "
    f"{100 * costliest['plain']:.0f} points and the mixed model up to "
    f"{100 * costliest['mix']:.0f}. With all sensors, their accuracy is "
    f"{reports['plain'].intact.value:.0%} and "
    f"{reports['mix'].intact.value:.0%}."
)
