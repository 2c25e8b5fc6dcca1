"""Logs the shares of a complementarity mask at the end of every epoch."""

from typing import Any

import keras

from keras_mmreg.backend.keras_internals import all_layers
from keras_mmreg.callbacks.order import warn_if_behind
from keras_mmreg.layers import ComplementarityMask


class ComplementarityLogger(keras.callbacks.Callback):
    """Adds the modalities' shares and zeta to the logs of `fit`.

    At the end of each epoch, `complementary_<modality>` and
    `contradictory_<modality>` (in percent of all channels; together 100) and
    `zeta` (between 0 and 1) are added to the epoch's logs, so that `History`,
    the progress bar and every callback behind this one see them. In the list,
    put this callback before `CSVLogger`, `TensorBoard`, `EarlyStopping` and
    `ModelCheckpoint`; `fit` warns otherwise. It works on `CMVQVAE` and on any
    model with one `ComplementarityMask`.

    A `CMVQVAE` logs the use of its codebooks by itself.

    Args:
        pairs: Whether to log `zeta_<modality>_<modality>` of every pair, too;
            `zeta` is the smallest of these values. Defaults to `False`.

    Raises:
        ValueError: When training starts, if the model does not have exactly
            one `ComplementarityMask`.

    Example:

    >>> import numpy as np
    >>> inputs = keras.Input((4,), name="audio")
    >>> outputs = keras.layers.Dense(1)(ComplementarityMask()(inputs))
    >>> model = keras.Model(inputs, outputs)
    >>> model.compile(keras.optimizers.SGD(1e-4), "mse")
    >>> history = model.fit(
    ...     np.ones((8, 4)),
    ...     np.ones((8, 1)),
    ...     callbacks=[ComplementarityLogger()],
    ...     verbose=0,
    ... )
    >>> history.history["complementary_modality_0"]
    [100.0]

    References:
        - Tejero-de-Pablos, Complementary-Contradictory Feature Regularization
          against Multimodal Overfitting, WACV 2024: Eqs. 6-8.
    """

    def __init__(self, pairs: bool = False) -> None:
        super().__init__()
        self.pairs = pairs
        self._mask: ComplementarityMask | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Finds the model's mask."""
        warn_if_behind(self, ("complementary_", "contradictory_", "zeta"))
        masks = [
            layer
            for layer in all_layers(self.model)
            if isinstance(layer, ComplementarityMask)
        ]
        if len(masks) != 1:
            raise ValueError(
                "The model of a `ComplementarityLogger` must have exactly one "
                f"`ComplementarityMask`. Received: {len(masks)} of them in "
                f"model {self.model.name!r}."
            )
        self._mask = masks[0]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Adds the shares and zeta to the logs."""
        if logs is None or self._mask is None:
            return
        for name, share in self._mask.complementary_shares().items():
            logs[f"complementary_{name}"] = float(share)
        for name, share in self._mask.contradictory_shares().items():
            logs[f"contradictory_{name}"] = float(share)
        logs["zeta"] = float(self._mask.complementarity())
        if self.pairs:
            pairs = self._mask.pairwise_complementarity()
            for (first, second), zeta in pairs.items():
                logs[f"zeta_{first}_{second}"] = float(zeta)
