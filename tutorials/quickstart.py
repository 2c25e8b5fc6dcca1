"""
Title: Keeping every modality in use
Description: See a classifier ignore a modality, and mend it with one wrapper.
Runs offline in two minutes on two cores.
"""

"""
## The problem

A classifier on several modalities takes the easy way. Here, digits come with a
colour, and the colour gives the label away. The classifier soon reads nothing
but the colour, and fails once the colour is gone, although the shape was there
to be learned all along.
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

SMOKE = "--smoke" in sys.argv  # a moment of it, to test that it runs
COPIES, EPOCHS = (1, 1) if SMOKE else (4, 7)

keras.utils.set_random_seed(0)

"""
## The data

5,000 MNIST digits are shipped with the package. Each is split in two
modalities, its `shape` and its `color`. Shifted copies of the images make the
shape harder to learn, as it is in practice; the colour stays as easy as it was.
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
A tenth of the digits is held out from training. It is not for choosing
anything: the noise below asks it which modality tells the label by itself.
"""

(x_part, y_part), held_out = mmreg.callbacks.HeldOut.split(*data.train)
x_train, y_train = shifted(x_part, y_part)
x_validation, y_validation = data.validation

"""
## The model, in two forms

Any Keras model will do. A small convolutional net reads the shape, and the
colour joins before the last layer: raw, as three numbers, or through an encoder
of its own, as is more usual. It makes a difference to what helps.
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

`RegularizedModel` wraps a model, and acts on the steps of its training.

- `penalty` is the paper's: a modality is perturbed, and the model pays when its
  prediction does not react. A quarter of each batch is enough. Its strength is
  given by number: at the default, `"auto"`, it would be safe and do little.
- `noise` trains under noise on the modalities that tell the label by
  themselves, as the held-out digits say. What is coded in few numbers, as a
  shortcut often is, drowns in it. Its scale is what validation data choose for
  such digits in the comparison of all methods (`applications/comparison`).
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


# All batches are of this size: another one would be compiled anew.
BATCH_SIZE = 60
FORMS = {"raw colour": False, "encoded colour": True}
METHODS = ["plain", "penalty", "noise"]
if SMOKE:
    del FORMS["raw colour"], METHODS[1]
models, curves = {}, {}
for form, color_encoder in FORMS.items():
    for method in METHODS:
        print(f"{form}, {method}: compiling takes a moment, then epochs ...")
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
## What they have learned

In colour the models look alike: a test set of the same kind does not show the
flaw. Shuffling the colour between the validation digits does, and so do digits
in gray (black, mid-gray and white in turn), which no model has seen.

The share of information does not: the prediction reacts to noise on the shape
in a failing model, too. Read it beside the accuracies, not in their place.
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
figure.supylabel("Accuracy, colours shuffled", fontsize="medium")
figure.savefig("quickstart.png", dpi=150)

for form in FORMS:
    gray = {method: rows[form, method][2] for method in METHODS}
    read = ", ".join(f"{name} {value:.0%}" for name, value in gray.items())
    best = max(gray, key=gray.get)
    print(
        f"With {form}, this part of the gray digits is read right: {read}. The "
        f"best is the {best} model."
    )

"""
## Where to go from here

`models["raw colour", "noise"].inner` is a plain Keras model, to save or to
deploy.
`mmreg.modality_report` says of any model which modality it rests on, in
sentences. The README's "What should I do?" tells what helped where.
"""
