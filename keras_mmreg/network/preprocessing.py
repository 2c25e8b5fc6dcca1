"""Models that preprocess their own data, such as the tasks of keras-hub.

Their `fit` applies `preprocess_samples` to its data, before any layer sees
them. A model that wraps such a model has to do the same.
"""

from typing import Any

import keras


def preprocessed(
    inner: keras.Model, x: Any, y: Any = None, sample_weight: Any = None
) -> tuple[Any, Any, Any]:
    """Preprocesses data as the model's own `fit` would do.

    Args:
        inner: A model. Without a `preprocessor`, the data are not changed.
        x: Inputs, or a dataset.
        y: Labels, or `None`.
        sample_weight: Weights, or `None`.

    Returns:
        Inputs or a dataset, labels and weights.

    Raises:
        ValueError: If the data are neither arrays nor a `tf.data.Dataset`.
    """
    prepare = getattr(inner, "preprocess_samples", None)
    if prepare is None or getattr(inner, "preprocessor", None) is None:
        return x, y, sample_weight
    if hasattr(x, "element_spec"):  # A `tf.data.Dataset`.
        return x.map(prepare), y, sample_weight
    leaves = keras.tree.flatten(x)
    if not all(isinstance(x, str) or hasattr(x, "shape") for x in leaves):
        raise ValueError(
            "`inner` applies its `preprocessor` to arrays and "
            "`tf.data.Dataset`s alone. Apply it to your data yourself, and set "
            f"`inner.preprocessor = None`. Received: x of type {type(x)}"
        )
    return keras.utils.unpack_x_y_sample_weight(prepare(x, y, sample_weight))


def preprocessed_arguments(
    inner: keras.Model, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Returns the arguments of `fit`, with all data preprocessed."""
    names = ("x", "y", "sample_weight")
    data = preprocessed(inner, *(arguments.get(name) for name in names))
    validation = arguments.get("validation_data")
    return {
        **arguments,
        **dict(zip(names, data, strict=True)),
        "validation_data": None
        if validation is None
        else preprocessed_data(inner, validation),
    }


def preprocessed_data(inner: keras.Model, data: Any) -> Any:
    """Preprocesses `(x, y)`, `(x, y, sample_weight)` or a dataset."""
    if isinstance(data, tuple):
        prepared = preprocessed(inner, *data)
        return keras.utils.pack_x_y_sample_weight(*prepared)
    return preprocessed(inner, data)[0]
