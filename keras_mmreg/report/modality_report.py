"""The function `modality_report`, which shows how a model uses modalities."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from keras_mmreg.checks import check_choice
from keras_mmreg.checks import check_sizes
from keras_mmreg.network.checks import require_no_state
from keras_mmreg.report.compose import compose
from keras_mmreg.report.data import Examples
from keras_mmreg.report.data import Source
from keras_mmreg.report.data import open_source
from keras_mmreg.report.interventions import known_inputs
from keras_mmreg.report.measure import Measuring
from keras_mmreg.report.probes import network_of
from keras_mmreg.report.report import ModalityReport
from keras_mmreg.report.settings import INCLUDE
from keras_mmreg.report.settings import Settings
from keras_mmreg.report.settings import create_settings
from keras_mmreg.report.subject import create_subject
from keras_mmreg.report.task import Task
from keras_mmreg.report.unimodal import create_unimodal


def modality_report(
    model: keras.Model,
    data: Any,
    metric: Any = None,
    mode: str = "auto",
    include: str | Sequence[str] = (),
    missing: str | Sequence[str] = "zero",
    groups: Any = None,
    modalities: Sequence[str] | None = None,
    output: str | int | None = None,
    taps: Mapping[str, str] | str | None = None,
    unimodal: Mapping[str, keras.Model] | None = None,
    num_permutations: int = 1,
    num_bootstraps: int = 1000,
    confidence: float = 0.95,
    batch_size: int | None = None,
    steps: int | None = None,
    window: int | None = None,
    seed: int = 0,
    verbose: int = 0,
) -> ModalityReport:
    """Reports which modalities a model uses, in sentences and numbers.

    The report answers two questions on held-out data: Is one of my modalities
    ignored? Does fusion beat my best single modality?

    It measures the score of the model on *intact* data; with each modality
    *shuffled* across the examples, so that its values are realistic but say
    nothing about the label; with each *alone*, the others shuffled
    independently; and with each *missing*. The cost of shuffling is the
    unnormalized Perceptual Score (Gat et al., 2021). Intervals come from a
    bootstrap over examples, or over `groups`, with the same draws for all
    scores, so that differences have intervals of their own.

    **Cost.** With M modalities, 3M + 1 passes over the data (2M + 1 for two
    modalities: each is alone where the other is shuffled). Each costs as much
    as `predict`, whose compiled function serves all of them. `num_permutations`
    and `missing` multiply their parts.

    | `include` | adds | costs in passes |
    | --- | --- | --- |
    | `"noise_curves"` | noise of 1/4 to 2 deviations on numbers | 4M |
    | `"subsets"` | each subset, and Shapley values | 2^M; above 5, about 16M |
    | `"interaction"` | the closest additive model (EMAP) | 16M |
    | `"information"` | `modality_information` | a gradient for each |
    | `"calibration"` | calibration error, intact and shuffled | none |
    | `"per_class"` | recall of each class, intact and shuffled | none |
    | `"baselines"` | linear probes on each modality | at `taps`, one |

    Args:
        model: Any `keras.Model`, wrapped or plain. It is not changed.
        data: Held-out data: a tuple `(x, y)` or `(x, y, sample_weight)` of
            arrays; or a `tf.data.Dataset`, `keras.utils.PyDataset`, torch
            `DataLoader` or generator that yields these. A dataset is read once
            and never held in memory: it is shuffled within a window.
        metric: The score: the name of a Keras metric, a Keras metric, or a
            function of `y_true` and `y_pred` that returns a value for each
            example. Defaults to `None`: the first metric that the model was
            compiled with, or else accuracy, mean IoU for dense outputs, R^2
            for regression (the mean over targets that vary). Accuracies follow
            the loss's `from_logits`, and that of several labels counts each
            label, where Keras's `"accuracy"` compares the largest; sample
            weights apply to every metric.
        mode: `"max"` or `"min"`, whether a high or a low score is good.
            Defaults to `"auto"`: known for Keras's own metrics, and told by
            the names of others (`..._error`, `..._score`).
        include: What else to measure, see the table; `"all"` is everything.
            Defaults to `()`.
        missing: The replacement of a missing modality: `"zero"`, `"mean"` (over
            the data or window), `"noise"` (with the same mean and standard
            deviation), `"nan"` (for a model with `layers.MissingModality`) or
            a list of these. Integers always become 0, and strings empty, except
            that images of `uint8` are treated as numbers. Defaults to `"zero"`.
        groups: Array with the group of each example, such as its subject or
            speaker, in the order of the data. Intervals then hold for new
            groups. Defaults to `None`: for new examples of the same kind.
        modalities: Optional list of names. Inputs in a dict are named by key,
            and those under one prefix (`"text/ids"`, `"text/mask"`) are one
            modality. Other inputs are shuffled where a modality is alone, and
            left unchanged elsewhere. Defaults to `None`: all inputs.
        output: The name or index of the output, if the model has several.
            Defaults to `None`.
        taps: Dict from a modality to the layer at which `"information"` and
            `"baselines"` measure it, or `"auto"` for its last tensor before it
            is merged with another. Defaults to `None`, its input.
        unimodal: Dict from a modality to a model trained on it alone, with the
            same output. It is the fairer comparison, because a multimodal model
            makes less of a modality with all others shuffled. Each costs one of
            its own passes. Defaults to `None`.
        num_permutations: Positive integer, permutations to average over.
            Defaults to `1`.
        num_bootstraps: Positive integer, draws for the intervals. Defaults to
            `1000`. A Keras metric uses at most 200, of small blocks of
            neighboring examples, because every draw calls its `result`.
        confidence: Float in (0, 1), of the intervals. Defaults to `0.95`.
        batch_size: Integer, for arrays. Defaults to `None`, 32.
        steps: Integer, the number of batches to read. Defaults to all.
        window: Integer, how many examples of a dataset are held in memory and
            shuffled among themselves. Defaults to `None`, 1,024. Arrays are
            shuffled as a whole.
        seed: Integer, the seed of permutations, noise and bootstrap. Defaults
            to `0`.
        verbose: `0` or `1`, whether to show a progress bar. Defaults to `0`.

    Returns:
        A `ModalityReport`: `print(report.summary())`, `report.to_html(path)`,
        `report.to_json(path)`, `report.plot()`.

    Raises:
        ValueError: If an argument is out of range, or the data have no labels
            or do not fit the output. It is raised after one batch at most.

    Example:

    >>> color = keras.Input((3,), name="color")
    >>> shape = keras.Input((4,), name="shape")
    >>> ignored = keras.layers.Dense(3, kernel_initializer="zeros")(shape)
    >>> outputs = keras.layers.Add()([color, ignored])
    >>> model = keras.Model({"color": color, "shape": shape}, outputs)
    >>> y = np.arange(300) % 3
    >>> x = {"color": np.eye(3)[y], "shape": np.ones((300, 4))}
    >>> report = modality_report(model, (x, y))
    >>> report.intact.value, report.shuffled["shape"].cost
    (1.0, 0.0)
    >>> print(report.findings[0].text)
    Shuffling `color` costs 68 points, `shape` 0: the prediction rests on ...

    References:
        - [Gat et al., 2021](https://arxiv.org/abs/2110.14375)
        - [Hessel and Lee, 2020](https://arxiv.org/abs/2010.06572)
    """
    _check_model(model)
    settings = create_settings(
        include,
        missing,
        taps,
        num_permutations=num_permutations,
        num_bootstraps=num_bootstraps,
        confidence=confidence,
        seed=seed,
    )
    check_choice("mode", mode, ("auto", "max", "min"))
    check_sizes(batch_size=batch_size, steps=steps, window=window)
    source = _with_known_inputs(
        model, open_source(data, batch_size, steps, window)
    )
    groups = _checked_groups(groups, source.size, steps)
    subject = create_subject(model, source, modalities, output, metric, mode)
    if settings.taps:
        network_of(model, source.first.x, settings.taps)
    settings = _with_known_classes(settings, subject.task)
    own = create_unimodal(unimodal, subject.leaves, subject.output)
    measuring = Measuring(subject, settings, own, groups)
    measuring.read(source, verbose)
    seen = measuring.units.seen
    if groups is not None and not steps and seen != len(groups):
        raise ValueError(
            "`groups` must have an entry for each example in `data`. "
            f"Received: {len(groups)} entries for {seen}"
        )
    return compose(subject, source, measuring, settings)


def _check_model(model: Any) -> None:
    if not isinstance(model, keras.Model):
        raise ValueError(
            "`model` must be a `keras.Model`; load a saved one with "
            f"`keras.saving.load_model`. Received: model={model!r}"
        )
    require_no_state(model)


def _checked_groups(groups: Any, size: int | None, steps: int | None) -> Any:
    if groups is None:
        return None
    groups = np.asarray(groups)
    if steps and size is not None:
        groups = groups[:size]  # No more examples are read.
    if groups.ndim != 1 or (size is not None and len(groups) != size):
        raise ValueError(
            "`groups` must be an array of a label for each example in `data`. "
            f"Received: shape {groups.shape} for {size} examples"
        )
    labels = set(groups.tolist())
    if any(label is None or label != label for label in labels):
        raise ValueError(
            "`groups` must have a label for each example. "
            "Received: NaN or None for some"
        )
    if len(labels) < 2:
        raise ValueError(
            "`groups` must have at least two groups: intervals are over them. "
            f"Received: {list(labels)}"
        )
    return groups


def _with_known_inputs(model: keras.Model, source: Source) -> Source:
    """Returns the source without the inputs that the model does not take."""

    def known(examples: Examples) -> Examples:
        return examples._replace(x=known_inputs(model, examples.x))

    return source._replace(
        first=known(source.first), windows=map(known, source.windows)
    )


def _with_known_classes(settings: Settings, task: Task) -> Settings:
    """Drops parts that need classes if a regression includes everything."""
    needing = {"calibration", "per_class"} & set(settings.include)
    if not needing or task.kind != "regression":
        return settings
    if set(settings.include) != set(INCLUDE):
        raise ValueError(
            f"`include` has {sorted(needing)}, which need classes, but the "
            "output is that of a regression. Leave them out."
        )
    rest = tuple(name for name in settings.include if name not in needing)
    return replace(settings, include=rest)
