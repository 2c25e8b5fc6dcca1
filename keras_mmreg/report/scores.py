"""Scores of a model, as functions of sums over examples.

Because a score only needs sums over examples, one pass over the data is enough,
streams need no memory, and a bootstrap draws examples (or groups of examples)
by weighting their sums.
"""

from typing import Any
from typing import Protocol

import numpy as np

from keras_mmreg.report.task import Task

MAX_OUTPUTS = 16
"""With more outputs, R^2 is computed over all outputs together."""


class Score(Protocol):
    """A score that is a function of sums over examples."""

    @property
    def name(self) -> str:
        """The name of the score."""

    percent: bool
    higher_is_better: bool
    by_batch: bool

    def statistics(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> np.ndarray:
        """Returns each example's terms `(batch, size)`, or `(1, size)`."""

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Returns the scores `(...)`, from sums `(..., size)`."""

    def label_statistics(self, y: np.ndarray, weight: Any) -> np.ndarray | None:
        """Returns a batch's terms for `chance`, or `None` if it is unknown."""

    def chance(self, sums: np.ndarray) -> float:
        """Returns the score of the best constant prediction."""


class TaskScore:
    """Base class of classification scores, which are between 0 and 1.

    Args:
        task: The task.
    """

    percent = True
    higher_is_better = True
    by_batch = False

    def __init__(self, task: Task) -> None:
        self.task = task

    def label_statistics(self, y: np.ndarray, weight: Any) -> np.ndarray | None:
        """Returns `None`: the score of a constant prediction is unknown."""
        return None

    def chance(self, sums: np.ndarray) -> float:
        """Returns NaN: the score of a constant prediction is not needed."""
        return float("nan")


class Accuracy(TaskScore):
    """The share of labels (examples, positions) predicted correctly."""

    @property
    def name(self) -> str:
        """The name, which differs from Keras's accuracy for multiple labels."""
        several = self.task.kind == "binary" and self.task.num_classes > 1
        return "binary accuracy" if several else "accuracy"

    def statistics(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> np.ndarray:
        """Returns the number of correct labels, and of all labels."""
        classes = self.task.classes(y)
        weights = position_weights(weight, classes)
        right = self.task.predicted(predictions) == classes
        return np.stack([(right * weights).sum(1), weights.sum(1)], axis=-1)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Returns correct / all."""
        return ratio(sums[..., 0], sums[..., 1])

    def label_statistics(self, y: np.ndarray, weight: Any) -> np.ndarray:
        """Returns each class's frequency; for binary labels, by column."""
        return _label_counts(self.task, y, weight)

    def chance(self, sums: np.ndarray) -> float:
        """Returns the score of always predicting the most frequent class."""
        if self.task.kind == "binary":
            return float(np.mean(ratio(sums.max(axis=-1), sums.sum(axis=-1))))
        return float(ratio(sums.max(), sums.sum()))


class MeanIoU(TaskScore):
    """Mean intersection over union of the classes that occur."""

    name = "mIoU"

    def statistics(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> np.ndarray:
        """Returns for each class: positions in both, predicted, and true."""
        classes = self.task.classes(y)
        weights = position_weights(weight, classes)
        predicted = self.task.predicted(predictions)
        count = self.task.num_classes
        both = np.where(predicted == classes, classes, -1)
        return np.concatenate(
            [
                _histograms(each, weights, count)
                for each in (both, predicted, classes)
            ],
            axis=-1,
        )

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Returns the mean of both / (predicted + true - both)."""
        both, predicted, true = np.split(sums, 3, axis=-1)
        union = predicted + true - both
        present = union > 0
        total = np.where(present, both / np.where(present, union, 1), 0)
        return ratio(total.sum(axis=-1), present.sum(axis=-1))

    def label_statistics(self, y: np.ndarray, weight: Any) -> np.ndarray:
        """Returns the frequency of each class."""
        return _label_counts(self.task, y, weight)

    def chance(self, sums: np.ndarray) -> float:
        """Returns the IoU of always predicting the most frequent class."""
        return float(ratio(sums.max() / sums.sum(), (sums > 0).sum()))


class RSquared:
    """The share of the labels' variance that is explained."""

    name = "R²"
    percent = False
    higher_is_better = True
    by_batch = False

    def __init__(self, y: np.ndarray) -> None:
        # If labels are far from 0, the sums of squares would cancel.
        self._shift = self._columns(y).mean(axis=(0, 1), keepdims=True)

    @staticmethod
    def _columns(y: np.ndarray) -> np.ndarray:
        """Reshapes labels to `(batch, positions, outputs)`."""
        flat = y.reshape(len(y), 1, -1).astype("float64")
        return (
            flat
            if flat.shape[-1] <= MAX_OUTPUTS
            else flat.reshape(len(y), -1, 1)
        )

    def statistics(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> np.ndarray:
        """Returns per output: squared errors, labels, squares, weights."""
        error = self._columns(y) - self._columns(predictions)
        label = self._columns(y) - self._shift
        flat = y.reshape(len(y), -1).astype("float64")
        weights = self._columns(position_weights(weight, flat))
        parts = [error**2, label, label**2, np.ones_like(label)]
        parts = [(part * weights).sum(axis=1) for part in parts]
        return np.concatenate(parts, axis=-1)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Returns 1 - squared errors / sum of squares, the outputs' mean.

        Outputs whose labels are all the same have no variance to explain, and
        are left out; R^2 is unknown if that leaves none.
        """
        error, label, square, count = np.split(sums, 4, axis=-1)
        total = square - label**2 / np.where(count > 0, count, 1)
        # What rounding leaves of equal labels is no variance.
        total = np.where(total > 1e-12 * square, total, 0.0)
        shares = 1.0 - ratio(error, total)
        varies = ~np.isnan(shares)
        explained = np.where(varies, shares, 0.0).sum(axis=-1)
        return ratio(explained, varies.sum(axis=-1))

    def label_statistics(self, y: np.ndarray, weight: Any) -> np.ndarray:
        """Returns a dummy term: `chance` is known without the labels."""
        return np.zeros(1)

    def chance(self, sums: np.ndarray) -> float:
        """Returns 0: predicting the mean of the labels explains nothing."""
        return 0.0


def ratio(numerator: Any, denominator: Any) -> Any:
    """Returns the quotient, or NaN where nothing was counted."""
    denominator = np.asarray(denominator, "float64")
    counted = denominator > 0
    quotient = numerator / np.where(counted, denominator, 1.0)
    return np.where(counted, quotient, np.nan)


def position_weights(weight: Any, labels: np.ndarray) -> np.ndarray:
    """Returns label weights `(batch, positions)`, 0 for class -1."""
    counted = np.ones(labels.shape)
    if labels.dtype.kind == "i":
        counted = (labels >= 0).astype("float64")
    if weight is None:
        return counted
    weight = np.asarray(weight, "float64").reshape(len(labels), -1)
    several, rest = divmod(labels.shape[1], weight.shape[1])
    if rest:
        raise ValueError(
            "`sample_weight` must have one weight for each example, or one "
            f"for each of its {labels.shape[1]} labels. "
            f"Received: {weight.shape[1]} for each example"
        )
    return counted * np.repeat(weight, several, axis=1)


def _histograms(
    classes: np.ndarray, weights: np.ndarray, num_classes: int
) -> np.ndarray:
    """Returns each class's weight in each row, without class -1."""
    rows = np.arange(len(classes))[:, np.newaxis] * (num_classes + 1)
    counts = np.bincount(
        (rows + np.clip(classes, -1, num_classes - 1) + 1).ravel(),
        weights.ravel(),
        minlength=len(classes) * (num_classes + 1),
    )
    return counts.reshape(len(classes), -1)[:, 1:]


def _label_counts(task: Task, y: np.ndarray, weight: Any) -> np.ndarray:
    classes = task.classes(y)
    weights = position_weights(weight, classes)
    if task.kind != "binary":
        return _histograms(classes, weights, task.num_classes).sum(axis=0)
    columns = max(task.num_classes, 1)
    classes = classes.reshape(-1, columns)
    weights = weights.reshape(-1, columns)
    ones = (classes * weights).sum(axis=0)
    return np.stack([weights.sum(axis=0) - ones, ones], axis=-1)
