"""The rows of Table 2 of Gat et al. 2020, and what people would try instead."""

from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from typing import NamedTuple

import keras

from applications.common.problems import Splits
from keras_mmreg import regularizers
from keras_mmreg.layers import LearnedMixin

Strength = float | str | None
""""auto" ties a penalty to the task loss; noise has a scale instead."""

ENTROPY_WEIGHT = 0.36
"""That of LMH in the paper by Clark et al., and so of all rows with LMH."""


FRACTION = 0.25
"""Of each batch, where penalties are computed."""


class Net(NamedTuple):
    """A net up to its logits.

    Attributes:
        inputs: Dict from modality to a `keras.Input`.
        features: Tensor `(batch, num_features)`, from which the trust in the
            bias is learned.
        logits: Tensor `(batch, num_answers)`.
    """

    inputs: dict[str, Any]
    features: Any
    logits: Any


@dataclass(frozen=True)
class Task:
    """A data set in which one modality tells too much, and its net.

    Attributes:
        splits: The examples; `x["bias"]` is what can be said without looking,
            the probability of each answer.
        net: A function of the names of modalities.
        biased: The modality that tells too much.
        taps: For each modality the layer at which it is perturbed.
        num_answers: How many answers there are to choose from.
        mode: `"binary"` for a sigmoid of each answer, as VQA's nets have it, or
            `"softmax"`.
        scores: A function of the examples' logits and of a split's name that
            returns `"accuracy"` and further columns, as parts of 1.
        criterion: A function of the validation examples' logits that returns
            what strengths are chosen by.
        epochs: Passes over the training data.
        batch_size: Examples of a step.
        learning_rate: Of Adam.
    """

    splits: Splits
    net: Callable[[Iterable[str]], Net]
    biased: str
    taps: dict[str, str]
    num_answers: int
    mode: str
    scores: Callable[[Any, str], dict[str, float]]
    criterion: Callable[[Any], float]
    epochs: int
    batch_size: int = 128
    learning_rate: float = 1e-3

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities, in order."""
        return tuple(self.taps)


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        title: What tables call it.
        mixin: Whether the bias is explained away by `LearnedMixin`.
        regularizer: A function of the strength, or `None`.
        decays: Whether the strength is that of AdamW's weight decay.
        values: The strengths to search; without any there is nothing to search.
        single: Whether the net has the biased modality alone.
        gated: Whether the method measures a gate on held-out examples.
    """

    title: str
    mixin: bool = False
    regularizer: Callable[[Any], Any] | None = None
    decays: bool = False
    values: tuple[Strength, ...] = ()
    single: bool = False
    gated: bool = False


PENALTIES = {
    "fisher": ("Fisher", regularizers.FisherInformation),
    "poincare": ("Poincaré", regularizers.PoincareInformation),
    "entropy": ("entropy", regularizers.FunctionalEntropy),
    "variance": ("variance", regularizers.FunctionalVariance),
}
"""Eq. 12, 19, 2 and 13 of Gat et al."""
PENALTY_VALUES = ("auto", 1e-6, 1e-5)
GATED = {
    "noise": ("noise", regularizers.ModalityNoise, (0.5, 1.0, 1.5)),
    "mix": ("mix", regularizers.ModalityMix, (0.3, 1.0, 3.0)),
}


def _methods() -> dict[str, Method]:
    found = {
        "single": Method("biased modality only", single=True),
        "plain": Method("plain"),
        "weight_decay": Method(
            "plain + weight decay", decays=True, values=(0.01, 0.03, 0.1)
        ),
        "lmh": Method("LMH", mixin=True),
    }
    for prefix, base in (("", "plain"), ("lmh_", "LMH")):
        for name, (title, create) in PENALTIES.items():
            found[prefix + name] = Method(
                f"{base} + {title}",
                mixin=bool(prefix),
                regularizer=partial(create, fraction=FRACTION),
                values=PENALTY_VALUES,
            )
        for name, (title, create, values) in GATED.items():
            found[prefix + name] = Method(
                f"{base} + {title}",
                mixin=bool(prefix),
                regularizer=create,
                values=values,
                gated=True,
            )
    return found


METHODS: dict[str, Method] = _methods()
"""Every row by its name."""


def build(task: Task, method: str) -> keras.Model:
    """A new net of the task; with LMH it takes the bias, too."""
    row = METHODS[method]
    names = (task.biased,) if row.single else task.modalities
    net = task.net(names)
    inputs, logits = dict(net.inputs), net.logits
    if row.mixin:
        inputs["bias"] = keras.Input((task.num_answers,), name="bias")
        logits = LearnedMixin(task.mode, ENTROPY_WEIGHT)(
            logits, net.features, inputs["bias"]
        )
    return keras.Model(inputs, logits)
