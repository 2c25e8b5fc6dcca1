"""What a report holds."""

from dataclasses import dataclass
from dataclasses import field
from typing import Any

from keras_mmreg.report.bootstrap import Measurement


@dataclass(frozen=True)
class Finding:
    """A sentence that a person can act on, with the numbers it rests on.

    Attributes:
        kind: What it is about, such as `"reliance"`, `"fusion"`, `"missing"`
            or `"caveat"`.
        level: `"good"`, `"bad"` or `"note"`.
        text: The sentence; modalities stand in backticks.
    """

    kind: str
    level: str
    text: str


@dataclass(frozen=True)
class Result:
    """The numbers and findings of a report.

    Attributes:
        model: The model's name.
        task: What it is for, such as `"classification"`.
        metric: The score's name.
        percent: Whether the score is a part of 1.
        higher_is_better: Whether a high score is good.
        confidence: Float, the confidence of all intervals.
        num_examples: Integer, the examples that were read.
        num_groups: The groups that intervals draw, or `None`.
        chance: The score of the best constant prediction, or `None` where it
            is not known.
        window: How many examples were shuffled among themselves, or `None` if
            all were.
        passes: The cost, in passes over the data as `predict` makes one.
        modalities: List of their names.
        intact: `Measurement` of the model as it is.
        shuffled: Dict from a modality to the `Measurement` with it shuffled
            between the examples.
        alone: Likewise, with all others shuffled, each on its own.
        missing: Dict from what stands in (`"zero"`, ...) to such a dict.
        findings: List of `Finding`, the most important first.
        noise_curves: Dict from a modality to one from the noise's scale, in
            standard deviations, to a `Measurement`; empty unless included.
        subsets: Dict from the names of those present, joined by `" + "`, to a
            `Measurement`; likewise.
        shapley: Dict from a modality to the `Measurement` whose value is its
            part of the score, positive where it helps; likewise.
        additive: `Measurement` of the closest additive model, or `None`.
        information: Dict from a modality to its share of the functional
            information; likewise.
        calibration: Dict from `"intact"` and modalities (shuffled) to the
            expected calibration error; likewise.
        per_class: List of a dict for each class; likewise.
        baselines: Dict from a modality to the `Measurement` of a linear probe
            on it; likewise.
        unimodal: Dict from a modality to the `Measurement` of a model of it
            only; empty unless such models were given.
        methods: List of the names of the regularizers that the model is
            trained with; empty of a model that is no `RegularizedModel`.
        idle: List of those of them that do nothing, as their gate is shut.
        unasked: List of the inputs that were not asked for.
        settings: The arguments that the numbers depend on.
    """

    model: str
    task: str
    metric: str
    percent: bool
    higher_is_better: bool
    confidence: float
    num_examples: int
    num_groups: int | None
    chance: float | None
    window: int | None
    passes: int
    modalities: list[str]
    intact: Measurement
    shuffled: dict[str, Measurement]
    alone: dict[str, Measurement]
    missing: dict[str, dict[str, Measurement]]
    findings: list[Finding] = field(default_factory=list)
    noise_curves: dict[str, dict[str, Measurement]] = field(
        default_factory=dict
    )
    subsets: dict[str, Measurement] = field(default_factory=dict)
    shapley: dict[str, Measurement] = field(default_factory=dict)
    additive: Measurement | None = None
    information: dict[str, float] = field(default_factory=dict)
    calibration: dict[str, float] = field(default_factory=dict)
    per_class: list[dict[str, Any]] = field(default_factory=list)
    baselines: dict[str, Measurement] = field(default_factory=dict)
    unimodal: dict[str, Measurement] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def perceptual_scores(self) -> dict[str, float]:
        """What shuffling costs, as a part of the intact score."""
        return {
            name: measurement.cost / self.intact.value
            if self.intact.value
            else 0.0
            for name, measurement in self.shuffled.items()
        }
