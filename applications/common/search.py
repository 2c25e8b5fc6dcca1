"""The search for a strength: KerasTuner over a list of values.

A trial is a run like any other. It goes into the results file, from which the
curve of accuracy over strength is drawn, and is not trained again.
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras_tuner

from applications.common.command import temporary_folder


class Search(keras_tuner.GridSearch):
    """Tries every value once.

    Args:
        measure: A function of a value that returns what is to be large.
        values: The values, the weakest first.
        **kwargs: Arguments of `keras_tuner.GridSearch`.
    """

    def __init__(
        self,
        measure: Callable[[Any], float],
        values: Sequence[Any],
        **kwargs: Any,
    ) -> None:
        hyperparameters = keras_tuner.HyperParameters()
        # As text: a choice cannot mix numbers and "auto".
        hyperparameters.Choice("strength", list(map(str, values)))
        super().__init__(
            hyperparameters=hyperparameters,
            objective=keras_tuner.Objective("criterion", "max"),
            max_trials=len(values),
            **kwargs,
        )
        self.measure = measure
        self.values = {str(value): value for value in values}

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> dict:
        """What KerasTuner calls for each value."""
        value = self.values[trial.hyperparameters["strength"]]
        return {"criterion": self.measure(value)}


def search(measure: Callable[[Any], float], values: Sequence[Any]) -> Any:
    """The value with the largest measure.

    Args:
        measure: A function of a value that returns what is to be large.
        values: The values.
    """
    with temporary_folder() as folder:
        tuner = Search(measure, values, directory=folder)
        tuner.search(verbose=0)
        return tuner.values[tuner.get_best_hyperparameters()[0]["strength"]]
