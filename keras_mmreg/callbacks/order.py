"""Warns of callbacks that come too early in the list to see the logs."""

import inspect
import warnings

import keras

from keras_mmreg.models.gate_watch import monitored

READ_ALL = (
    keras.callbacks.CSVLogger,
    keras.callbacks.RemoteMonitor,
    keras.callbacks.TensorBoard,
)
"""Callbacks that record every log of an epoch."""


def warn_if_behind(
    logger: keras.callbacks.Callback, prefixes: tuple[str, ...]
) -> None:
    """Warns if callbacks in front of a logger need the logger's logs.

    Keras calls the callbacks in the order of the list, so that one in front of
    the logger never sees its logs. Call this function in `on_train_begin`.

    Args:
        logger: A callback that adds to the logs at the end of an epoch.
        prefixes: The prefixes of the names that the logger adds.
    """
    callbacks = _callbacks_with(logger)
    places = [i for i, callback in enumerate(callbacks) if callback is logger]
    before = callbacks[: places[0]] if places else []
    blind = [
        type(callback).__name__
        for callback in before
        if isinstance(callback, READ_ALL) or _waits_for(callback, prefixes)
    ]
    if not blind:
        return
    name = type(logger).__name__
    names = ", ".join(dict.fromkeys(blind))
    logged = ", ".join(f"'{prefix}...'" for prefix in prefixes)
    warnings.warn(
        f"`{name}` is behind {names} in the list of callbacks, which "
        f"therefore will not see its logs ({logged}). Put it in front: "
        f"`callbacks=[{name}(...), {blind[0]}(...)]`.",
        stacklevel=3,
    )


def _callbacks_with(
    callback: keras.callbacks.Callback,
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that Keras is currently calling with this one.

    Keras does not tell a callback about the others, but its list of callbacks
    is the caller. The result is empty if something else is the caller.
    """
    frame = inspect.currentframe()
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, keras.callbacks.CallbackList) and any(
            each is callback for each in caller.callbacks
        ):
            return list(caller.callbacks)
        frame = frame.f_back
    return []


def _waits_for(
    callback: keras.callbacks.Callback, prefixes: tuple[str, ...]
) -> bool:
    """Returns whether a callback monitors such a log, or uses it in a path."""
    monitor = monitored(callback)
    filepath = str(getattr(callback, "filepath", ""))
    return any(
        monitor.startswith(prefix) or "{" + prefix in filepath
        for prefix in prefixes
    )
