"""Composes a report from the measurements."""

from dataclasses import asdict
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from keras_mmreg.backend.keras_internals import all_layers
from keras_mmreg.models.modality_information import modality_information
from keras_mmreg.network.checks import has_new_statistics
from keras_mmreg.report import remedies
from keras_mmreg.report.bootstrap import INTACT
from keras_mmreg.report.bootstrap import Bootstrap
from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.data import Source
from keras_mmreg.report.doubts import broken
from keras_mmreg.report.findings import find
from keras_mmreg.report.interventions import as_tensors
from keras_mmreg.report.interventions import cut
from keras_mmreg.report.measure import ADDITIVE
from keras_mmreg.report.measure import Measuring
from keras_mmreg.report.plan import NOISE_SCALES
from keras_mmreg.report.plan import Plan
from keras_mmreg.report.probes import Probed
from keras_mmreg.report.probes import probe_modalities
from keras_mmreg.report.probes import why_no_probes
from keras_mmreg.report.report import ModalityReport
from keras_mmreg.report.result import Finding
from keras_mmreg.report.settings import Settings
from keras_mmreg.report.subject import Subject
from keras_mmreg.report.wording import by_cost

MAX_INFORMED = 1024
"""The most examples on which information is measured: it needs gradients."""


@np.errstate(invalid="ignore")  # Non-finite values are reported.
def compose(
    subject: Subject,
    source: Source,
    measuring: Measuring,
    settings: Settings,
) -> ModalityReport:
    """Returns the report on what `measuring` read; see `modality_report`."""
    model, score, plan = subject.model, subject.score, measuring.plan
    units = measuring.units
    bootstrap = Bootstrap(
        measuring.tallies,
        units,
        settings,
        unknown=[name for name in measuring.broken if name != INTACT],
    )
    chance = (
        None
        if measuring.label_sums is None
        else score.chance(measuring.label_sums)
    )
    names = plan.modalities
    measure = bootstrap.measure
    report = ModalityReport(
        model=model.name,
        task=subject.task.name,
        metric=score.name,
        percent=score.percent,
        higher_is_better=score.higher_is_better,
        confidence=settings.confidence,
        num_examples=units.seen,
        num_groups=None if units.groups is None else units.count,
        chance=chance,
        window=source.window,
        passes=plan.passes,
        modalities=names,
        intact=measure(INTACT),
        shuffled={name: measure(("shuffled", name)) for name in names},
        alone={name: measure(("alone", name)) for name in names},
        missing={
            fill: {name: measure(("missing", fill, name)) for name in names}
            for fill in settings.missing
        },
        unimodal={
            name: measure(("unimodal", name)) for name in measuring.own_models
        },
        methods=[method.name for method in remedies.in_use(model)],
        idle=remedies.idle(model),
        noise_needs=remedies.noise_needs(subject),
        has_graph=remedies.has_graph(model),
        takes_gate=measuring.takes_gate and remedies.is_understood(subject),
        unasked=plan.unasked,
        settings={  # In the types of JSON.
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(settings).items()
        },
    )
    report = replace(report, **_included(measuring, bootstrap, settings))
    notes = _untrained_statistics(model) + _no_numbers(plan, settings)
    if "information" in settings.include:
        information, note = _information(subject, source, settings)
        report = replace(report, information=information)
        notes += note
    if "baselines" in settings.include:
        probed, note = _probed(subject, measuring, settings)
        report = replace(
            report,
            baselines={name: each.baseline for name, each in probed.items()},
            baseline_gaps={name: each.gap for name, each in probed.items()},
        )
        notes += note
    rival = _rival(bootstrap, report)
    findings = broken(measuring.broken)
    if INTACT not in measuring.broken:
        findings = find(report, rival) + findings
    return replace(report, findings=findings + notes)


def _included(
    measuring: Measuring, bootstrap: Bootstrap, settings: Settings
) -> dict[str, Any]:
    """Returns the included parts that are measured during the passes."""
    parts: dict[str, Any] = {}
    plan, include = measuring.plan, settings.include
    if "noise_curves" in include:
        parts["noise_curves"] = {
            name: {
                f"{scale:g}": bootstrap.measure(("noise", name, scale))
                for scale in NOISE_SCALES
            }
            for name in plan.noisy
        }
    if "subsets" in include:
        subsets = sorted(
            (name for name in plan.names if name[0] == "subset"), key=len
        )
        parts["subsets"] = {
            " + ".join(name[1:]): bootstrap.measure(name) for name in subsets
        }
        parts["shapley"] = _shapley(plan, bootstrap)
    if "interaction" in include:
        parts["additive"] = bootstrap.measure(ADDITIVE)
    if "calibration" in include:
        parts["calibration"] = _calibration(measuring)
    if "per_class" in include:
        parts["per_class"] = _per_class(measuring)
    return parts


def _shapley(plan: Plan, bootstrap: Bootstrap) -> dict[str, Measurement]:
    """Returns each modality's mean gain over those before it, over orders."""
    sign = 1.0 if bootstrap.score.higher_is_better else -1.0
    values: dict[str, Any] = dict.fromkeys(plan.modalities, 0.0)
    draws: dict[str, Any] = dict.fromkeys(plan.modalities, 0.0)
    for order in plan.orders:
        for place, name in enumerate(order):
            before = ("subset", *plan.subset(order[:place]))
            after = ("subset", *plan.subset(order[: place + 1]))
            for sums, source in (
                (values, bootstrap.values),
                (draws, bootstrap.draws),
            ):
                gain = sign * (source[after] - source[before])
                sums[name] = sums[name] + gain / len(plan.orders)
    return {
        name: Measurement(
            float(values[name]),
            *bootstrap.interval(draws[name], values[name]),
        )
        for name in plan.modalities
    }


def _calibration(measuring: Measuring) -> dict[str, float]:
    score, sums = measuring.further("calibration")
    return {name[-1]: float(score.value(own)) for name, own in sums.items()}


def _per_class(measuring: Measuring) -> list[dict[str, Any]]:
    score, sums = measuring.further("per_class")
    intact = sums.pop(INTACT)
    counts, recalls = np.split(intact, 2)[1], score.value(intact)
    shuffled = {name[-1]: score.value(own) for name, own in sums.items()}
    return [
        {
            "class": index,
            "count": float(count),
            "intact": float(recalls[index]),
            "shuffled": {
                name: float(values[index]) for name, values in shuffled.items()
            },
        }
        for index, count in enumerate(counts)
        if count > 0
    ]


def _information(
    subject: Subject, source: Source, settings: Settings
) -> tuple[dict[str, float], list[Finding]]:
    x = as_tensors(cut(subject.examples.x, 0, MAX_INFORMED))
    try:
        information = modality_information(
            subject.model,
            x,
            taps=settings.taps or None,
            modalities=list(subject.leaves),
            batch_size=source.batch_size,
            seed=settings.seed,
        )
    except ValueError as error:
        text = f"Information could not be measured: {error}"
        return {}, [Finding("caveat", "note", text)]
    total = sum(information.values())
    shares = {
        name: value / total if total else 0.0
        for name, value in information.items()
    }
    return shares, []


def _probed(
    subject: Subject, measuring: Measuring, settings: Settings
) -> tuple[dict[str, Probed], list[Finding]]:
    reason = why_no_probes(subject)
    if reason is not None:
        return {}, [Finding("caveat", "note", reason)]
    outputs, groups = np.concatenate(measuring.outputs), measuring.units.groups
    probed = probe_modalities(subject, outputs, groups, settings)
    left_out = [name for name in subject.leaves if name not in probed]
    if not left_out:
        return probed, []
    listed = ", ".join(f"`{name}`" for name in left_out)
    text = (
        f"{listed}: no linear probe on integers or strings. Name a layer in "
        "`taps`."
    )
    return probed, [Finding("caveat", "note", text)]


def _no_numbers(plan: Plan, settings: Settings) -> list[Finding]:
    """Notes what cannot be done to modalities of ids or strings."""
    names = [f"`{name}`" for name in plan.modalities if name not in plan.noisy]
    listed, texts = ", ".join(names), []
    if names and "noise_curves" in settings.include:
        texts.append(f"{listed}: no noise curve of integers or strings.")
    if names and not set(settings.missing) <= {"zero"}:
        texts.append(
            f"{listed}: integers and strings have no mean, so zeros and empty "
            "strings stand in for them."
        )
    return [Finding("caveat", "note", text) for text in texts]


def _untrained_statistics(model: keras.Model) -> list[Finding]:
    """Warns if moving means of 0 and variances of 1 were never updated."""
    normalizations = [
        layer
        for layer in all_layers(model)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.built
    ]
    if not normalizations or not all(map(has_new_statistics, normalizations)):
        return []
    text = (
        "The statistics of BatchNormalization were never updated (moving means "
        "0, variances 1), so inference is not what training was: train longer, "
        "or load the weights, before you read these numbers."
    )
    return [Finding("caveat", "bad", text)]


def _rival(
    bootstrap: Bootstrap, report: ModalityReport
) -> tuple[float, float] | None:
    """Returns the interval of the two highest costs' difference."""
    if len(report.modalities) < 2:
        return None
    first, second = by_cost(report)[:2]
    rival = bootstrap.measure(("shuffled", first), ("shuffled", second))
    return rival.cost_low, rival.cost_high
