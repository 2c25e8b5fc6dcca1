"""Random states that are saved with the weights."""

from typing import Any

import keras
import numpy as np

_PREFIX = "seed_"


class SavesSeeds:
    """Saves the states of all seed generators of a layer or model.

    Keras saves weights, but not the states of `keras.random.SeedGenerator`. So
    a model that draws random numbers in training would not continue as if it
    had never been interrupted. Put this class before the Keras class among the
    bases. The generators of all layers inside, including those of
    `keras.layers.Dropout`, are saved, too.
    """

    def save_own_variables(self, store: Any) -> None:
        """Saves the weights, and the states of the seed generators."""
        super().save_own_variables(store)  # type: ignore[misc]
        for index, state in enumerate(seed_states(self)):
            store[f"{_PREFIX}{index}"] = keras.ops.convert_to_numpy(state)

    def load_own_variables(self, store: Any) -> None:
        """Restores what `save_own_variables` saved."""
        seeds = [key for key in store.keys() if key.startswith(_PREFIX)]
        others = {key: store[key] for key in store.keys() if key not in seeds}
        super().load_own_variables(others)  # type: ignore[misc]
        states = seed_states(self)
        if len(seeds) != len(states):
            raise ValueError(
                f"`filepath` must hold {len(states)} states of seed "
                f"generators for {self!r}. Received: {len(seeds)}. Load it "
                "into a model of the same architecture."
            )
        for index, state in enumerate(states):
            state.assign(np.asarray(store[f"{_PREFIX}{index}"]))


def seed_states(layer: Any) -> list[Any]:
    """Returns the variables of all seed generators of a layer or model."""
    # `variables` are the weights, these states, and the metrics' variables.
    others = [*layer.weights, *getattr(layer, "metrics_variables", [])]
    known = {id(variable) for variable in others}
    return [v for v in layer.variables if id(v) not in known]
