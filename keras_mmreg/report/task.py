"""Infers the task of a model from its loss, or else from the labels."""

from typing import Any
from typing import NamedTuple

import keras
import numpy as np
from keras import losses

from keras_mmreg.information.resolve_functional import BINARY
from keras_mmreg.information.resolve_functional import CATEGORICAL
from keras_mmreg.information.resolve_functional import REGRESSION

_HINGES = (losses.hinge, losses.squared_hinge)
_REGRESSION = (*REGRESSION, losses.cosine_similarity)
# The first kind that has a loss is its kind.
_KINDS = (
    ("sparse", (losses.sparse_categorical_crossentropy,)),
    ("one_hot", (*CATEGORICAL, losses.categorical_hinge)),
    ("binary", (*BINARY, *_HINGES)),
    ("regression", _REGRESSION),
)


class Task(NamedTuple):
    """The task of an output: what its labels and predictions mean.

    Attributes:
        kind: `"sparse"` (class indices), `"one_hot"`, `"binary"` (one or
            several labels of 0 and 1), or `"regression"`.
        from_logits: Whether predictions are logits.
        dense: Whether each example has many labeled positions, as in
            segmentation, or labels that only the metric can compare.
        num_classes: Integer; `0` for regression.
        ignore_class: A label that does not count, or `None`.
        axis: The axis of the classes.
    """

    kind: str
    from_logits: bool
    dense: bool
    num_classes: int
    ignore_class: int | None = None
    axis: int = -1

    @property
    def name(self) -> str:
        """The name of the task in words."""
        if self.kind == "regression":
            return "regression"
        if self.kind == "binary" and self.num_classes > 1:
            return "multi-label classification"
        if self.kind == "binary":
            return "binary classification"
        return "dense classification" if self.dense else "classification"

    def classes(self, y: np.ndarray) -> np.ndarray:
        """Returns each position's true class, or -1 if it is ignored."""
        if self.kind == "binary":
            return y.reshape(len(y), -1).astype(int)
        if self.kind == "one_hot":
            return np.argmax(y, self.axis).reshape(len(y), -1)
        classes = y.reshape(len(y), -1).astype(int)
        if self.ignore_class is None:
            return classes
        return np.where(classes == self.ignore_class, -1, classes)

    def predicted(self, predictions: np.ndarray) -> np.ndarray:
        """Returns the predicted class of each position."""
        size = len(predictions)
        if self.kind == "binary":
            threshold = 0.0 if self.from_logits else 0.5
            return (predictions.reshape(size, -1) > threshold).astype(int)
        return np.argmax(predictions, self.axis).reshape(size, -1)

    def probabilities(self, predictions: np.ndarray) -> np.ndarray:
        """Returns predictions as probabilities, with classes last."""
        if self.kind == "binary":
            if not self.from_logits:
                return predictions
            return 1.0 / (1.0 + np.exp(-np.clip(predictions, -60, 60)))
        predictions = np.moveaxis(predictions, self.axis, -1)
        if not self.from_logits:
            return predictions
        shifted = predictions - predictions.max(axis=-1, keepdims=True)
        exponentials = np.exp(shifted)
        return exponentials / exponentials.sum(axis=-1, keepdims=True)

    def scores(self, predictions: np.ndarray) -> np.ndarray:
        """Returns scores that add up over modalities: logits or values."""
        predictions = predictions.astype("float64")
        if self.kind == "regression" or self.from_logits:
            return predictions
        clipped = np.clip(predictions, 1e-7, 1 - 1e-7)
        if self.kind == "binary":
            return np.log(clipped) - np.log1p(-clipped)
        return np.log(clipped)

    def require_labels(self, y: np.ndarray) -> None:
        """Raises for labels that do not fit the task.

        Raises:
            ValueError: If the output does not have a class, or a binary label
                is neither 0 nor 1.
        """
        if self.kind == "sparse":
            require_classes(y, self.num_classes, self.ignore_class)
        elif self.kind == "binary":
            _require_binary(y)


def _require_binary(y: np.ndarray) -> None:
    if not np.isin(y, (0, 1)).all():
        raise ValueError(
            "`data` must have labels that are 0 or 1, as the output is binary; "
            "Keras's hinge losses take these, too, and soft labels have to be "
            f"rounded. Received: {np.unique(y)[:5].tolist()}"
        )


def require_classes(y: np.ndarray, num_classes: int, ignored: Any) -> None:
    """Raises for labels that are not classes of the output."""
    if not np.issubdtype(y.dtype, np.number) and y.dtype != bool:
        raise ValueError(
            "`data` must have labels that are integers, the places of the "
            "classes in the output. Received: labels such as "
            f"{np.ravel(y)[0].item()!r}"
        )
    counted = y[y != ignored] if ignored is not None else y
    if counted.size and not 0 <= counted.min() <= counted.max() < num_classes:
        raise ValueError(
            f"`data` must have labels from 0 to {num_classes - 1}, the places "
            "of the classes in the output. Received: labels from "
            f"{counted.min()} to {counted.max()}"
        )


def infer_task(
    loss: Any,
    y: np.ndarray,
    predictions: np.ndarray,
    classifies: bool = False,
    compares: bool = False,
) -> Task:
    """Infers the task of one output.

    Args:
        loss: The compiled loss of the output, or `None`.
        y: All available labels.
        predictions: The model's outputs for the first examples.
        classifies: Whether the output predicts classes even if its loss is a
            regression loss. The labels then determine the kind of classes.
        compares: Whether a function of the user's compares labels with outputs,
            which then may have other shapes.

    Returns:
        A `Task`. If the loss does not determine it, the labels do: integers
        with one axis less than the outputs are classes, rows with a single 1
        are one-hot, zeros and ones are binary, the rest is regression.

    Raises:
        ValueError: If the labels do not fit the outputs.
    """
    function, config = _describe(loss)
    kind = next((name for name, known in _KINDS if function in known), None)
    if kind is None or (kind == "regression" and classifies):
        kind = _kind_of_labels(y, predictions)
    if kind == "sparse" and y.shape[1:] == predictions.shape[1:]:
        kind = _kind_of_labels(y, predictions)  # For a metric, one-hot.
    axis = config.get("axis", -1)
    axis = axis if isinstance(axis, int) else -1
    if kind == "sparse":
        num_classes, positions = predictions.shape[axis], y[0].size
    elif kind == "one_hot":
        num_classes = predictions.shape[axis]
        positions = y[0].size // max(num_classes, 1)
    elif kind == "binary":
        num_classes, positions = _binary_labels(y), y[0].size
    else:
        num_classes, positions = 0, y[0].size
    outputs = predictions[0].size
    if kind in ("sparse", "one_hot"):
        outputs //= max(num_classes, 1)
    if outputs != positions and compares:
        return Task("regression", False, True, 0)
    if outputs != positions:
        raise ValueError(
            "`data` must have labels that fit the model's output. Received, "
            f"for each example: labels of shape {y.shape[1:]} and outputs of "
            f"{predictions.shape[1:]}. If the two are meant to differ, pass as "
            "`metric` a function of `y_true` and `y_pred` that compares them."
        )
    # The predictions of a hinge loss lie around 0, like logits.
    from_logits = function in _HINGES or config.get("from_logits")
    if kind == "binary" and function in _REGRESSION:
        from_logits = False  # The output is trained to be 0 or 1.
    if from_logits is None:
        from_logits = kind != "regression" and not _are_probabilities(
            predictions, kind, axis
        )
    task = Task(
        kind,
        bool(from_logits),
        positions > 1 and kind in ("sparse", "one_hot"),
        num_classes,
        config.get("ignore_class"),
        axis,
    )
    task.require_labels(y)
    return task


def _binary_labels(y: np.ndarray) -> int:
    return y.shape[-1] if y.ndim == 2 else 1


def _describe(loss: Any) -> tuple[Any, dict[str, Any]]:
    """Returns the function that a loss computes, and its settings."""
    if isinstance(loss, str):
        loss = losses.get(loss)
    config = {}
    if isinstance(loss, losses.Loss):
        # From the config: not every Keras version has the attribute.
        config = loss.get_config()
    elif any(loss in known for _, known in _KINDS):
        config = {"from_logits": False}
    return getattr(loss, "fn", loss), config


def _kind_of_labels(y: np.ndarray, predictions: np.ndarray) -> str:
    whole = y.dtype.kind in "iub" or bool(np.all(y == np.round(y)))
    classes = predictions.shape[-1] if predictions.ndim > 1 else 1
    per_class = predictions[0].size // max(classes, 1)
    if whole and classes > 1 and y[0].size == per_class:
        return "sparse"
    if whole and y.size and y.min() >= 0 and y.max() <= 1:
        if classes > 1 and y.shape[1:] == predictions.shape[1:]:
            return "one_hot" if np.all(y.sum(axis=-1) == 1) else "binary"
        return "binary"
    return "regression"


def _are_probabilities(predictions: np.ndarray, kind: str, axis: int) -> bool:
    inside = predictions.min() >= 0.0 and predictions.max() <= 1.0
    if kind == "binary" or not inside:
        return bool(inside)
    return bool(np.allclose(predictions.sum(axis=axis), 1.0, atol=1e-2))


def as_array(predictions: Any) -> np.ndarray:
    """Converts a model's output to NumPy, in a dtype that NumPy supports."""
    predictions = np.asarray(keras.ops.convert_to_numpy(predictions))
    if predictions.dtype.kind != "f":  # bfloat16
        predictions = predictions.astype("float32")
    if predictions.dtype == np.float16:
        return predictions.astype("float32")
    return predictions
