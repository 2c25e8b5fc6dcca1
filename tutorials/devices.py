"""
Title: Several devices
Description: The same training on one device and on four, backend by backend.
Runs offline in half a minute on two cores.

## The question

With each backend, Keras trains on several devices in a different way. A
`RegularizedModel` is a Keras model, so it works there, too. But does it learn
the same? A penalty is a mean over the batch, noise is drawn for the batch, and
the batch is now split into four parts. Here JAX shows the answer on one
machine: XLA can treat one processor as four.
"""

import importlib.util
import os
import sys

if importlib.util.find_spec("jax"):
    os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

DEVICES = 4
os.environ["XLA_FLAGS"] = (  # before JAX is imported
    f"{os.environ.get('XLA_FLAGS', '')} "
    f"--xla_force_host_platform_device_count={DEVICES}"
)

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import keras_mmreg as mmreg

SMOKE = "--smoke" in sys.argv  # a single epoch, to test that it runs
EPOCHS = 1 if SMOKE else 15

if keras.config.backend() != "jax":
    sys.exit("This tutorial runs on JAX: set KERAS_BACKEND=jax.")

"""
## Data and model

The data are scikit-learn's digits with a color that gives the label away, and
the method is the paper's penalty. JAX requires that every batch, including the
last, can be split evenly over the devices, so the number of digits is a
multiple of the batch size.
"""

digits = load_digits()
images, y = digits.images[:1792] / 16, digits.target[:1792]
x = mmreg.datasets.colorize(images, y)


def build_model():
    color = keras.Input((3,), name="color")
    shape = keras.Input((8, 8, 1), name="shape")
    h = keras.layers.Flatten()(shape)
    h = keras.layers.Dense(64, activation="relu")(h)
    h = keras.layers.Concatenate()([h, color])
    outputs = keras.layers.Dense(10, activation="softmax")(h)
    inner = keras.Model({"color": color, "shape": shape}, outputs)
    penalty = mmreg.regularizers.FisherInformation(0.01, bound="paper")
    model = mmreg.models.RegularizedModel(inner, penalty, seed=0)
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def train():
    keras.utils.set_random_seed(0)
    model = build_model()
    history = model.fit(
        x, y, batch_size=64, epochs=EPOCHS, shuffle=False, verbose=0
    )
    return model, history.history


"""
## JAX

It takes one line before the model is built. `DataParallel` splits each batch
over all devices and keeps a copy of the weights on each. There is still one
program, with one noise for the whole batch and one mean over it.
"""

alone, history_alone = train()

keras.distribution.set_distribution(keras.distribution.DataParallel())
together, history_together = train()
print("Trained on", len(keras.distribution.list_devices()), "devices")

"""
## TensorFlow

Build and compile the model in the scope of a strategy; `fit` does not change.
Each replica draws its own noise for its part of the batch.

    strategy = tf.distribute.MirroredStrategy()  # all GPUs of the machine
    with strategy.scope():
        model = mmreg.models.RegularizedModel(build_inner(), "fisher")
        model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(dataset.batch(256), epochs=10)  # 256 over all replicas

## torch

Keras has no `fit` for several torch devices. You write the loop yourself, as in
Keras's guide on distributed training with torch. `compute_loss` adds the
penalties, and `DistributedDataParallel` takes the mean of the gradients. Each
device has one process, started by `torchrun --nproc-per-node=4 train.py`:

    torch.distributed.init_process_group("nccl")
    rank = torch.distributed.get_rank()
    model = mmreg.models.RegularizedModel(build_inner(), "fisher").to(rank)
    model.compile("adam", "sparse_categorical_crossentropy")
    parallel = torch.nn.parallel.DistributedDataParallel(model, [rank])
    optimizer = torch.optim.Adam(model.parameters())
    sampler = torch.utils.data.distributed.DistributedSampler(dataset)
    for x, y in torch.utils.data.DataLoader(dataset, 64, sampler=sampler):
        outputs = parallel(x, training=True)
        loss = model.compute_loss(x, y, outputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

## Was it the same training?
"""

difference = max(
    float(np.abs(np.asarray(one) - np.asarray(other)).max())
    for one, other in zip(
        alone.inner.get_weights(), together.inner.get_weights(), strict=True
    )
)
figure, axes = plt.subplots(2, figsize=(6.4, 4.6), layout="constrained")
for ax, name in zip(axes, ("loss", "penalty"), strict=True):
    epochs = range(1, EPOCHS + 1)
    ax.plot(epochs, history_alone[name], lw=5, alpha=0.4, label="one device")
    ax.plot(epochs, history_together[name], "k--", label=f"{DEVICES} devices")
    ax.set_ylabel(name)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend()
axes[1].set_xlabel("epoch")
figure.savefig("devices.png", dpi=150)

print(
    f"After {EPOCHS} epochs, the weights on {DEVICES} devices differ from "
    f"those on one device by {difference:.1e} at most. The losses are "
    f"{history_together['loss'][-1]:.4f} and {history_alone['loss'][-1]:.4f}."
)
