"""
Title: Keeping every modality in use
Description: See a classifier ignore a modality, and fix it with one wrapper.
Runs offline in two minutes on two cores.
"""

"""
## The problem

A classifier on several modalities takes the easy way. Here, digits come with a
color, and the color gives the label away. The classifier soon reads only the
color, and fails once the color is gone, although it could have learned the
shape all along.
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

SMOKE = "--smoke" in sys.argv  # a very short run, to test that it works
COPIES, EPOCHS = (1, 1) if SMOKE else (4, 7)

keras.utils.set_random_seed(0)

"""
## The data

The package ships 6,000 MNIST digits, of which 1,000 are for testing. Each is
split into two modalities, its `shape` and its `color`. Shifted copies of the
images make the shape harder to learn, as it is in practice; the color stays as
easy as before.
"""

data = mmreg.datasets.load_colored_mnist()


def shifted(x, y, copies=COPIES, most=6, seed=0):
    """Copies of the examples with their shapes moved by a few pixels."""
    rng = np.random.default_rng(seed)
    shapes = []
    for _ in range(copies):
        moves = rng.integers(-most, most + 1, size=(len(y), 2))
        pairs = zip(x["shape"], moves, strict=True)
        shapes += [np.roll(image, move, axis=(0, 1)) for image, move in pairs]
    color = np.tile(x["color"], (copies, 1))
    return {"color": color, "shape": np.array(shapes)}, np.tile(y, copies)


"""
A tenth of the digits is held out from training. It is not used for model
selection: the noise below uses it to find out which modality predicts the label
by itself.
"""

(x_part, y_part), held_out = mmreg.callbacks.HeldOut.split(*data.train)
x_train, y_train = shifted(x_part, y_part)
x_validation, y_validation = data.validation

"""
## The model, in two forms

Any Keras model will do. A small convolutional net reads the shape, and the
color joins before the last layer: either raw, as three numbers, or through its
own encoder, as is more usual. Which form it has affects what helps.
"""


def build_model(color_encoder):
    color = keras.Input((3,), name="color")
    shape = keras.Input((28, 28, 1), name="shape")
    x = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(shape)
    x = keras.layers.Conv2D(32, 3, strides=2, activation="relu")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu")(x)
    seen = color
    if color_encoder:
        seen = keras.layers.Dense(32, activation="relu")(color)
    logits = keras.layers.Dense(10)(keras.layers.Concatenate()([x, seen]))
    return keras.Model({"color": color, "shape": shape}, logits)


"""
## Plain training, and two ways against the shortcut

`RegularizedModel` wraps a model and modifies its training steps.

- `penalty` is the paper's: a modality is perturbed, and the model pays if its
  prediction does not react. A quarter of each batch is enough. Its strength is
  set to a number here: the default, `"auto"`, would be safe but do little.
- `noise` adds noise in training to the modalities that predict the label by
  themselves, according to the held-out digits. Information coded in few
  numbers, as a shortcut often is, drowns in it. The scale is the one that
  validation data choose for such digits in the comparison of all methods
  (`applications/comparison`).
"""


def regularized(inner, method):
    if method == "plain":
        return inner, []
    if method == "penalty":
        penalty = mmreg.regularizers.FisherInformation(
            strength=0.1, bound="paper", fraction=0.25
        )
        return mmreg.models.RegularizedModel(inner, penalty, seed=0), []
    noise = mmreg.regularizers.ModalityNoise(scale=1.5)
    model = mmreg.models.RegularizedModel(inner, noise, seed=0)
    return model, [mmreg.callbacks.HeldOut(held_out)]


# All batches have this size: a different size would be compiled again.
BATCH_SIZE = 60
FORMS = {"raw color": False, "encoded color": True}
METHODS = ["plain", "penalty", "noise"]
if SMOKE:
    del FORMS["raw color"], METHODS[1]
models, curves = {}, {}
for form, color_encoder in FORMS.items():
    for method in METHODS:
        print(f"{form}, {method}: compiles for a moment, then trains ...")
        keras.utils.set_random_seed(0)
        model, callbacks = regularized(build_model(color_encoder), method)
        model.compile(
            optimizer=keras.optimizers.Adam(1e-2),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        logger = mmreg.callbacks.ShuffledModalityLogger(
            (x_validation, y_validation), ["color"], batch_size=1000
        )
        history = model.fit(
            x_train,
            y_train,
            validation_data=(x_validation, y_validation),
            batch_size=BATCH_SIZE,
            epochs=EPOCHS,
            callbacks=[logger, *callbacks],
            verbose=0,
        )
        models[form, method] = model
        curves[form, method] = history.history

"""
## What the models have learned

In color the models look alike: a test set of the same kind does not show the
flaw. Shuffling the color between the validation digits does show it. So do
digits in gray (black, mid-gray and white in turn), which no model has seen.

The share of information does not show the flaw: even a failing model reacts to
noise on the shape. Read the share beside the accuracies, not instead of them.
"""


def accuracy(model, examples):
    x, y = examples
    predictions = model.predict(x, batch_size=1000, verbose=0)
    return float(np.mean(np.argmax(predictions, axis=-1) == y))


shuffled = mmreg.datasets.permute_colors(x_validation), y_validation
columns = ("intact", "shuffled", "in gray", "shape's share")
rows = {}
print(" " * 24 + "".join(f"{column:>14}" for column in columns))
for (form, method), model in models.items():
    information = mmreg.modality_information(
        model, x_validation, batch_size=500
    )
    rows[form, method] = (
        accuracy(model, data.validation),
        accuracy(model, shuffled),
        np.mean([accuracy(model, test) for test in data.test_gray.values()]),
        information["shape"] / sum(information.values()),
    )
    values = "".join(f"{value:14.1%}" for value in rows[form, method])
    print(f"{form:15} {method:8}{values}")

figure, axes = plt.subplots(
    1, len(FORMS), figsize=(9, 3.6), sharey=True, layout="constrained"
)
for ax, form in zip(np.ravel(axes), FORMS, strict=True):
    mmreg.visualization.plot_training_curves(
        {method: curves[form, method] for method in METHODS},
        metric="val_shuffled_color_accuracy",
        ax=ax,
    )
    ax.set(xlabel=f"Epoch, {form}", ylabel="")
figure.supylabel("Accuracy, colors shuffled", fontsize="medium")
figure.savefig("quickstart.png", dpi=150)

for form in FORMS:
    gray = {method: rows[form, method][2] for method in METHODS}
    read = ", ".join(f"{name} {value:.0%}" for name, value in gray.items())
    best = max(gray, key=gray.get)
    print(
        f"With the {form}, this share of the gray digits is classified "
        f"correctly: {read}. The best model is {best}."
    )

"""
## Where to go from here

`models["raw color", "noise"].inner` is a plain Keras model that you can save
or deploy. For any model, `mmreg.modality_report` says in sentences which
modality it rests on. The README's "What should I do?" shows what helped where.
"""
