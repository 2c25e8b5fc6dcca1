"""A search space for how, and how strongly, to regularize a model."""

import math
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner

from keras_mmreg.callbacks import HeldOut
from keras_mmreg.callbacks import ShuffledModalityLogger
from keras_mmreg.checks import check_options
from keras_mmreg.configs import rebuilt
from keras_mmreg.hypermodels.hyperparameters import check_compile_arguments
from keras_mmreg.hypermodels.hyperparameters import check_range
from keras_mmreg.hypermodels.hyperparameters import compile_trial
from keras_mmreg.hypermodels.hyperparameters import number
from keras_mmreg.models import RegularizedModel
from keras_mmreg.regularizers import Regularizer
from keras_mmreg.regularizers import get_all

PLAIN = "plain"
"""The label of training without a regularizer."""

WRAPPER = ("taps", "functional", "modalities", "seed")
"""The further arguments, all of `RegularizedModel`."""


class RegularizedHyperModel(keras_tuner.HyperModel):
    """Tunes a `RegularizedModel` with KerasTuner.

    The search space consists of the hyperparameters that `build_inner` and
    `compile_arguments` define, if any, of `"regularizer"`, and of the most
    important argument of the chosen regularizer, over a range of its own:
    `"noise_scale"`, `"dropout_rate"`, `"mix_strength"`, `"fisher_strength"` and
    so on (`Regularizer.search_range`). Plain training is among the candidates
    (`regularizer="plain"`); `conclusion` says in a sentence whether a
    regularizer was any better. A random search may miss a candidate: allow
    several trials for each.

    Do not use `val_accuracy` as the objective: the shortcut works on validation
    data, too, so it would favor a strength of 0. Name the modality that may be
    a shortcut in `suspects`. The validation data is then also evaluated with
    that modality shuffled across the examples, and the objective is

    `keras_tuner.Objective("val_balanced_accuracy", "max")`,

    the mean of both accuracies, or the same for another compiled metric. See
    `ShuffledModalityLogger`. Without `suspects`, the objective must come from
    validation data in which the shortcut does not work.

    Args:
        build_inner: Function of a `keras_tuner.HyperParameters` that returns
            the `keras.Model` to regularize. It need not be compiled.
        compile_arguments: Dict of the arguments of `compile`, or a function of
            the `HyperParameters` that returns one.
        regularizers: The candidates besides `"plain"`: names such as `"fisher"`
            and `"mix"`, or a dict whose keys are labels and whose values are a
            name; an instance from `keras_mmreg.regularizers`, whose other
            settings are kept; a list of these that act together; or a function
            of the `HyperParameters` that returns any of these and defines the
            hyperparameters to search. Defaults to `("fisher",)`.
        strength: A float, or a pair `(low, high)` to search on a log scale. For
            the information penalties, it replaces their own range, from 1e-5 to
            1e-1. Good values differ by orders of magnitude between data sets;
            let the range cover them. Defaults to `None`.
        fraction: A float, or such a pair, for the methods that have a
            `fraction` and add a penalty. `None` keeps each method's own.
            Defaults to `None`.
        suspects: Optional list of the modalities to shuffle, one at a time.
            The search then needs `validation_data`. Defaults to `None`.
        held_out: Data for the gate of methods that use one, see
            `keras_mmreg.callbacks.HeldOut`. Defaults to `None`.
        name: Optional string. Defaults to `None`.
        tunable: Whether to add these hyperparameters to the search space, see
            `keras_tuner.HyperModel`. Defaults to `True`.
        **kwargs: Arguments of `RegularizedModel`: `taps`,
            `functional`, `modalities`, `seed`.

    Raises:
        ValueError: If a range or the regularizers are not as above, if a dict
            `compile_arguments` holds an optimizer or metric, which trials
            cannot share, or, in `fit`, if there is no data to shuffle.

    Example:

    >>> import numpy as np
    >>> def build_inner(hp):
    ...     color = keras.Input((3,), name="color")
    ...     shape = keras.Input((4,), name="shape")
    ...     x = keras.layers.Dense(hp.Int("units", 2, 8))(shape)
    ...     x = keras.layers.Concatenate()([color, x])
    ...     outputs = keras.layers.Dense(2, activation="softmax")(x)
    ...     return keras.Model({"color": color, "shape": shape}, outputs)
    >>> hypermodel = RegularizedHyperModel(
    ...     build_inner,
    ...     compile_arguments=lambda hp: {
    ...         "optimizer": hp.Choice("optimizer", ["adam", "sgd"]),
    ...         "loss": "sparse_categorical_crossentropy",
    ...         "metrics": ["accuracy"],
    ...     },
    ...     regularizers=("fisher", "poincare"),
    ...     suspects=["color"],
    ... )
    >>> tuner = keras_tuner.RandomSearch(
    ...     hypermodel,
    ...     objective=keras_tuner.Objective("val_balanced_accuracy", "max"),
    ...     max_trials=1,
    ...     directory="search",
    ... )
    >>> x, y = {"color": np.eye(8, 3), "shape": np.eye(8, 4)}, np.arange(8) % 2
    >>> tuner.search(x, y, validation_data=(x, y), verbose=0)
    >>> sorted(tuner.get_best_hyperparameters()[0].values)
    ['fisher_strength', 'optimizer', 'regularizer', 'units']

    Names are enough; a dict combines methods, and a function asks for other
    values:

    >>> from keras_mmreg.regularizers import ModalityNoise
    >>> regularizers = ["noise", "mix", "dropout", "fisher"]
    >>> regularizers = {
    ...     "noise": lambda hp: ModalityNoise(hp.Choice("scale", [0.5, 1.0])),
    ...     "noise + mix": ["noise", "mix"],
    ... }

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Eq. 12 and 19
    """

    def __init__(
        self,
        build_inner: Callable[[keras_tuner.HyperParameters], keras.Model],
        compile_arguments: Any,
        regularizers: Sequence[str] | Mapping[str, Any] = ("fisher",),
        strength: float | tuple[float, float] | None = None,
        fraction: float | tuple[float, float] | None = None,
        suspects: Sequence[str] | None = None,
        held_out: Any = None,
        name: str | None = None,
        tunable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, tunable=tunable)
        check_compile_arguments(compile_arguments)
        check_options(
            "RegularizedHyperModel", kwargs, WRAPPER, "RegularizedModel"
        )
        if strength is not None:
            check_range("strength", strength)
        if fraction is not None:
            check_range("fraction", fraction, maximum=1)
        self.build_inner = build_inner
        self.compile_arguments = compile_arguments
        self.regularizers = _by_label(regularizers)
        self.strength = strength
        self.fraction = fraction
        self.suspects = suspects
        self.held_out = held_out
        self.kwargs = kwargs
        self._require_use(
            "strength", strength, lambda method: method.has_automatic_strength
        )
        self._require_use("fraction", fraction, _takes_fraction)

    def _require_use(
        self, argument: str, value: Any, applies: Callable[[Regularizer], bool]
    ) -> None:
        """Raises if an argument would change none of the methods."""
        given = list(self.regularizers.values())
        if value is None or any(_is_function(each) for each in given):
            return
        if not any(applies(m) for each in given for m in get_all(each)):
            raise ValueError(
                f"`{argument}` applies to none of the methods "
                f"{list(self.regularizers)}. Leave it out, or search their own "
                "arguments with a function in `regularizers`. "
                f"Received: {argument}={value!r}"
            )

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns the compiled model of a trial."""
        # The first choice is the default, so it is tried first.
        label = hp.Choice("regularizer", [*self.regularizers, PLAIN])
        model = self.build_inner(hp)
        if label != PLAIN:
            with hp.conditional_scope("regularizer", [label]):
                regularizer = self._create(label, hp)
            model = RegularizedModel(model, regularizer, **self.kwargs)
        return compile_trial(hp, model, self.compile_arguments)

    def _create(self, label: str, hp: Any) -> list[Regularizer]:
        """Returns new instances of the methods that a label stands for."""
        given = self.regularizers[label]
        if _is_function(given):
            return get_all(given(hp))
        methods = get_all(given)
        if len(methods) == 1:
            return [self._tuned(methods[0], hp, label)]
        return [self._tuned(m, hp, f"{label}_{m.name}") for m in methods]

    def _tuned(self, method: Regularizer, hp: Any, prefix: str) -> Regularizer:
        """Returns the method with its tuned hyperparameter."""
        settings = {}
        if method.search_range is not None:
            argument, *limits = method.search_range
            value: Any = limits
            if method.has_automatic_strength and self.strength is not None:
                value = self.strength
            own = getattr(method, argument)
            settings[argument] = number(
                hp,
                f"{prefix}_{argument}",
                value,
                default=math.prod(limits) ** 0.5 if own == "auto" else own,
            )
        if self.fraction is not None and _takes_fraction(method):
            settings["fraction"] = number(
                hp, f"{prefix}_fraction", self.fraction, method.fraction
            )
        # A copy, because trials would share the given instance.
        return rebuilt(method, **settings)

    @staticmethod
    def conclusion(tuner: keras_tuner.Tuner) -> str:
        """Says in a sentence whether a regularizer beat plain training.

        Args:
            tuner: The `keras_tuner.Tuner`, after its search.

        Raises:
            ValueError: If no trial of plain training, or no trial with a
                regularizer, has finished.
        """
        objective = tuner.oracle.objective
        trials: dict[bool, list] = {True: [], False: []}  # Best first.
        for trial in tuner.oracle.get_best_trials(len(tuner.oracle.trials)):
            plain = trial.hyperparameters["regularizer"] == PLAIN
            trials[plain].append(trial)
        if not all(trials.values()):
            raise ValueError(
                "`tuner` must have finished a trial of plain training and one "
                "of a regularizer. Search longer, with more `max_trials` or, "
                "for `Hyperband`, `hyperband_iterations`."
            )
        sign = 1.0 if objective.direction == "max" else -1.0
        chosen, plain = trials[False][0], trials[True][0]
        budget = f"{len(trials[False])} trials against {len(trials[True])}"
        label = chosen.hyperparameters["regularizer"]
        if sign * plain.score >= sign * chosen.score:
            return (
                f"Plain training is best: {objective.name} {plain.score:.4g} "
                f"against {chosen.score:.4g} with the best regularizer, "
                f"{label!r} (the best of {budget} of plain training)."
            )
        return (
            f"The regularizer {label!r} beats plain training: {objective.name} "
            f"{chosen.score:.4g} against {plain.score:.4g} (the best of "
            f"{budget} of plain training: the more trials, the better the best "
            "by chance)."
        )

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        *args: Any,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Trains a trial's model; evaluates it with suspects shuffled, too."""
        callbacks = list(callbacks or [])
        if self.held_out is not None and getattr(model, "gate", None):
            callbacks.append(HeldOut(self.held_out))
        if self.suspects is not None:
            data = kwargs.get("validation_data")
            if data is None:
                # A fatal error ends the search; others end only the trial.
                raise keras_tuner.errors.FatalValueError(
                    "`suspects` are shuffled in the validation data: call "
                    "`tuner.search` with `validation_data`. Received: none"
                )
            batch_size = kwargs.get("validation_batch_size")
            try:
                logger = ShuffledModalityLogger(
                    data,
                    self.suspects,
                    batch_size=batch_size or kwargs.get("batch_size"),
                    steps=None
                    if isinstance(data, tuple)
                    else kwargs.get("validation_steps"),
                )
                logger.set_model(model)
                logger.on_train_begin()
            except ValueError as error:
                raise keras_tuner.errors.FatalValueError(str(error)) from error
            # In front, because the tuner's own callbacks read the objective.
            callbacks = [logger, *callbacks]
        return model.fit(*args, callbacks=callbacks, **kwargs)


def _by_label(regularizers: Any) -> dict[str, Any]:
    if isinstance(regularizers, str):
        regularizers = [regularizers]
    if not isinstance(regularizers, Mapping):
        regularizers = {name: name for name in regularizers}
    names = list(regularizers)
    if (
        not names
        or not all(isinstance(n, str) for n in names)
        or PLAIN in names
    ):
        raise ValueError(
            "`regularizers` must be names, such as ['fisher', 'poincare'], or "
            "a dict from a label to a name, an instance, a list of these or a "
            f"function that returns them. Received: regularizers={regularizers}"
        )
    for value in regularizers.values():
        if not _is_function(value):
            get_all(value)
    return dict(regularizers)


def _is_function(given: Any) -> bool:
    """Returns whether a function of the `HyperParameters` was given."""
    return callable(given) and not isinstance(given, Regularizer)


def _takes_fraction(method: Regularizer) -> bool:
    return method.penalizes and "fraction" not in method.without
