"""Trains the net of a problem, plainly or as a method wants it."""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from applications.common.problems import Examples
from applications.common.problems import Problem
from keras_mmreg.models import RegularizedModel

Optimizer = Callable[..., keras.optimizers.Optimizer]


@dataclass(frozen=True)
class Recipe:
    """What a method changes of plain training.

    Attributes:
        regularizer: What `RegularizedModel` takes; `None` leaves the net as it
            is.
        build: A function of the problem that makes another model of it.
        optimizer: A function of the learning rate; `None` leaves the
            problem's own.
        loss: A function of no argument that makes a loss of logits.
        one_hot: Whether `loss` takes classes as one-hot vectors.
        taps: `"auto"`, or `None` for the problem's own.
        callbacks: A function of the data held out from training that makes
            callbacks.
        estimator: A function of the examples to train on and of those held out
            that makes one more callback.
        holds_out_groups: Whether these data are whole groups. One subject of
            four is a quarter of the training data, so that a method which asks
            for a group pays for it.
        ensemble: Whether each modality gets a net of its own.
    """

    regularizer: Any = None
    build: Callable[[Problem], keras.Model] | None = None
    optimizer: Optimizer | None = None
    loss: Callable[[], Any] | None = None
    one_hot: bool = False
    taps: str | None = None
    callbacks: Callable[[Examples], Sequence[Any]] | None = None
    estimator: Callable[[Examples, Examples], Any] | None = None
    holds_out_groups: bool = False
    ensemble: bool = False

    @property
    def holds_out(self) -> bool:
        """Whether the method measures on data that are not trained on."""
        return self.callbacks is not None or self.estimator is not None


class Ensemble:
    """The mean of the log-probabilities of one net for each modality."""

    def __init__(self, members: dict[str, keras.Model]) -> None:
        self.members = members

    def predict(self, x: dict[str, np.ndarray], **kwargs: Any) -> np.ndarray:
        """What `keras.Model.predict` would return, of all together."""
        outputs = [
            log_softmax(model.predict({name: x[name]}, **kwargs))
            for name, model in self.members.items()
        ]
        return np.mean(outputs, axis=0)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The logarithm of the probabilities."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def train(
    problem: Problem,
    recipe: Recipe,
    examples: Examples,
    seed: int,
    held_out: Examples | None = None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    callbacks: Sequence[Any] = (),
) -> Any:
    """A trained model of the problem.

    Args:
        problem: The problem.
        recipe: What the method changes.
        examples: What to train on.
        seed: Integer, of the weights, the order and the method's noise.
        held_out: Examples that a method may look at to find out what a
            modality is worth; none are trained on.
        epochs: Instead of the problem's.
        learning_rate: Instead of the problem's.
        callbacks: More callbacks.

    Returns:
        Something with the `predict` of a Keras model.
    """
    keras.utils.set_random_seed(seed)

    def fit(model: keras.Model) -> keras.Model:
        return _fit(
            problem,
            recipe,
            model,
            examples,
            held_out,
            epochs or problem.epochs,
            learning_rate or problem.learning_rate,
            callbacks,
        )

    if recipe.ensemble:
        return Ensemble(
            {name: fit(problem.build([name])) for name in problem.modalities}
        )
    model = (recipe.build or Problem.build)(problem)
    if recipe.regularizer is not None:
        model = RegularizedModel(
            model,
            recipe.regularizer,
            taps=recipe.taps or dict(problem.taps),
            seed=seed,
        )
    return fit(model)


def _fit(
    problem: Problem,
    recipe: Recipe,
    model: keras.Model,
    examples: Examples,
    held_out: Examples | None,
    epochs: int,
    learning_rate: float,
    callbacks: Sequence[Any],
) -> keras.Model:
    loss = recipe.loss or _cross_entropy
    optimizer = recipe.optimizer or problem.optimizer
    model.compile(optimizer(learning_rate), loss())
    callbacks = list(callbacks)
    if recipe.holds_out and held_out is None:
        raise ValueError(
            "`held_out` must be examples: this method measures on them. "
            "Received: None"
        )
    if held_out is not None and recipe.callbacks is not None:
        callbacks += recipe.callbacks(held_out)
    if held_out is not None and recipe.estimator is not None:
        callbacks.append(recipe.estimator(examples, held_out))
    y = examples.y
    if recipe.one_hot:
        y = np.eye(problem.num_classes, dtype="float32")[y]
    model.fit(
        inputs(model, examples),
        y,
        batch_size=problem.batch_size,
        epochs=epochs,
        callbacks=callbacks,
        verbose=0,
    )
    return model


def inputs(model: Any, examples: Examples) -> dict[str, np.ndarray]:
    """The modalities of the examples that the model takes."""
    # A subclassed model has no `inputs`; those here take all modalities.
    tensors = getattr(model, "inputs", None)
    if tensors is None:
        return examples.x
    return {tensor.name: examples.x[tensor.name] for tensor in tensors}


def _cross_entropy() -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
