"""The TensorFlow side of the backend seam."""

from collections.abc import Callable
from collections.abc import Iterable
from contextlib import AbstractContextManager
from contextlib import nullcontext
from typing import Any

import keras
import tensorflow as tf

from keras_mmreg.backend.keras_internals import BuildsBeforeTracing
from keras_mmreg.types import Tensor


def value_and_input_gradients(
    function: Callable[[dict[str, Tensor]], Tensor],
    inputs: dict[str, Tensor],
) -> tuple[Tensor, dict[str, Tensor | None]]:
    """Returns values of `function`, and their sum's gradient by each input.

    Args:
        function: Maps `inputs` to a tensor of values.
        inputs: Dict of float tensors.

    Returns:
        The values and a dict of gradients, `None` where `function` does not
        depend on an input. Both can be differentiated again.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        values = function(inputs)
    return values, tape.gradient(values, inputs)


class TrainStep(BuildsBeforeTracing):
    """Adds `training_logs()` to the logs of Keras's own `train_step`."""

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Runs Keras's train step and adds the logs of training alone."""
        logs = super().train_step(data)  # type: ignore[misc]
        if num_replicas() == 1:
            return {**logs, **self.training_logs()}  # type: ignore[attr-defined]

        # Within a replica a metric only knows that replica's examples, and
        # Keras does not read it again if there are logs other than metrics.
        def logs_of_all_replicas(strategy: Any) -> dict[str, Tensor]:
            return {**self.get_metrics_result(), **self.training_logs()}  # type: ignore[attr-defined]

        context = tf.distribute.get_replica_context()
        return context.merge_call(logs_of_all_replicas)


def kept_variables(model: keras.Model) -> AbstractContextManager:
    """Does nothing: TensorFlow keeps the values in the variables."""
    return nullcontext(model)


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def sum_over_batch(x: Tensor) -> Tensor:
    """Returns the sum over the first axis, which is kept with size 1."""
    return keras.ops.sum(x, axis=0, keepdims=True)


def sum_over_replicas(x: Tensor) -> Tensor:
    """Returns the sum of `x` over the replicas of a distribution strategy.

    On one device, and outside a replica, the sum is `x`.
    """
    if num_replicas() == 1:
        return x
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)


def sum_over_previous_replicas(x: Tensor) -> Tensor:
    """Returns the sum of `x` over the replicas that come before this one."""
    if num_replicas() == 1:
        return tf.zeros_like(x)
    context = tf.distribute.get_replica_context()
    index = context.replica_id_in_sync_group
    return tf.reduce_sum(context.all_gather(x[None], axis=0)[:index], axis=0)


def num_replicas() -> int:
    """Returns how many replicas share a batch; 1 outside replicas."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def replica_id() -> int:
    """Returns which of the strategy's replicas this is; 0 outside them."""
    if num_replicas() == 1:
        return 0
    context = tf.distribute.get_replica_context()
    return int(tf.get_static_value(context.replica_id_in_sync_group))


def detach_updates(variables: Iterable[keras.Variable]) -> None:
    """Does nothing: TensorFlow passes no gradient through assignments."""


def unscaled_loss(loss: Tensor) -> Tensor:
    """Undoes Keras's division of losses by the number of replicas."""
    return loss * tf.distribute.get_strategy().num_replicas_in_sync


def before_gradients(loss: Tensor) -> Tensor:
    """Returns the loss as a value that is computed before its gradients.

    TensorFlow's graph optimizer folds the constant 1 from which a gradient
    starts. With it, it drops the dependency that a weight which `loss` reads
    without a gradient is only updated afterwards. The read would then see
    either value, by chance.
    """
    value = tf.stop_gradient(loss)
    return loss * tf.where(tf.math.is_nan(value), value, tf.ones_like(value))
