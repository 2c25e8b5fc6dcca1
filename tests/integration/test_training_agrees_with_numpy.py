"""Three training steps in float64 NumPy, which every backend has to match.

The reference takes the gradient of the whole penalized loss with respect to
the weights by finite differences. As all backends agree with it, they agree
with each other.
"""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.special import softmax

import keras_mmreg as mmreg
from keras_mmreg.models import RegularizedModel
from keras_mmreg.ops import perturbation as perturbation_ops
from tests import toys
from tests.toys import array
from tests.toys import tensor

LEARNING_RATE, STRENGTH, STEPS = 0.05, 0.1, 3
PARTS = {"audio": slice(0, 4), "image": slice(4, 7)}
REDUCTIONS = {
    "inverse_sum": lambda i: 1 / i.sum(),
    "inverse_norm": lambda i: np.sqrt((1 / i**2).sum()),
    "sum_of_inverse": lambda i: (1 / i).sum(),
    "negative_log": lambda i: -np.log(i).sum(),
}


def fixed_noise(shape):
    return np.random.default_rng(3 + shape[-1]).normal(size=shape)


@pytest.fixture(autouse=True)
def same_noise_everywhere(monkeypatch):
    """Each backend draws other numbers from a seed; here all draw these."""

    def normal(shape, dtype=None, seed=None):
        return tensor(fixed_noise([int(n) for n in shape]))

    monkeypatch.setattr(perturbation_ops.keras.random, "normal", normal)


class Reference:
    """A linear classifier whose hidden layer is tanh, in float64."""

    def __init__(self, weights, regularizer):
        self.shapes = [w.shape for w in weights]
        self.flat = np.concatenate([w.ravel() for w in weights])
        self.flat = self.flat.astype("float64")
        self.regularizer = regularizer

    def unflatten(self, flat):
        ends = np.cumsum([np.prod(shape) for shape in self.shapes])[:-1]
        pieces = np.split(flat, ends)
        return [
            piece.reshape(shape)
            for piece, shape in zip(pieces, self.shapes, strict=True)
        ]

    def outputs(self, flat, x):
        kernel, bias, head, head_bias = self.unflatten(flat)
        hidden = np.tanh(x @ kernel + bias)
        return hidden @ head + head_bias, hidden, kernel, head

    def information(self, flat, x):
        log_p = log_softmax(self.outputs(flat, x)[0], -1)
        joint = self.regularizer.perturbation == "joint"
        noise = np.concatenate(
            [
                fixed_noise((1, len(x), p.stop - p.start))[0]
                for p in PARTS.values()
            ],
            -1,
        )
        noise = noise * x.std(0)
        information = []
        for part in PARTS.values():
            z = x.copy()
            where = slice(None) if joint else part
            z[:, where] += noise[:, where]
            logits, hidden, kernel, head = self.outputs(flat, z)
            q = softmax(logits, -1)
            f = -(q * log_p).sum(-1)
            by_logits = q * (-log_p - f[:, None])
            by_input = ((by_logits @ head.T) * (1 - hidden**2)) @ kernel.T
            squared = (by_input[:, part] ** 2).sum(-1)
            fisher = isinstance(
                self.regularizer, mmreg.regularizers.FisherInformation
            )
            information.append((squared / f if fisher else squared).mean())
        return np.array(information)

    def loss(self, flat, x, y):
        log_p = log_softmax(self.outputs(flat, x)[0], -1)
        task = -log_p[np.arange(len(y)), y].mean()
        reduction = REDUCTIONS[self.regularizer.reduction]
        return task + STRENGTH * reduction(self.information(flat, x))

    def step(self, x, y, h=1e-5):
        slopes = [
            (self.loss(self.flat + d, x, y) - self.loss(self.flat - d, x, y))
            / (2 * h)
            for d in h * np.eye(len(self.flat))
        ]
        loss = self.loss(self.flat, x, y)
        self.flat = self.flat - LEARNING_RATE * np.array(slopes)
        return loss


def build():
    audio = keras.Input((4,), name="audio")
    image = keras.Input((3,), name="image")
    merged = keras.layers.Concatenate()([audio, image])
    hidden = keras.layers.Dense(5, activation="tanh")(merged)
    return keras.Model(
        {"audio": audio, "image": image}, keras.layers.Dense(3)(hidden)
    )


@pytest.mark.parametrize(
    "name, perturbation, reduction",
    [
        ("FisherInformation", "coordinate", "inverse_sum"),
        ("FisherInformation", "joint", "inverse_norm"),
        ("PoincareInformation", "coordinate", "sum_of_inverse"),
        ("PoincareInformation", "joint", "negative_log"),
    ],
)
def test_three_steps(name, perturbation, reduction):
    inner = build()
    x, y = toys.data(inner, 8)
    regularizer = getattr(mmreg.regularizers, name)(
        STRENGTH,
        reduction,
        perturbation=perturbation,
        floor=1e-9,
        bound="paper",
    )
    reference = Reference(inner.get_weights(), regularizer)
    model = RegularizedModel(inner, regularizer)
    model.compile(keras.optimizers.SGD(LEARNING_RATE), toys.LOGITS_LOSS)
    merged = np.concatenate([x["audio"], x["image"]], -1).astype("float64")
    for _ in range(STEPS):
        expected = reference.step(merged, y)
        logs = model.fit(x, y, batch_size=8, shuffle=False, verbose=0).history
        assert logs["loss"][0] == pytest.approx(expected, rel=1e-3)
    for actual, expected in zip(
        inner.weights, reference.unflatten(reference.flat), strict=True
    ):
        np.testing.assert_allclose(
            array(actual), expected, rtol=5e-3, atol=5e-4
        )
