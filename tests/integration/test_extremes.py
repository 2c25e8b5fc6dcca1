"""Precision, and values far from 1: every method, without compilation."""

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.models import RegularizedModel
from keras_mmreg.models.gate_meter import GateMeter
from keras_mmreg.regularizers import ALIASES
from keras_mmreg.regularizers import FisherInformation
from keras_mmreg.regularizers import ModalityShuffle
from tests import toys
from tests.toys import array

ON_SGD = {"learning_rate": 1e-3, "momentum": 0.9}
METHODS = {
    **{name: lambda name=name: name for name in ALIASES},
    "shuffle": lambda: ModalityShuffle(["audio"]),
    "paper": lambda: FisherInformation(0.1, bound="paper"),
    "negative_log": lambda: FisherInformation(reduction="negative_log"),
    "joint": lambda: FisherInformation(perturbation="joint"),
}


POLICIES = ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16"]

# What compiles each operation takes all methods at once, but for the one that
# lets no gradient of the others through, and a policy.
if keras.config.backend() != "torch":
    POLICIES = ["float16" if keras.config.backend() == "jax" else "bfloat16"]
    METHODS = {
        "all": lambda: [name for name in ALIASES if name != "disentangled"],
        "disentangled": lambda: "disentangled",
    }


def create(activation="tanh"):
    audio = keras.Input((4,), name="audio")
    image = keras.Input((3,), name="image")
    heard = keras.layers.Dense(5, activation=activation, name="ear")(audio)
    seen = keras.layers.Dense(5, activation=activation, name="eye")(image)
    merged = keras.layers.Concatenate()([heard, seen])
    outputs = keras.layers.Dense(3, name="head")(merged)
    return keras.Model({"audio": audio, "image": image}, outputs)


def fit(model, x, y, optimizer="adam"):
    """One batch, and all that it leaves behind."""
    eagerly = keras.config.backend() != "jax"  # It compiles operations singly.
    model.compile(optimizer, toys.LOGITS_LOSS, run_eagerly=eagerly)
    logs = model.train_on_batch(x, y, return_dict=True)
    state = [*model.variables, *model.optimizer.variables]
    values = [array(keras.ops.cast(v, "float32")) for v in state]
    return [*logs.values(), *values]


def all_finite(values):
    return all(np.isfinite(value).all() for value in values)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "activation, scale",
    [
        pytest.param("tanh", 1e12, marks=pytest.mark.once),
        ("tanh", 1e20),
        pytest.param(None, 1e12, marks=pytest.mark.once),
        (None, 1e16),
    ],
)
@pytest.mark.filterwarnings("ignore:The gate is measured on training")
def test_inputs_that_plain_training_survives(name, activation, scale):
    x, y = toys.data(create(), 8)
    x["audio"] *= np.float32(scale)
    model = RegularizedModel(create(activation), METHODS[name](), "auto")
    assert all_finite(fit(model, x, y, keras.optimizers.Adam(1e-3)))
    if name not in ("all", "disentangled", "modulation", "prototypes"):
        model = RegularizedModel(create(activation), METHODS[name]())
        assert all_finite(fit(model, x, y, keras.optimizers.SGD(**ON_SGD)))


@pytest.fixture(params=["float64", "float32"])
def double(request):
    """Layers in float64, and losses in either."""
    keras.config.set_floatx(request.param)
    keras.config.set_dtype_policy("float64")
    yield request.param
    keras.config.set_floatx("float32")


@pytest.mark.skipif(
    keras.config.backend() == "jax", reason="Keras leaves float64 to JAX"
)
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("name", [*METHODS, "CMVQVAE"])
def test_double_precision(name, weighted, double):
    model = quantized() if name == "CMVQVAE" else create()
    x, y = toys.data(create(), 8)
    x = {key: value.astype("float64") for key, value in x.items()}
    if name != "CMVQVAE":
        normal = keras.layers.BatchNormalization(name="normal")(model.output)
        model = keras.Model(model.input, normal)
        model = RegularizedModel(model, METHODS[name](), "auto")
    model.compile("sgd", toys.LOGITS_LOSS, run_eagerly=True)
    weight = np.ones(8) if weighted else None
    logs = model.train_on_batch(x, y, weight, return_dict=True)
    assert all_finite(logs.values())
    if getattr(model, "gate", None) is not None:
        GateMeter(model, shuffles=True).run((x, y))


def quantized():
    dense = keras.layers.Dense
    return mmreg.models.CMVQVAE(
        encoders={"audio": dense(4), "image": dense(4)},
        decoders={"audio": dense(4), "image": dense(3)},
        quantizers=mmreg.layers.VectorQuantizer(4, num_groups=2, seed=0),
        head=dense(3),
    )


@pytest.mark.parametrize("name", [*METHODS, "CMVQVAE"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.filterwarnings("ignore:The gate is measured on training")
def test_half_precision(name, policy):
    keras.config.set_dtype_policy(policy)
    if name == "CMVQVAE":
        model = quantized()
    else:
        model = RegularizedModel(create(), METHODS[name](), "auto")
    optimizer = keras.optimizers.SGD(0.1)
    if policy.endswith("float16") and "b" not in policy:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    x, y = toys.data(create(), 8)
    assert all_finite(fit(model, x, y, optimizer))


def test_reconstructions_of_pixels_in_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    x, y = toys.data(create(), 8)
    x["audio"] = 1000.0 * np.abs(x["audio"])  # Their squares overflow.
    assert all_finite(fit(quantized(), x, y, keras.optimizers.SGD(0.0)))
