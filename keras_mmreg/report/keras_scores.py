"""Scores that are computed by Keras metrics and functions."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_mmreg.configs import rebuilt
from keras_mmreg.report.scores import position_weights
from keras_mmreg.report.scores import ratio


class Mean:
    """The mean of a function of labels and predictions."""

    by_batch = False

    def __init__(
        self,
        function: Callable,
        name: str,
        higher_is_better: bool,
        percent: bool,
    ) -> None:
        self.function = function
        self.name = name
        self.higher_is_better = higher_is_better
        self.percent = percent

    def statistics(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> np.ndarray:
        """Returns the sum of each example's values, and their number."""
        if predictions.shape[-1] == 1:
            y = y.reshape(*y.shape, *(1,) * (predictions.ndim - y.ndim))
        values = self.function(_as_tensor(y), _as_tensor(predictions))
        values = keras.ops.convert_to_numpy(values)
        values = np.asarray(values, "float64")
        if not values.ndim or values.size % len(y):
            raise ValueError(
                "`metric` must return a value for each example. Received: "
                f"{self.name!r}, which returned an array of shape "
                f"{values.shape} for {len(y)} examples"
            )
        values = values.reshape(len(y), -1)
        if weight is not None and values.shape[1] == 1:  # One per example.
            weight = np.asarray(weight, "float64").reshape(len(y), -1).mean(1)
        weights = position_weights(weight, values)
        return np.stack([(values * weights).sum(1), weights.sum(1)], axis=-1)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Returns sum / number."""
        return ratio(sums[..., 0], sums[..., 1])

    def label_statistics(self, y: np.ndarray, weight: Any) -> None:
        """Returns `None`: the value of a constant prediction is unknown."""
        return None

    def chance(self, sums: np.ndarray) -> float:
        """Returns NaN: the value of a constant prediction is unknown."""
        return float("nan")


_OF_BOTH_CLASSES = (
    keras.metrics.AUC,
    keras.metrics.SensitivityAtSpecificity,
    keras.metrics.SpecificityAtSensitivity,
)
_OF_POSITIVES = (
    *_OF_BOTH_CLASSES,
    keras.metrics.Recall,
    keras.metrics.PrecisionAtRecall,
    keras.metrics.RecallAtPrecision,
    keras.metrics.FBetaScore,
)

SHARES = (
    *_OF_POSITIVES,
    keras.metrics.Accuracy,
    keras.metrics.BinaryAccuracy,
    keras.metrics.CategoricalAccuracy,
    keras.metrics.SparseCategoricalAccuracy,
    keras.metrics.TopKCategoricalAccuracy,
    keras.metrics.SparseTopKCategoricalAccuracy,
    keras.metrics.Precision,
    keras.metrics.IoU,
)
"""The metrics between 0 and 1, which are reported in percent."""


class KerasMetric:
    """Any Keras metric whose state is a sum over batches of examples.

    Almost all are: `AUC`, `Precision`, `F1Score`, `MeanIoU`, `R2Score`, ...
    """

    by_batch = True

    def __init__(self, metric: Any, name: str, higher_is_better: bool) -> None:
        # A copy, so that the model's own metric keeps its state.
        self.metric = self._of_sums = rebuilt_metric(metric)
        self.name = name
        self._original = metric
        self.higher_is_better = higher_is_better
        self.percent = isinstance(metric, SHARES)
        self._variables: list[Any] = []

    def statistics(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> np.ndarray:
        """Returns the metric's state after these examples alone."""
        y, predictions, weight = map(_as_tensor, (y, predictions, weight))
        try:
            states = self._state(y, predictions, weight)
        except Exception as error:
            raise ValueError(
                f"`metric` {self.name!r} cannot compare labels of shape "
                f"{tuple(y.shape)} with predictions of shape "
                f"{tuple(predictions.shape)}. Choose one that fits the "
                f"model's output. It says: {error}"
            ) from error
        if not self._variables:
            self._variables = list(self.metric.variables)
            self._require_copy(y, predictions, weight)
            self._require_sums(y, predictions, weight)
            if any("int" in variable.dtype for variable in self._variables):
                # Means of counts over permutations are no integers.
                self._of_sums = rebuilt_metric(self.metric, dtype="float32")
                self._variables = list(self._of_sums.variables)
        return states

    def _state(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> np.ndarray:
        self.metric.reset_state()
        self.metric.update_state(y, predictions, weight)
        return np.concatenate(
            [
                keras.ops.convert_to_numpy(v.value).ravel().astype("float64")
                for v in self.metric.variables
            ]
        )[np.newaxis]

    def _require_copy(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> None:
        """Raises if the metric's config does not describe it completely."""
        original = self._original
        kept = [keras.ops.convert_to_numpy(v) for v in original.variables]
        original.reset_state()
        original.update_state(y, predictions, weight)
        expected = keras.ops.convert_to_numpy(original.result())
        original.reset_state()
        for variable, value in zip(original.variables, kept, strict=False):
            variable.assign(value)
        found = keras.ops.convert_to_numpy(self.metric.result())
        if not np.allclose(found, expected, rtol=1e-4, equal_nan=True):
            raise ValueError(
                "`metric` must be rebuilt from its config, which needs a "
                f"`get_config` with all arguments. Received: {original!r}, "
                f"which gives {expected}, and its copy {found}"
            )

    def _require_sums(
        self, y: np.ndarray, predictions: np.ndarray, weight: Any
    ) -> None:
        middle = len(y) // 2
        if not middle:
            return
        halves = [
            self._state(
                y[part],
                predictions[part],
                None if weight is None else weight[part],
            )
            for part in (slice(middle), slice(middle, None))
        ]
        whole = self._state(y, predictions, weight)
        if not np.allclose(
            sum(halves), whole, rtol=1e-3, atol=1e-3, equal_nan=True
        ):
            raise ValueError(
                f"`metric` must be the sum of what examples add to it, so that "
                f"intervals can be drawn. Received: {self.name!r}, whose state "
                "is not such a sum. Pass a function of `y_true` and `y_pred` "
                "that returns a value for each example."
            )

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Returns the metric's result for each row of summed states."""
        rows = sums.reshape(-1, sums.shape[-1])
        return np.array([self._result(row) for row in rows]).reshape(
            sums.shape[:-1]
        )

    def _result(self, row: np.ndarray) -> float:
        start = 0
        for variable in self._variables:
            stop = start + int(np.prod(variable.shape))
            variable.assign(
                row[start:stop].reshape(variable.shape).astype(variable.dtype)
            )
            start = stop
        if self._lacks_a_class() or self._lacks_variance():
            return float("nan")
        result = keras.ops.convert_to_numpy(self._of_sums.result())
        return float(np.mean(result))

    def _lacks_a_class(self) -> bool:
        """Returns whether a class has no examples, where Keras returns 0."""

        def none_of(*names: str) -> bool:
            counts = [getattr(self._of_sums, name) for name in names]
            return not np.any(sum(map(keras.ops.convert_to_numpy, counts)))

        metric = self._of_sums
        return (
            isinstance(metric, _OF_POSITIVES)
            and none_of("true_positives", "false_negatives")
        ) or (
            isinstance(metric, _OF_BOTH_CLASSES)
            and none_of("true_negatives", "false_positives")
        )

    def _lacks_variance(self) -> bool:
        """Returns whether all labels are equal, where Keras's R² is 0."""
        metric = self._of_sums
        if not isinstance(metric, keras.metrics.R2Score):
            return False
        count, total, square = (
            keras.ops.convert_to_numpy(each).astype("float64")
            for each in (metric.count, metric.sum, metric.squared_sum)
        )
        variance = square - total**2 / np.maximum(count, 1e-12)
        return bool(np.all(variance <= 1e-7 * square))

    def label_statistics(self, y: np.ndarray, weight: Any) -> np.ndarray | None:
        """Returns a value only for ROC AUC and R², whose chance is known."""
        metric = self.metric
        known = isinstance(metric, keras.metrics.R2Score) or (
            isinstance(metric, keras.metrics.AUC)
            and metric.get_config().get("curve") == "ROC"
        )
        return np.zeros(1) if known else None

    def chance(self, sums: np.ndarray) -> float:
        """Returns the ROC AUC or R² of the best constant prediction."""
        return 0.5 if isinstance(self.metric, keras.metrics.AUC) else 0.0


def _as_tensor(array: Any) -> Any:
    """Converts an array as `evaluate` does before it updates a metric."""
    if array is None:
        return None
    floats = np.asarray(array).dtype.kind == "f"
    dtype = keras.config.floatx() if floats else None
    return keras.ops.convert_to_tensor(array, dtype)


def rebuilt_metric(metric: Any, **changes: Any) -> Any:
    """Returns a copy of a Keras metric, with other values in its config.

    Raises:
        ValueError: If the config does not have all arguments.
    """
    try:
        return rebuilt(metric, **changes)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`metric` must be rebuilt from its config, which needs a "
            f"`get_config` with all arguments. Received: {metric!r}: {error}"
        ) from error
