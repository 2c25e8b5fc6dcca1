"""The numbers and findings that a report holds."""

from dataclasses import dataclass
from dataclasses import field
from typing import Any

from keras_mmreg.report.bootstrap import Measurement


@dataclass(frozen=True)
class Finding:
    """An actionable sentence, with the numbers that support it.

    Attributes:
        kind: The subject, such as `"reliance"`, `"fusion"`, `"missing"` or
            `"caveat"`.
        level: `"good"`, `"bad"` or `"note"`.
        text: The sentence, with modalities in backticks.
    """

    kind: str
    level: str
    text: str


@dataclass(frozen=True)
class Result:
    """The numbers and findings of a report.

    Attributes:
        model: The model's name.
        task: The model's task, such as `"classification"`.
        metric: The score's name.
        percent: Whether the score is between 0 and 1 and shown in percent.
        higher_is_better: Whether a high score is good.
        confidence: Float, the confidence of all intervals.
        num_examples: Integer, the number of examples that were read.
        num_groups: The number of groups that intervals draw, or `None`.
        chance: The score of the best constant prediction, or `None` if it is
            unknown.
        window: How many examples were shuffled among themselves, or `None` if
            all were.
        passes: The cost in passes over the data, each like one `predict`.
        modalities: List of the modalities' names.
        intact: `Measurement` of the model on intact data.
        shuffled: Dict from a modality to the `Measurement` with that modality
            shuffled across the examples.
        alone: Dict from a modality to the `Measurement` with all others
            shuffled independently.
        missing: Dict from a replacement (`"zero"`, ...) to a dict from a
            modality to the `Measurement` with that modality replaced.
        findings: List of `Finding`, the most important first.
        noise_curves: Dict from a modality to a dict from the scale of the
            noise, in standard deviations, to a `Measurement`. Empty unless
            included, like all attributes down to `baseline_gaps`.
        subsets: Dict from the names of the modalities present, joined by
            `" + "`, to a `Measurement`.
        shapley: Dict from a modality to the `Measurement` whose value is the
            modality's part of the score, positive if it helps.
        additive: `Measurement` of the closest additive model, or `None`.
        information: Dict from a modality to its share of the functional
            information.
        calibration: Dict from `"intact"`, and from each modality (shuffled), to
            the expected calibration error.
        per_class: List with a dict for each class.
        baselines: Dict from a modality to the `Measurement` of a linear probe
            on it, whose cost is that against a constant answer.
        baseline_gaps: Dict from a modality to the `Measurement` of the model on
            the examples of the probe, whose cost is that against the probe:
            above 0 where the probe does better.
        unimodal: Dict from a modality to the `Measurement` of a model of that
            modality only. Empty unless such models were given.
        methods: List of the names of the regularizers that the model is
            trained with. Empty unless the model is a `RegularizedModel`.
        idle: List of the methods that do nothing because their gate is shut.
        noise_needs: What noise needs, `"nothing"`, or `"taps"` where inputs are
            no floats, or `None` where a model of such inputs has no graph.
        has_graph: Whether the model is a graph of layers, from which models of
            one modality can be built.
        takes_gate: Whether the model has one output of shape (batch, units),
            as the gate of noise and mix needs.
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
    baseline_gaps: dict[str, Measurement] = field(default_factory=dict)
    unimodal: dict[str, Measurement] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    noise_needs: str | None = "nothing"
    has_graph: bool = True
    takes_gate: bool = True
    unasked: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def perceptual_scores(self) -> dict[str, float]:
        """Returns each modality's shuffling cost over the intact score.

        Of a score that is 0 or negative, such as a bad R², there is no part:
        NaN.
        """
        whole = self.intact.value if self.intact.value > 0 else float("nan")
        return {name: each.cost / whole for name, each in self.shuffled.items()}
