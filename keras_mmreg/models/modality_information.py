"""Measures what each modality contributes to a model's predictions."""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import keras

from keras_mmreg import regularizers
from keras_mmreg.backend.keras_internals import compiled_loss
from keras_mmreg.checks import check_integer
from keras_mmreg.information.information_meter import InformationMeter
from keras_mmreg.information.information_meter import warn_of_new_statistics
from keras_mmreg.models.regularized_model import RegularizedModel
from keras_mmreg.regularizers import InformationRegularizer


def create_meter(
    model: keras.Model,
    information: Any = None,
    num_samples: int | None = None,
    stddev: str | float | dict[str, str | float] | None = None,
    taps: Mapping[str, str] | str | None = None,
    functional: Any = None,
    modalities: Sequence[str] | None = None,
    seed: int = 0,
) -> InformationMeter:
    """Returns the meter of any Keras model.

    For a `RegularizedModel`, arguments that are `None` take the wrapper's
    settings. The meter is cached with the model, so that measuring again does
    not recompile.
    """
    check_integer("seed", seed, minimum=0)
    measure = _measure(model, information, num_samples, stddev)
    wrapped = isinstance(model, RegularizedModel)
    options: dict[str, Any] = {
        "taps": model.taps if wrapped else None,
        "functional": model.functional if wrapped else "auto",
        "modalities": model.modalities if wrapped else None,
    }
    given = {"taps": taps, "functional": functional, "modalities": modalities}
    options |= {name: x for name, x in given.items() if x is not None}
    inner = model.inner if wrapped else model
    loss = getattr(model, "loss", None)
    settings = json.dumps(
        [
            type(measure),
            measure.get_config(),
            options["taps"],
            options["modalities"],
            seed,
            model.run_eagerly,
            [(id(v), v.trainable) for v in inner.variables],
        ],
        default=str,
        sort_keys=True,
    )
    return _meters_of(inner).get(
        settings,
        # A notebook may redefine a class under the same name, or change a
        # layer, after which Keras asks to compile the model again.
        (loss, compiled_loss(model), options["functional"], type(measure)),
        lambda: InformationMeter(
            inner,
            measure,
            loss=loss,
            run_eagerly=model.run_eagerly,
            seed=seed,
            **options,
        ),
    )


def modality_information(
    model: keras.Model,
    data: Any,
    information: Any = None,
    num_samples: int = 8,
    stddev: str | float | dict[str, str | float] | None = None,
    taps: Mapping[str, str] | str | None = None,
    functional: Any = None,
    modalities: Sequence[str] | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Measures how much each modality informs a model's predictions.

    For each modality, returns the mean of its functional information over the
    data: how strongly the prediction reacts when only that modality is
    perturbed. The value is 0 for a modality that the model ignores. A high
    value says that the model uses the modality, not that it uses it well. To
    see which modality the accuracy depends on, use `modality_report`.

    The model runs in inference mode. If its batch normalization has not been
    trained, the numbers are meaningless, and a warning is issued.

    Args:
        model: Any built or callable `keras.Model`, wrapped or plain. It is not
            changed.
        data: What `fit` accepts as data: a dict, list or array of inputs; a
            tuple `(x, y)` or `(x, y, sample_weight)`; or a `tf.data.Dataset`,
            `keras.utils.PyDataset`, torch `DataLoader` or generator. Labels
            are used only for a loss with an `ignore_class`.
        information: `"fisher"`, `"poincare"`, `"entropy"`, `"variance"` or a
            regularizer whose settings to use. Defaults to `None`: a wrapped
            model's first information regularizer, or `"fisher"`.
        num_samples: Positive integer, the number of noise samples per example.
            Defaults to `8`.
        stddev: The noise's standard deviation, see `InformationRegularizer`.
            Defaults to `None`, which keeps the regularizer's.
        taps: Where to measure each modality, see `RegularizedModel`. Defaults
            to a wrapped model's taps, or to the inputs.
        functional: The function that compares two predictions, see
            `RegularizedModel`. Defaults to a wrapped model's, or to `"auto"`.
        modalities: List of the modalities to measure. Defaults to those that
            a wrapped model regularizes, or to all.
        batch_size: Integer, for arrays. The `"batch"` scale of the noise is
            estimated on each batch. Defaults to `None`, Keras's 32.
        steps: Integer, the number of batches to use. Defaults to all.
        seed: Integer, the seed of the noise. Defaults to `0`.

    Returns:
        Dict from modality to a float, in nats for `"fisher"` and `"entropy"`,
        in squared nats for `"poincare"` and `"variance"`. With `bound="paper"`,
        `"fisher"` and `"poincare"` are also per squared unit of the input.

    Raises:
        ValueError: If `data` is empty, or a modality cannot be measured, see
            `RegularizedModel`.

    Example:

    >>> import numpy as np
    >>> audio = keras.Input((4,), name="audio")
    >>> image = keras.Input((8,), name="image")
    >>> merged = keras.layers.Concatenate()([audio, image * 0.0])
    >>> outputs = keras.layers.Dense(3, activation="softmax")(merged)
    >>> model = keras.Model({"audio": audio, "image": image}, outputs)
    >>> x = {"audio": np.random.rand(64, 4), "image": np.random.rand(64, 8)}
    >>> information = modality_information(model, x)
    >>> information["audio"] > 0, information["image"]
    (True, 0.0)

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Eq. 11, Fig. 2
    """
    meter = create_meter(
        model,
        information,
        num_samples,
        stddev,
        taps,
        functional,
        modalities,
        seed,
    )
    information = meter.run(data, batch_size, steps)
    warn_of_new_statistics(model)
    return information


def _measure(
    model: keras.Model, information: Any, num_samples: Any, stddev: Any
) -> InformationRegularizer:
    """Returns a new regularizer with the settings of the measurement."""
    if information is None:
        methods = getattr(model, "regularizers", [])
        own = [m for m in methods if isinstance(m, InformationRegularizer)]
        information = own[0] if own else "fisher"
    regularizer: Any = None
    with suppress(ValueError):
        regularizer = regularizers.get(information)
    if not isinstance(regularizer, InformationRegularizer):
        raise ValueError(
            "`information` must be 'fisher', 'poincare', 'entropy', "
            "'variance' or an information regularizer. "
            f"Received: information={information!r}"
        )
    config = {**regularizer.get_config(), "strength": "auto", "schedule": None}
    if num_samples is not None:
        config["num_samples"] = num_samples
    if stddev is not None:
        config["stddev"] = stddev
    return type(regularizer).from_config(config)


class _Meters:
    """The most recent meters of a model, by what they measure."""

    limit = 8

    def __init__(self) -> None:
        self._meters: dict[str, tuple] = {}

    def get(self, settings: str, objects: tuple, create: Any) -> Any:
        known = self._meters.pop(settings, None)
        # Data that the model rejected may have named the modalities.
        if (
            known is None
            or not known[1].has_run
            or any(a is not b for a, b in zip(known[0], objects, strict=True))
        ):
            known = (objects, create())
        self._meters[settings] = known
        for oldest in list(self._meters)[: -self.limit]:
            del self._meters[oldest]
        return known[1]


def _meters_of(inner: keras.Model) -> _Meters:
    meters = vars(inner).get("_mmreg_meters")
    if meters is None:
        meters = _Meters()
        object.__setattr__(inner, "_mmreg_meters", meters)
    return meters
