"""The seam between the package and what Keras does not make public.

Only this file imports `keras.src` or reads an underscore attribute of a Keras
object, so that a new version of Keras can break nothing elsewhere.
"""

from typing import Any

import keras

from keras_mmreg import backend


def all_layers(
    layer: keras.layers.Layer, include_self: bool = True
) -> list[keras.layers.Layer]:
    """A layer and all those inside it, however deeply nested."""
    return list(layer._flatten_layers(include_self=include_self))


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
        return by_replica.setdefault(backend.replica_id(), [])

    @_losses.setter
    def _losses(self, losses: Any) -> None:
        self.__dict__["_losses_by_replica"] = {
            backend.replica_id(): list(losses)
        }


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
