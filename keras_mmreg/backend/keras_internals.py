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


def set_paths(prefix: str, layer: Any) -> None:
    """Gives the variables of a layer paths that only depend on its structure.

    Keras takes a variable's path from where its layer was built: another place
    when a model is loaded than when it was made. Checkpoints that find
    variables by their paths would not find them.

    Args:
        prefix: String that all paths start with.
        layer: A built layer or model.
    """
    weights = {id(weight) for weight in layer.weights}
    for index, variable in enumerate(layer.variables):
        owner, name = ("", *variable.path.split("/"))[-2:]
        # Seed generators have other names in every model.
        owner = owner if id(variable) in weights else "seed_generator"
        variable._path = f"{prefix}/{index}_{owner}/{name}"
