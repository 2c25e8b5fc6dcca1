"""
Title: Watching training in TensorBoard
Description: Zeta, information and shuffled accuracy beside the loss.
Runs offline in a minute on two cores; needs TensorBoard.

## The question

The loss goes down and validation accuracy goes up. Nothing shows that the model
has stopped reading one of its inputs. What would show it? The loggers of
`keras_mmreg.callbacks` add numbers to the logs of `fit`, where TensorBoard,
`CSVLogger`, `EarlyStopping` and `ModelCheckpoint` find them.
"""

import importlib.util
import os
import sys

if importlib.util.find_spec("jax"):
    os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import pathlib
import shutil
import warnings

for name in ("tensorboard", "tensorflow"):  # which writes TensorBoard's files
    if importlib.util.find_spec(name) is None:
        sys.exit(f'This tutorial needs {name}: pip install -e ".[all]"')

import keras
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)
from tensorboard.util.tensor_util import make_ndarray

import keras_mmreg as mmreg
from keras_mmreg.models.cm_vqvae import vector_decoder
from keras_mmreg.models.cm_vqvae import vector_encoder

SMOKE = "--smoke" in sys.argv  # a single epoch, to test that it runs
EPOCHS = 1 if SMOKE else 30
LOGS = pathlib.Path("tensorboard_logs")

keras.utils.set_random_seed(0)
shutil.rmtree(LOGS, ignore_errors=True)
LOGS.mkdir()

"""
## Data and model

The data are scikit-learn's digits with a color that gives the label away. The
model is a CM-VQVAE: its mask decides which channels of either modality the task
sees.
"""

digits = load_digits()
x = mmreg.datasets.colorize(digits.images / 16, digits.target)


def part(which):
    return {n: values[which] for n, values in x.items()}, digits.target[which]


train, validation = part(slice(0, 1200)), part(slice(1200, None))
model = mmreg.models.CMVQVAE(
    encoders={
        "color": vector_encoder((3,), channels=16, hidden_units=32),
        "shape": vector_encoder((8, 8, 1), channels=16),
    },
    decoders={
        "color": vector_decoder((16,), (3,), hidden_units=32),
        "shape": vector_decoder((16,), (8, 8, 1)),
    },
    quantizers=mmreg.layers.VectorQuantizer(32, num_groups=4),
    mask=mmreg.layers.ComplementarityMask(strength=3e-3, clip=(0.0, 0.2)),
    head=keras.layers.Dense(10, activation="softmax"),
)
model.compile(
    keras.optimizers.Adam(3e-3),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

"""
## The order of callbacks

Keras calls callbacks in the order of the list, and each sees what the callbacks
before it have added to the logs. So loggers come first, and callbacks that
write or monitor logs come after them. If the order is wrong, `fit` says so:
"""

board = keras.callbacks.TensorBoard(LOGS)
loggers = [
    mmreg.callbacks.ShuffledModalityLogger(validation, batch_size=600),
    mmreg.callbacks.InformationLogger(validation[0], batch_size=600),
    mmreg.callbacks.ComplementarityLogger(),
    mmreg.callbacks.ReportLogger(validation, frequency=5, batch_size=600),
]

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", UserWarning)
    wrong = [keras.callbacks.CSVLogger(LOGS / "wrong.csv"), loggers[2]]
    model.fit(*train, epochs=1, steps_per_epoch=1, callbacks=wrong, verbose=0)
print(*(w.message for w in caught if w.category is UserWarning), sep="\n")

"""
Here is the right order, with a checkpoint of the epoch with the best accuracy
when a modality is shuffled. `val_balanced_accuracy` is not one of Keras's own
metrics, so `mode` has to say that higher is better.
"""

best = keras.callbacks.ModelCheckpoint(
    LOGS / "balanced.weights.h5",
    monitor="val_balanced_accuracy",
    mode="max",
    save_best_only=True,
    save_weights_only=True,
)
model.fit(
    *train,
    validation_data=validation,
    batch_size=64,
    epochs=EPOCHS,
    callbacks=[*loggers, board, best],
    verbose=0,
)

"""
## What TensorBoard has

`tensorboard --logdir tensorboard_logs` shows it in a browser. Here we read the
same files with TensorBoard's own reader. Names that begin with `val_` are among
the curves of `validation`, the rest among those of `train`.
"""

curves = {}
for folder, prefix in (("train", ""), ("validation", "val_")):
    events = EventAccumulator(str(LOGS / folder), {"tensors": 0})
    events.Reload()
    for tag in events.Tags()["tensors"]:
        if tag.startswith("epoch_"):
            curves[prefix + tag.removeprefix("epoch_")] = {
                event.step + 1: float(make_ndarray(event.tensor_proto))
                for event in events.Tensors(tag)
            }
print(len(curves), "curves, among them:")
panels = {
    "accuracy, shuffled": [
        "val_shuffled_color_accuracy",
        "val_shuffled_shape_accuracy",
    ],
    "share of information": [
        "information_share_color",
        "information_share_shape",
    ],
    "percent of the channels that the mask keeps": [
        "complementary_color",
        "complementary_shape",
    ],
    "zeta": ["zeta"],
    "report, every fifth epoch": [
        "report_missing_color",
        "report_missing_shape",
    ],
}
for names in panels.values():
    for name in names:
        steps = curves[name]
        print(f"{name:30}{steps[min(steps)]:8.3f} ->{steps[max(steps)]:8.3f}")

figure, axes = plt.subplots(
    len(panels), figsize=(6.4, 9.0), sharex=True, layout="constrained"
)
for ax, (title, names) in zip(axes, panels.items(), strict=True):
    for name in names:
        points = curves[name]
        marker = "o" if len(points) < EPOCHS else None
        ax.plot(list(points), list(points.values()), marker=marker, label=name)
    ax.set_title(title, loc="left", fontsize="medium")
    ax.legend(fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)
axes[-1].set_xlabel("epoch")
figure.savefig("watching.png", dpi=150)

shuffled, intact = curves["val_shuffled_color_accuracy"], curves["val_accuracy"]
best_epoch = max(shuffled, key=shuffled.get)
zeta = curves["zeta"]
print(
    f"From epoch {best_epoch} to epoch {EPOCHS}, validation accuracy goes from "
    f"{intact[best_epoch]:.0%} to {intact[EPOCHS]:.0%}. With the colors "
    f"shuffled, it goes from {shuffled[best_epoch]:.0%} to "
    f"{shuffled[EPOCHS]:.0%}, and zeta goes from {zeta[best_epoch]:.2f} to "
    f"{zeta[EPOCHS]:.2f}."
)
