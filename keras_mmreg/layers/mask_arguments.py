"""Checks the arguments of a `ComplementarityMask`; draws initial weights."""

import itertools
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
from keras import ops

from keras_mmreg.checks import is_number
from keras_mmreg.schedules import LinearRamp
from keras_mmreg.types import Tensor


def check_initial_value(value: Any, threshold: float, mode: str) -> None:
    """Raises unless `value` can initialize the weights."""
    random = isinstance(value, keras.initializers.Initializer)
    if not random and not is_number(value):
        raise ValueError(
            "`initial_value` must be a finite number or an instance of "
            "`keras.initializers.Initializer`, such as "
            "`keras.initializers.RandomUniform(0.0, 0.2)`. "
            f"Received: initial_value={value!r}"
        )
    if mode not in ("binary", "ternary"):
        return
    values = value((1000,)) if random else ops.array([value])
    kept = ops.any(values > threshold)
    if mode == "ternary":
        kept = ops.logical_or(kept, ops.any(values < 0.0))
    if not kept:
        raise ValueError(
            "`initial_value` must exceed `threshold`, or every channel but "
            "one starts masked. Raise `initial_value` or lower `threshold`. "
            f"Received: initial_value={value}, threshold={threshold}"
        )


def check_schedule(schedule: Any) -> None:
    """Raises unless `schedule` can scale the strength step by step."""
    if schedule is None:
        return
    if not isinstance(schedule, LinearRamp) or schedule.unit != "step":
        raise ValueError(
            "`schedule` must be a `keras_mmreg.schedules.LinearRamp` with "
            "`unit='step'`, since a layer does not know the epoch, or None. "
            f"Received: schedule={schedule!r}"
        )


def check_clip(clip: Any, threshold: float, mode: str) -> None:
    """Raises unless weights can be clipped to this range."""
    if clip is None:
        return
    if (
        not isinstance(clip, (list, tuple))
        or len(clip) != 2
        or not all(map(is_number, clip))
    ):
        raise ValueError(
            "`clip` must be a pair of finite numbers or None. "
            f"Received: clip={clip!r}"
        )
    low, high = clip
    needed = threshold if mode in ("binary", "ternary") else low
    if not low < high or high <= needed:
        raise ValueError(
            "`clip` must be a lower and a higher number, and the higher one "
            "must exceed `threshold`, or every channel but one is masked. "
            f"Received: clip={clip}, threshold={threshold}"
        )


def initial_weights(
    initial_value: Any, channels: Mapping[str, int]
) -> dict[str, Callable[..., Tensor]]:
    """Returns each modality's initializer, which gives its part of one draw.

    An initializer draws the same values at every call, so that modalities with
    the same number of channels would otherwise start with the same mask.
    """
    initializer = initial_value
    if not isinstance(initializer, keras.initializers.Initializer):
        initializer = keras.initializers.Constant(initializer)
    total = sum(channels.values())

    def part(shape: Sequence[int], dtype: Any, start: int) -> Tensor:
        return initializer((total,), dtype)[start : start + shape[0]]

    starts = itertools.accumulate(channels.values(), initial=0)
    return {
        name: partial(part, start=start)
        for name, start in zip(channels, starts, strict=False)
    }
