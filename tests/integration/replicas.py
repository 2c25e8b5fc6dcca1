"""What is trained on one device and on several, and how far they are apart.

Scripts next to this file run it, in processes of their own: the number of
devices is fixed when a backend starts.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

import keras_mmreg as mmreg
from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models import CMVQVAE
from keras_mmreg.models import RegularizedModel
from tests.toys import LOGITS_LOSS

Dense = keras.layers.Dense
ALL = tuple(mmreg.regularizers.ALIASES)
# One of each kind of state and of statistics.
SOME = (
    "fisher",
    "noise",
    "mix",
    "unimodal",
    "dependence",
    "modulation",
    "prototypes",
)
TAPS = {"audio": "ear", "image": "eye"}
# On TensorFlow, XLA does not know the collectives of CPUs.
JIT_COMPILE = keras.config.backend() == "jax"
# The last batch is smaller, of one example on each of four devices.
NUM_EXAMPLES, BATCH_SIZE = 28, 8
# Where two codes restart at one vector, rounding decides which one is chosen,
# and so does the number of devices. With these seeds, the nearest code is
# nearer than all others by 0.009 at least.
SEEDS_WITHOUT_TIES = {"jax": 2, "tensorflow": 5, "torch": 0}


def data(num_examples: int = NUM_EXAMPLES) -> tuple[dict, np.ndarray]:
    """Two modalities, of which one tells the label."""
    random = np.random.default_rng(0)
    y = random.integers(3, size=num_examples)
    audio = random.normal(size=(num_examples, 4)) + np.eye(3, 4)[y]
    image = random.normal(size=(num_examples, 5))
    return {
        "audio": audio.astype("float32"),
        "image": image.astype("float32"),
    }, y


class Subclassed(keras.Model):
    """A model whose graph does not show."""

    def __init__(self):
        super().__init__()
        self.ear = Dense(4, activation="tanh", name="ear")
        self.eye = Dense(4, activation="tanh", name="eye")
        self.head = Dense(3)

    def call(self, inputs):
        features = [self.ear(inputs["audio"]), self.eye(inputs["image"])]
        return self.head(ops.concatenate(features, axis=-1))


def functional() -> keras.Model:
    audio = keras.Input((4,), name="audio")
    image = keras.Input((5,), name="image")
    heard = Dense(4, activation="tanh", name="ear")(audio)
    seen = Dense(4, activation="tanh", name="eye")(image)
    merged = keras.layers.Concatenate()([heard, seen])
    inputs = {"audio": audio, "image": image}
    return keras.Model(inputs, Dense(3, name="head")(merged))


def create_methods(names: Sequence[str]) -> list:
    """The methods of these names, on whole batches and with an open gate."""
    methods = [mmreg.regularizers.get(name) for name in names]
    for method in methods:
        method.fraction = 1.0
        if method.name == "unimodal":
            method.value = "mean"
        if method.name == "dropout":  # With fixed draws, nothing.
            method.rate = 0.01
    if any(method.uses_gate for method in methods):
        methods.append(mmreg.regularizers.ModalityGate(threshold=0.0))
    return methods


def regularized(
    inner: keras.Model, names: Sequence[str], seed: int = 0
) -> RegularizedModel:
    model = RegularizedModel(inner, create_methods(names), taps=TAPS, seed=seed)
    model.compile(
        keras.optimizers.SGD(0.05),
        LOGITS_LOSS,
        metrics=["accuracy"],
        jit_compile=JIT_COMPILE,
    )
    return model


def several_methods() -> RegularizedModel:
    """A functional model with one of each kind of methods."""
    return regularized(functional(), SOME)


def cm_vqvae() -> CMVQVAE:
    """Most of its codes are restarted in every step, and move in both ways."""
    seed = SEEDS_WITHOUT_TIES[keras.config.backend()]
    quantizers = {
        name: VectorQuantizer(
            5, update=update, restart_threshold=0.9, seed=seed
        )
        for name, update in (("image", "ema"), ("audio", "gradient"))
    }
    model = CMVQVAE(
        encoders={"image": Dense(4), "audio": Dense(4)},
        decoders={"image": Dense(5), "audio": Dense(4)},
        head=Dense(3, activation="softmax"),
        quantizers=quantizers,
    )
    model.compile(
        keras.optimizers.SGD(0.05),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=JIT_COMPILE,
    )
    return model


def fitted(model: keras.Model, num_examples: int = NUM_EXAMPLES) -> dict:
    """All that a training leaves behind, by name."""
    x, y = data(num_examples)
    options = {"batch_size": BATCH_SIZE, "verbose": 0}
    history = model.fit(
        x, y, shuffle=False, validation_data=(x, y), **options
    ).history
    return {**history, **values(model)}


def values(model: keras.Model) -> dict[str, np.ndarray]:
    """Those of all variables but seeds and metrics, whose names may differ."""
    metrics = {id(variable) for variable in model.metrics_variables}
    known = [v for v in model.variables if id(v) not in metrics]
    return {
        f"{index} {variable.name}": ops.convert_to_numpy(variable)
        for index, variable in enumerate(known)
        if "seed_generator" not in variable.path
    }


def _normal(shape, *args, dtype="float32", **kwargs):
    return ops.ones(shape, dtype)


def _uniform(shape, *args, dtype="float32", **kwargs):
    if len(shape) == 1:  # Of which permutations are made: in order.
        return ops.cast(ops.arange(shape[0]), "float32") / 1000
    columns = ops.cast(ops.arange(shape[1]), "float32")
    return ops.broadcast_to((columns + 0.1) / shape[1], shape)


FIXED_DRAWS = {"normal": _normal, "uniform": _uniform}
"""Of `keras.random`: the same on any number of devices."""


def differences(one: dict, other: dict) -> dict[str, float]:
    """The largest differences, by name without what scopes add to it."""
    values = zip(one.items(), other.values(), strict=True)
    return {
        name: float(np.abs(np.subtract(a, b, dtype="float64")).max())
        for (name, a), b in values
    }


def largest(one: dict, other: dict) -> tuple[float, str]:
    """The largest of all differences, and what it is of."""
    return max((d, name) for name, d in differences(one, other).items())
