"""What is measured, as plain data: no Keras needed."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

FRACTIONS = (1.0, 0.25, 0.125)
METHODS = (
    "noise",
    "dropout",
    "mix",
    "shuffle",
    "unimodal",
    "dependence",
    "blending",
    "gate",
)
"""Methods of the first order, without a gate, and the gate's probes alone."""
PARTIAL = ("mix", "shuffle", "unimodal", "dependence")
"""Those of them that run the model again, on an eighth of the batch."""
EXTRA_MODALITY = "image"
"""The modality whose share of the penalty's cost is measured."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """A model and its batches."""

    model: str
    modalities: int
    batch_size: int
    image_size: int

    @property
    def label(self) -> str:
        return (
            f"{self.model}, {self.modalities} modalities, "
            f"{self.image_size}x{self.image_size}, batch {self.batch_size}"
        )


@dataclasses.dataclass(frozen=True)
class Variant:
    """A way to run the model of a setting; the default is plain Keras.

    `network` is "functional", "subclassed" (the same layers, without a graph
    that tells what can be reused) or "encoder" (that of `EXTRA_MODALITY` and a
    linear classifier). `left_out` names a modality that is not regularized.
    `method` is one of `METHODS`, in place of the penalty; with `taps`, its
    points are the encoders' outputs and not the inputs.
    """

    measure: str = "fit"
    network: str = "functional"
    perturbation: str | None = None
    fraction: float | None = None
    left_out: str | None = None
    method: str | None = None
    taps: bool = False

    @property
    def reference(self) -> "Variant":
        """What its ratio is taken to: plain `fit`, or plain `evaluate`."""
        return Variant(measure=self.measure)

    @property
    def uses_memory(self) -> bool:
        """Whether its peak memory is of interest."""
        return self.measure == "fit" and self.network != "encoder"

    @property
    def label(self) -> str:
        words = [f"`{self.measure}`"]
        if self.network == "encoder":
            words.append(f"encoder of `{EXTRA_MODALITY}` alone")
        elif self.method:
            words.append(self.method)
            if self.fraction is not None:
                words.append(str(Fraction(self.fraction)))
            if self.taps:
                words.append("at the encoders' outputs")
        elif self.perturbation is None:
            words.append("plain")
        else:
            words += [self.perturbation, str(Fraction(self.fraction))]
        if self.network == "subclassed":
            words.append("subclassed model")
        if self.left_out:
            words.append(f"all but `{self.left_out}`")
        return ", ".join(words)


WHOLE = Variant(perturbation="coordinate", fraction=1.0)
SUBCLASSED = dataclasses.replace(WHOLE, network="subclassed")
LEFT_OUT = dataclasses.replace(WHOLE, left_out=EXTRA_MODALITY)
ENCODER = Variant(network="encoder")


def all_variants(fractions: Sequence[float] = FRACTIONS) -> list[Variant]:
    """Plain Keras first, then everything that is compared with it."""
    penalized = [
        Variant(perturbation=perturbation, fraction=fraction)
        for perturbation in ("joint", "coordinate")
        for fraction in fractions
    ]
    return [
        Variant(),
        *penalized,
        SUBCLASSED,
        LEFT_OUT,
        ENCODER,
        *method_variants()[1:],
        Variant(measure="evaluate"),
        dataclasses.replace(WHOLE, measure="evaluate"),
    ]


def method_variants() -> list[Variant]:
    """Plain Keras first, then the methods of the first order."""
    return [
        Variant(),
        *(
            Variant(
                method=method,
                fraction=0.125 if method in PARTIAL else None,
                taps=taps,
            )
            for taps in (False, True)
            for method in METHODS
        ),
    ]
