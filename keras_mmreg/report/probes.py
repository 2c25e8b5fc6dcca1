"""Linear probes: what a linear model predicts from one modality alone."""

import warnings
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_mmreg.models.unwrap import unwrap
from keras_mmreg.network import Network
from keras_mmreg.network import create_network
from keras_mmreg.report.bootstrap import Bootstrap
from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.bootstrap import Tally
from keras_mmreg.report.bootstrap import Units
from keras_mmreg.report.interventions import as_tensors
from keras_mmreg.report.interventions import takes_noise
from keras_mmreg.report.scores import Accuracy
from keras_mmreg.report.settings import Settings
from keras_mmreg.report.subject import Subject
from keras_mmreg.report.task import Task
from keras_mmreg.report.task import as_array

NUM_FOLDS = 5
MAX_EXAMPLES = 4096
BATCH_SIZE = 256
MAX_FEATURES = 512
"""More features are projected at random, which roughly keeps distances."""

RIDGES = (1e-3, 1e-2, 1e-1, 1.0)


class Probed(NamedTuple):
    """What a linear probe on one modality achieves.

    Attributes:
        baseline: The probe's score, whose cost is that against a constant
            answer: negative if it is better.
        gap: The model's score on the same examples, whose cost is that against
            the probe: negative if the model is better.
    """

    baseline: Measurement
    gap: Measurement


def why_no_probes(subject: Subject) -> str | None:
    """Returns why there are no linear probes for a task or score, if so."""
    if subject.task.dense:
        return "Linear probes are for one label an example, so there are none."
    classifies = subject.task.kind != "regression"
    if classifies and not isinstance(subject.score, Accuracy):
        return (
            "Linear probes predict classes, not how sure they are, so there "
            "are none by this metric. Pass `metric='accuracy'` for them."
        )
    return None


def probe_modalities(
    subject: Subject,
    outputs: np.ndarray,
    groups: np.ndarray | None,
    settings: Settings,
) -> dict[str, Probed]:
    """Returns the held-out score of a ridge probe on each modality.

    Each of five folds, of whole groups if there are any, is predicted by a
    probe that is fitted on the others. The ridge penalty is the best of four by
    squared error within those folds. Sample weights apply to the fit and to the
    score; examples of an ignored class are left out of both. Missing numbers
    are replaced by the mean of their column.

    Args:
        subject: What the report is on. Up to `MAX_EXAMPLES` of its examples are
            used.
        outputs: The model's output on these examples.
        groups: Array with the group of each example, or `None`.
        settings: The settings of the report. A modality that its `taps` name
            is probed at the output of that layer, the others at their inputs;
            `"auto"` probes each modality's last tensor before it is merged with
            another.

    Returns:
        Dict from each modality that has features to probe to its `Probed`.
    """
    task, x, y = subject.task, subject.examples.x, subject.y
    generator = np.random.default_rng([settings.seed, 17])
    order = generator.permutation(_counted(task, y))[:MAX_EXAMPLES]
    if not len(order):
        return {}
    groups = None if groups is None else groups[order]
    folds = _folds(groups, len(order), generator)
    if len(np.unique(folds)) < 2:
        return {}
    targets = _targets(task, y[order])
    weight = subject.weight(subject.examples.sample_weight)
    weight = None if weight is None else weight[order]
    importance = _importance(weight, len(order))
    tapped = _tapped_features(subject.model, x, settings.taps, order)
    units = Units(groups, by_batch=False, seed=settings.seed)
    places = units.assign(len(order), weight)

    def tally_of(predictions: np.ndarray) -> Tally:
        tally = Tally(subject.score)
        tally.add(y[order], predictions, weight, places)
        return tally

    def probe(features: np.ndarray) -> Tally:
        predictions = _cross_predict(features, targets, folds, importance)
        return tally_of(_as_outputs(task, predictions, y[order]))

    model = tally_of(outputs[order])
    constant = probe(np.zeros((len(order), 1)))
    results = {}
    for modality, indices in subject.leaves.items():
        features = tapped.get(modality)
        if features is None and takes_noise(x, indices):
            features = _input_features(x, indices, order)
        if features is None:
            continue
        probed = probe(_project(features, generator))
        tallies = {"constant": constant, "probe": probed, "model": model}
        bootstrap = Bootstrap(tallies, units, settings)
        results[modality] = Probed(
            baseline=bootstrap.measure("probe", "constant"),
            gap=bootstrap.measure("model", "probe"),
        )
    return results


def _counted(task: Task, y: np.ndarray) -> np.ndarray:
    """Returns the indices of the examples whose class is not ignored."""
    if task.kind != "sparse":
        return np.arange(len(y))
    return np.flatnonzero(task.classes(y)[:, 0] >= 0)


def _folds(
    groups: np.ndarray | None, size: int, generator: np.random.Generator
) -> np.ndarray:
    if groups is None:
        return np.arange(size) % NUM_FOLDS
    _, places = np.unique(groups, return_inverse=True)
    count = places.max() + 1
    return (generator.permutation(count) % NUM_FOLDS)[places]


def _importance(weight: Any, size: int) -> np.ndarray:
    """Returns the weight of each example in a fit, 1 on average."""
    if weight is None:
        return np.ones(size)
    importance = np.asarray(weight, "float64").reshape(size, -1).mean(axis=1)
    return importance / (importance.mean() or 1.0)


def _targets(task: Task, y: np.ndarray) -> np.ndarray:
    """Returns the targets of a probe, of shape `(examples, outputs)`."""
    if task.kind == "sparse":
        return np.eye(task.num_classes)[task.classes(y)[:, 0]]
    return y.reshape(len(y), -1).astype("float64")


def _as_outputs(task: Task, values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns values in the shape of the model's outputs, or as logits."""
    if task.kind == "binary" and task.from_logits:
        values = values - 0.5
    return values if task.kind == "sparse" else values.reshape(y.shape)


def network_of(
    model: keras.Model, x: Any, taps: Mapping[str, str] | str
) -> Network:
    """Returns the network of a model with these taps.

    Raises:
        ValueError: If a tap does not exist, or `taps` is `"auto"` for a model
            that is not a graph of layers.
    """
    return create_network(unwrap(model), x, taps)


def _tapped_features(
    model: keras.Model,
    x: Any,
    taps: Mapping[str, str] | str,
    order: np.ndarray,
) -> dict[str, np.ndarray]:
    """Returns the features of each tapped modality; ids are not features."""
    if not taps:
        return {}
    network = network_of(model, x, taps)
    parts = []
    for start in range(0, len(order), BATCH_SIZE):
        rows = order[start : start + BATCH_SIZE]
        activations = network.run(as_tensors(_take(x, rows)))
        parts.append(
            {
                name: _pooled(as_array(point))
                for name, point in network.points_of(activations).items()
                if _is_float(point) and (taps == "auto" or name in taps)
            }
        )
    return {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }


def _is_float(tensor: Any) -> bool:
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return bool(keras.backend.is_float_dtype(dtype))


def _take(x: Any, rows: np.ndarray) -> Any:
    return keras.tree.map_structure(
        lambda leaf: None if leaf is None else leaf[rows], x
    )


def _pooled(features: np.ndarray) -> np.ndarray:
    """Averages sequences and maps of features over their positions."""
    axes = tuple(range(1, features.ndim - 1))
    return (
        features.mean(axis=axes)
        if axes
        else features.reshape(len(features), -1)
    )


def _input_features(x: Any, indices: list[int], order: np.ndarray) -> Any:
    """Returns the flattened numeric inputs."""
    leaves = keras.tree.flatten(x)
    columns = [
        leaves[index][order].reshape(len(order), -1)
        for index in indices
        if leaves[index] is not None
    ]
    return np.concatenate(columns, axis=1)


def _project(
    features: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Standardizes features, replaces missing numbers, projects the columns."""
    features = features.astype("float64")
    with warnings.catch_warnings():
        # Raised for columns that are missing altogether.
        warnings.simplefilter("ignore", RuntimeWarning)
        mean, stddev = np.nanmean(features, 0), np.nanstd(features, 0)
    features = np.nan_to_num((features - mean) / np.maximum(stddev, 1e-6))
    if features.shape[1] > MAX_FEATURES:
        shape = (features.shape[1], MAX_FEATURES)
        features = features @ (
            generator.standard_normal(shape) / np.sqrt(MAX_FEATURES)
        )
    return features


def _cross_predict(
    features: np.ndarray,
    targets: np.ndarray,
    folds: np.ndarray,
    importance: np.ndarray,
) -> np.ndarray:
    predictions = np.zeros_like(targets)
    for fold in np.unique(folds):
        test = folds == fold
        train = ~test
        known = features[train], targets[train], importance[train]
        weights, bias = _fit(*known, _best_ridge(*known))
        predictions[test] = features[test] @ weights + bias
    return predictions


def _best_ridge(
    features: np.ndarray, targets: np.ndarray, importance: np.ndarray
) -> float:
    held = np.arange(len(features)) % NUM_FOLDS == 0
    if held.all() or not held.any():
        return RIDGES[-1]
    errors = []
    for ridge in RIDGES:
        known = features[~held], targets[~held], importance[~held]
        weights, bias = _fit(*known, ridge)
        error = features[held] @ weights + bias - targets[held]
        errors.append(np.mean(importance[held, None] * error**2))
    return RIDGES[int(np.argmin(errors))]


def _fit(
    features: np.ndarray,
    targets: np.ndarray,
    importance: np.ndarray,
    ridge: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Fits a weighted ridge regression, with a ridge penalty per example."""
    total = max(importance.sum(), 1e-12)
    mean = importance @ features / total
    bias = importance @ targets / total
    centered = features - mean
    weighted = (importance[:, None] * centered).T
    gram = weighted @ centered + ridge * total * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, weighted @ (targets - bias))
    return weights, bias - mean @ weights
