"""Measures what each modality contributes to a model's predictions."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_mmreg import regularizers
from keras_mmreg.backend import kept_variables
from keras_mmreg.checks import check_integer
from keras_mmreg.models.information_estimator import batch_size as size_of
from keras_mmreg.models.information_estimator import example_weight
from keras_mmreg.models.information_model import InformationModel
from keras_mmreg.models.network import symbolic_inputs
from keras_mmreg.types import Tensor

NO_DATA = (
    "`data` must be what `fit` accepts: arrays in a dict or list, a tuple "
    "`(x, y)`, or a dataset. Received: data=None"
)


class InformationMeter(InformationModel):
    """Measures information through `evaluate`, on whatever that accepts."""

    def __init__(
        self, inner: keras.Model, loss: Any, run_eagerly: bool, **kwargs: Any
    ) -> None:
        super().__init__(inner, **kwargs)
        self._inner_loss = loss
        self.compile(run_eagerly=run_eagerly)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = False,
    ) -> Tensor:
        """Updates the trackers; there is no loss."""
        information = self.estimate(x, y_pred, sample_weight, self._inner_loss)
        weight = example_weight(sample_weight)
        if weight is None:
            weight = ops.ones((size_of(x),))
        self.track(information, sample_weight=ops.sum(weight))
        return ops.zeros(())

    def measure(
        self, data: Any, batch_size: int | None = None, steps: int | None = None
    ) -> dict[str, float]:
        """The information of each modality, from the same noise every time."""
        seed = self.seed_generator
        seed.state.assign(ops.convert_to_tensor([self.seed, 0], "uint32"))
        if data is None:
            raise ValueError(NO_DATA)
        if isinstance(data, tuple):
            _require_inputs_and_labels(self.inner, data)
        # Only a tuple: a list is a model's inputs.
        x, *rest = data if isinstance(data, tuple) else (data,)
        y, sample_weight = (*rest, None, None)[:2]
        with kept_variables(self):
            self.evaluate(
                x,
                y,
                sample_weight=sample_weight,
                batch_size=batch_size,
                steps=steps,
                verbose=0,
            )
        return {
            tracker.name.removeprefix("information_"): float(tracker.result())
            for tracker in self.information_trackers
        }


def _require_inputs_and_labels(inner: keras.Model, data: tuple) -> None:
    """Tells a tuple of inputs from `(x, y, sample_weight)`, where possible."""
    symbols = symbolic_inputs(inner)
    received = len(keras.tree.flatten(data[0]))
    needed = 0 if symbols is None else len(keras.tree.flatten(symbols))
    if len(data) > 3 or received < needed:
        raise ValueError(
            "`data` is a tuple, which means `(x, y)` or `(x, y, "
            "sample_weight)`; inputs belong in a dict or a list. Received: a "
            f"tuple of {len(data)}, whose first entry has {received} of "
            f"{needed} inputs."
        )


def create_meter(
    model: keras.Model,
    information: Any = None,
    num_samples: int | None = None,
    stddev: str | float | dict[str, str | float] | None = None,
    taps: Mapping[str, str] | None = None,
    functional: Any = None,
    modalities: Sequence[str] | None = None,
    seed: int = 0,
) -> InformationMeter:
    """The meter of any Keras model; what is `None` a wrapped one knows."""
    check_integer("seed", seed, minimum=0)
    wrapped = isinstance(model, InformationModel)
    if information is None:
        information = model.regularizer if wrapped else "fisher"
    config = regularizers.get(information).get_config()
    if num_samples is not None:
        config["num_samples"] = num_samples
    if stddev is not None:
        config["stddev"] = stddev
    regularizer = type(regularizers.get(information)).from_config(config)
    defaults = {
        "taps": model.taps if wrapped else None,
        "functional": model.functional if wrapped else "auto",
        "modalities": model.modalities if wrapped else None,
    }
    given = {"taps": taps, "functional": functional, "modalities": modalities}
    chosen = {
        name: defaults[name] if value is None else value
        for name, value in given.items()
    }
    return InformationMeter(
        model.inner if wrapped else model,
        loss=getattr(model, "loss", None),
        run_eagerly=model.run_eagerly,
        regularizer=regularizer,
        seed=seed,
        **chosen,
    )


def modality_information(
    model: keras.Model,
    data: Any,
    information: Any = None,
    num_samples: int = 8,
    stddev: str | float | dict[str, str | float] | None = None,
    taps: Mapping[str, str] | None = None,
    functional: Any = None,
    modalities: Sequence[str] | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """How much each modality informs about a model's predictions.

    The mean over the data of the functional information of each modality: how
    strongly the prediction reacts when only that modality is perturbed. A
    modality that the model ignores has 0. Only ratios between the modalities
    of one model, or of one modality between models, mean something.

    Args:
        model: Any built or callable `keras.Model`, wrapped or plain. It is not
            changed.
        data: What `fit` accepts as data: a dict, list or array of inputs; a
            tuple `(x, y)` or `(x, y, sample_weight)`; or a `tf.data.Dataset`,
            `keras.utils.PyDataset`, torch `DataLoader` or generator. Labels
            are not used.
        information: `"fisher"`, `"poincare"`, `"entropy"`, `"variance"` or a
            regularizer whose settings to use. Defaults to `None`: a wrapped
            model's regularizer, or `"fisher"`.
        num_samples: Positive integer, draws of the noise for each example.
            Defaults to `8`.
        stddev: The noise's standard deviation, see `InformationRegularizer`.
            Defaults to `None`, which leaves the regularizer's.
        taps: Dict from a modality to the layer to measure it at, see
            `RegularizedModel`. Defaults to a wrapped model's.
        functional: The function that compares two predictions, likewise.
        modalities: List of the modalities to measure, likewise.
        batch_size: Integer, for arrays. The `"batch"` scale of the noise is
            estimated on each. Defaults to `None`, Keras's 32.
        steps: Integer, the number of batches to use. Defaults to all.
        seed: Integer, the seed of the noise. Defaults to `0`.

    Returns:
        Dict of a float for each modality: nats per squared unit of the input
        for `"fisher"`, squared nats for `"poincare"` and `"variance"` (the
        former per squared unit of the input), nats for `"entropy"`.

    Raises:
        ValueError: If a modality cannot be measured, see
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
    return meter.measure(data, batch_size, steps)
