"""Logs the terms of a `CMVQVAE`'s loss, and the use of its codes."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.backend import TrainStep
from keras_mmreg.backend import replica_id
from keras_mmreg.backend import unscaled_loss
from keras_mmreg.metrics import CodebookPerplexity
from keras_mmreg.metrics import CodebookUsage
from keras_mmreg.types import Tensor


class ReportsTerms(TrainStep):
    """Mixin that logs each term that layers add to the loss with `add_loss`.

    It does not change training: `compute_loss` returns the loss that Keras
    computes, and only records its terms.
    """

    def create_trackers(self, quantizers: dict, terms: dict[str, list]) -> None:
        """Creates the metrics.

        Args:
            quantizers: Dict from modality to a `VectorQuantizer`.
            terms: Dict from the name of a log to the layers whose losses it
                sums.
        """
        self.terms = terms
        names = ["task_loss", *(name for name in terms if terms[name])]
        self.loss_trackers = {
            name: keras.metrics.Mean(name=name) for name in names
        }
        self.codebook_trackers = {
            name: [
                CodebookPerplexity(*sizes, name=f"perplexity_{name}"),
                CodebookUsage(*sizes, name=f"codebook_usage_{name}"),
            ]
            for name, quantizer in quantizers.items()
            for sizes in [(quantizer.num_embeddings, quantizer.num_groups)]
        }
        self._records: dict[int, dict] = {}

    def record(self, indices: dict[str, tuple[Tensor, Tensor | None]]) -> None:
        """Stores the terms of this call's losses for `compute_loss`.

        Keras passes `compute_loss` a list of losses without their names.

        Args:
            indices: Dict from modality to a tuple of the chosen codes and a
                mask of the positions that are not padding, or `None` where
                there is no padding.
        """
        losses = {
            name: [loss for layer in layers for loss in layer.losses]
            for name, layers in self.terms.items()
        }
        self._records.pop(replica_id(), None)  # Of a call without a loss.
        losses = {name: sum(losses[name]) for name in losses if losses[name]}
        # Outside training and evaluation, Keras does not collect losses.
        if losses:
            self._records[replica_id()] = {"losses": losses, "indices": indices}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Returns the loss with all terms (Eq. 1), and tracks each term."""
        loss = super().compute_loss(  # type: ignore[misc]
            x, y, y_pred, sample_weight, training
        )
        # Like Keras's own loss, means over examples instead of batches.
        batch_size = ops.shape(keras.tree.flatten(x)[0])[0]

        def track(name: str, value: Tensor) -> None:
            self.loss_trackers[name].update_state(
                value, sample_weight=batch_size
            )

        added = [ops.cast(ops.sum(term), loss.dtype) for term in self.losses]  # type: ignore[attr-defined]
        track("task_loss", unscaled_loss(loss) - sum(added))
        record = self._records.pop(replica_id(), None)
        if record is not None:
            for name, term in record["losses"].items():
                track(name, term)
            for name, (indices, known) in record["indices"].items():
                for tracker in self.codebook_trackers[name]:
                    tracker.update_state(indices, sample_weight=known)
        return loss

    def training_logs(self) -> dict[str, Tensor]:
        """Returns logs that only training computes: means over the epoch."""
        tracker = self.loss_trackers.get("reconstruction_loss")
        return {} if tracker is None else {tracker.name: tracker.result()}

    def get_metrics_result(self) -> dict[str, Tensor]:
        """Returns the logs that training and evaluation share.

        Decoders do not run in `evaluate`, which would otherwise report a
        reconstruction loss of 0.
        """
        logs = dict(super().get_metrics_result())  # type: ignore[misc]
        logs.pop("reconstruction_loss", None)
        return logs
