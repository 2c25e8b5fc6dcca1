"""The seam between the package and what Keras does not make public."""

from typing import Any

import keras


def compiled_metrics(model: keras.Model) -> Any:
    """The `metrics` of `compile` as they were given, else `weighted_metrics`.

    `model.metrics` has them only after a batch, and `get_compile_config` does
    not hold functions.
    """
    compiled = getattr(model, "_compile_metrics", None)
    if compiled is None:
        return None
    return compiled._user_metrics or compiled._user_weighted_metrics
