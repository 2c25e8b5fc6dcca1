"""
Title: Segmentation with CM-VQVAE
Description: Color, depth and a camera that looks elsewhere: which features
    does a segmentation need?
Runs offline in about a minute and a half on two cores.

## The question

A room is filmed in color and in depth. Some of its colored shapes are
objects, called things here; others are posters on the wall. Depth identifies
the things, color identifies the kind, and the class of a pixel takes both. A
third camera, `thermal`, is mounted the wrong way round and shows another room.
Which features does the segmentation need, and does the *complementarity mask*
find out (`tutorials/cm_vqvae.py` explains it)?
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
from keras_mmreg.models.cm_vqvae import image_decoder
from keras_mmreg.models.cm_vqvae import image_encoder
from keras_mmreg.models.cm_vqvae import segmentation_head

SMOKE = "--smoke" in sys.argv  # a few rooms, to test that it runs
ROOMS = 32 if SMOKE else 600
EPOCHS = 1 if SMOKE else 12
SIZE = 24

keras.utils.set_random_seed(0)

"""
## The data

Each room has two discs that stand in it and two that are painted on the wall,
each red or blue. The classes are wall, red thing and blue thing.
"""

CLASSES = ("wall", "red thing", "blue thing")


def draw_rooms(count, seed):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    color = np.full((count, SIZE, SIZE, 3), 0.5)
    depth = np.ones((count, SIZE, SIZE, 1))
    labels = np.zeros((count, SIZE, SIZE), int)
    for room in range(count):
        for is_thing in (False, False, True, True):
            row, column = rng.integers(4, SIZE - 4, 2)
            radius = rng.integers(3, 6)
            disc = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
            is_blue = rng.random() < 0.5
            color[room, disc] = (0.2, 0.3, 0.8) if is_blue else (0.8, 0.3, 0.2)
            if is_thing:
                depth[room, disc] = rng.uniform(0.2, 0.6)
                labels[room, disc] = 2 if is_blue else 1
    color += 0.05 * rng.standard_normal(color.shape)
    depth += 0.05 * rng.standard_normal(depth.shape)
    rooms = {"color": color, "depth": depth}
    return {n: x.astype("float32") for n, x in rooms.items()}, labels


def with_thermal(rooms, seed):
    """A third modality: the depth of other rooms."""
    x, labels = rooms
    order = np.random.default_rng(seed).permutation(len(labels))
    return {**x, "thermal": 1 - x["depth"][order]}, labels


train = with_thermal(draw_rooms(ROOMS, seed=0), seed=0)
test = with_thermal(draw_rooms(200, seed=1), seed=1)

"""
## The model

The model has an encoder and a decoder for each camera, codebooks, the mask, and
a head that classifies each pixel. Keeping a channel costs nothing in the first
epochs and a little after that, so the task is half learned when the mask has to
choose. With a cost from the first step, the mask would close before that.

After training, a report shuffles each camera between the rooms. Without a
compiled metric, its score for such outputs is the mean intersection over union
(mIoU).
"""

CHANNELS = 16
FEATURES = (SIZE // 4, SIZE // 4)
small = {
    "hidden_channels": 24,
    "num_residual_blocks": 1,
    "residual_channels": 12,
}


def create_model(**mask_options):
    shapes = {name: images.shape[1:] for name, images in train[0].items()}
    return mmreg.models.CMVQVAE(
        encoders={
            name: image_encoder(shape, CHANNELS, **small)
            for name, shape in shapes.items()
        },
        decoders={
            name: image_decoder((*FEATURES, CHANNELS), shape[-1], **small)
            for name, shape in shapes.items()
        },
        quantizers=mmreg.layers.VectorQuantizer(64, num_groups=4),
        mask=mmreg.layers.ComplementarityMask(**mask_options),
        head=segmentation_head(
            (*FEATURES, len(shapes) * CHANNELS),
            len(CLASSES),
            activation=None,
            **small,
        ),
    )


def fit(model):
    model.compile(
        keras.optimizers.Adam(2e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model.fit(
        *train,
        batch_size=16,
        epochs=EPOCHS,
        callbacks=[mmreg.callbacks.ComplementarityLogger()],
        verbose=0,
    )


MASKS = {
    "all features": {"mode": "none"},
    "masked": {
        "strength": 3e-4,
        "clip": (0.0, 0.2),
        "schedule": mmreg.schedules.LinearRamp(150, 150, unit="step"),
    },
}
if SMOKE:
    del MASKS["all features"]

models = {name: create_model(**options) for name, options in MASKS.items()}
histories = {name: fit(model) for name, model in models.items()}

"""
## What is kept, and what it is worth
"""

reports = {
    name: mmreg.modality_report(model, test, num_bootstraps=50, batch_size=100)
    for name, model in models.items()
}
for name, report in reports.items():
    shares = models[name].mask.complementary_shares()
    print(f"\n{name}: mIoU {report.intact.value:.3f}")
    for camera, shuffled in report.shuffled.items():
        print(
            f"  {camera:8} shuffled {shuffled.value:.3f}, "
            f"{float(shares[camera]):.0f}% of all channels kept"
        )

model = models["masked"]
x = {name: images[:4] for name, images in test[0].items()}
classes = np.argmax(model.predict(x, verbose=0), axis=-1)
kept = model.reconstruct(x, features="complementary")
columns = {
    "color": x["color"],
    "depth": x["depth"],
    "thermal": x["thermal"],
    "thermal, kept": keras.ops.convert_to_numpy(kept["thermal"]),
    "truth": test[1][:4],
    "prediction": classes,
}
figure, axes = plt.subplots(
    4, len(columns), figsize=(6.4, 4.6), layout="constrained"
)
for column, (title, images) in enumerate(columns.items()):
    for ax, image in zip(axes[:, column], images, strict=True):
        is_label = image.ndim == 2
        ax.imshow(
            np.clip(np.squeeze(image), 0, 2 if is_label else 1),
            cmap="viridis" if is_label else "gray",
            vmin=0,
            vmax=2 if is_label else 1,
        )
        ax.set_axis_off()
    axes[0, column].set_title(title, fontsize="medium")
figure.savefig("segmentation.png", dpi=150)
mmreg.visualization.plot_complementarity(histories["masked"]).savefig(
    "segmentation_shares.png", dpi=150
)

shares = {n: float(s) for n, s in model.mask.complementary_shares().items()}
print(
    "\nOf all channels, the mask keeps "
    + ", ".join(f"{s:.0f}% ({name})" for name, s in shares.items())
    + "; the mIoU is "
    + ", ".join(f"{r.intact.value:.2f} ({n})" for n, r in reports.items())
    + "."
)
