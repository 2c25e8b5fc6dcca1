"""What the package uses of Keras that Keras does not promise to keep."""

from typing import Any

from keras_mmreg.backend import replica_id


class LossesOfEachReplica:
    """Keeps apart the losses that replicas add to a layer.

    The replicas of a `tf.distribute.MirroredStrategy` share their layers'
    Python objects, and take turns at every sum over replicas. A layer that
    takes such sums, or is called between them, would hand each replica the
    losses of all of them.
    """

    @property
    def _losses(self) -> list:
        by_replica = self.__dict__.setdefault("_losses_by_replica", {})
        return by_replica.setdefault(replica_id(), [])

    @_losses.setter
    def _losses(self, losses: Any) -> None:
        self.__dict__["_losses_by_replica"] = {replica_id(): list(losses)}
