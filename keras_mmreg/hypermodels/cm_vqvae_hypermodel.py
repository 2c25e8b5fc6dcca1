"""A search space for a CM-VQVAE's mask and quantizers."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from keras_mmreg.hypermodels.hyperparameters import check_choices
from keras_mmreg.hypermodels.hyperparameters import check_compile_arguments
from keras_mmreg.hypermodels.hyperparameters import check_range
from keras_mmreg.hypermodels.hyperparameters import choice
from keras_mmreg.hypermodels.hyperparameters import compile_trial
from keras_mmreg.hypermodels.hyperparameters import number
from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models import CMVQVAE


class CMVQVAEHyperModel(keras_tuner.HyperModel):
    """Tunes a `CMVQVAE` with KerasTuner.

    The search space consists of the hyperparameters that `build_parts` and
    `compile_arguments` define, if any, and of the arguments below that are
    given a range or several choices: `"strength"`, `"initial_value"`,
    `"num_embeddings"`, `"num_groups"`, `"commitment_cost"`.

    As the objective, use the task alone, on validation data: `"val_task_loss"`,
    or a compiled metric such as `"val_accuracy"`. The total `val_loss` includes
    the mask's weights times their strength, and would favor a strength of 0.

    Args:
        build_parts: Function of a `keras_tuner.HyperParameters` that returns a
            dict with `encoders`, `head` and, optionally, other arguments of
            `CMVQVAE` except `quantizers` and `mask`.
        compile_arguments: Dict of the arguments of `compile`, or a function of
            the `HyperParameters` that returns one (e.g. to search the learning
            rate).
        strength: The mask's strength: a float, or a pair `(low, high)` to
            search on a log scale. The effect of a strength depends on the
            number of training steps. Defaults to `(1e-4, 1e-1)`.
        initial_value: A float, or such a pair, above the mask's threshold.
            Defaults to `0.1`.
        num_embeddings: An integer, or a list to choose from. Defaults to
            `(64, 128, 256, 512)`.
        num_groups: An integer, or a list to choose from; all must divide the
            channels of every modality. Defaults to `1`.
        commitment_cost: A float, or a pair `(low, high)`. Defaults to `0.25`.
        quantizer_options: Dict of further arguments of `VectorQuantizer`.
        mask_options: Dict of further arguments of `ComplementarityMask`.
        name: Optional string. Defaults to `None`.
        tunable: Whether to add these hyperparameters to the search space, see
            `keras_tuner.HyperModel`. Defaults to `True`.

    Raises:
        ValueError: If a range or the choices are not as above, or if a dict
            `compile_arguments` holds an optimizer or metric, which trials
            cannot share.

    Example:

    >>> import numpy as np
    >>> Dense = keras.layers.Dense
    >>> def build_parts(hp):
    ...     size = hp.Choice("channels", [4, 8])
    ...     return {
    ...         "encoders": {"image": Dense(size), "audio": Dense(size)},
    ...         "decoders": {"image": Dense(6), "audio": Dense(3)},
    ...         "head": Dense(2, activation="softmax"),
    ...     }
    >>> hypermodel = CMVQVAEHyperModel(
    ...     build_parts,
    ...     compile_arguments=lambda hp: {
    ...         "optimizer": keras.optimizers.Adam(
    ...             hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
    ...         ),
    ...         "loss": "sparse_categorical_crossentropy",
    ...     },
    ...     num_embeddings=(8, 16),
    ... )
    >>> tuner = keras_tuner.RandomSearch(
    ...     hypermodel,
    ...     objective=keras_tuner.Objective("val_task_loss", "min"),
    ...     max_trials=1,
    ...     directory="search",
    ... )
    >>> x, y = {"image": np.eye(8, 6), "audio": np.eye(8, 3)}, np.arange(8) % 2
    >>> tuner.search(x, y, validation_data=(x, y), verbose=0)
    >>> sorted(tuner.get_best_hyperparameters()[0].values)
    ['channels', 'learning_rate', 'num_embeddings', 'strength']

    References:
        - Tejero-de-Pablos, Complementary-Contradictory Feature Regularization
          against Multimodal Overfitting, WACV 2024: Section 4.1.
    """

    def __init__(
        self,
        build_parts: Callable[[keras_tuner.HyperParameters], Mapping[str, Any]],
        compile_arguments: Any,
        strength: float | tuple[float, float] = (1e-4, 1e-1),
        initial_value: float | tuple[float, float] = 0.1,
        num_embeddings: Any = (64, 128, 256, 512),
        num_groups: Any = 1,
        commitment_cost: float | tuple[float, float] = 0.25,
        quantizer_options: Mapping[str, Any] | None = None,
        mask_options: Mapping[str, Any] | None = None,
        name: str | None = None,
        tunable: bool = True,
    ) -> None:
        super().__init__(name=name, tunable=tunable)
        check_compile_arguments(compile_arguments)
        check_range("strength", strength)
        check_range("initial_value", initial_value)
        check_range("commitment_cost", commitment_cost)
        check_choices("num_embeddings", num_embeddings)
        check_choices("num_groups", num_groups)
        self.build_parts = build_parts
        self.compile_arguments = compile_arguments
        self.strength = strength
        self.initial_value = initial_value
        self.num_embeddings = num_embeddings
        self.num_groups = num_groups
        self.commitment_cost = commitment_cost
        self.quantizer_options = dict(quantizer_options or {})
        self.mask_options = dict(mask_options or {})

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns the compiled model of a trial."""
        model = CMVQVAE(
            **self.build_parts(hp),
            quantizers=VectorQuantizer(
                choice(hp, "num_embeddings", self.num_embeddings, default=512),
                commitment_cost=number(
                    hp, "commitment_cost", self.commitment_cost, default=0.25
                ),
                num_groups=choice(hp, "num_groups", self.num_groups, default=1),
                **self.quantizer_options,
            ),
            mask=ComplementarityMask(
                strength=number(hp, "strength", self.strength, default=1e-4),
                initial_value=number(
                    hp, "initial_value", self.initial_value, default=0.1
                ),
                **self.mask_options,
            ),
        )
        return compile_trial(hp, model, self.compile_arguments)
