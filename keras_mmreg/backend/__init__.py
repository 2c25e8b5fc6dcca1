"""The seam between the package and the deep learning frameworks.

Only this folder imports `tensorflow`, `jax` or `torch`, or checks which backend
is running; only `keras_internals.py` uses parts of Keras that are not public.
Each backend module provides the same names:

- `value_and_input_gradients`: a function's values and their gradient with
  respect to its inputs, itself differentiable with respect to the weights.
- `TrainStep`: the mixin that overrides `keras.Model.train_step` to add the
  logs that only training computes.
- `kept_variables`: a context that restores the variables if `fit` raises.
- `sum_over_batch`: a sum over the first axis.
- `sum_over_replicas`: a sum over the devices that share a batch.
- `sum_over_previous_replicas`: a sum over the devices before this one.
- `num_replicas`: how many devices or processes share a batch.
- `replica_id`: which of the replicas that share a layer is running.
- `unscaled_loss`: a loss without the factor that Keras gives it on replicas.
- `detach_updates`: lets no gradient pass through the updates of variables.
- `before_gradients`: a loss that is computed before its gradients.
- `argmin_distance`: the index of each vector's nearest code.
- `segment_sum`: the sums of the rows that share an index.
- `has_gpu`: whether the backend computes on a GPU.
"""

import keras

if keras.config.backend() == "tensorflow":
    from keras_mmreg.backend.tensorflow import TrainStep
    from keras_mmreg.backend.tensorflow import before_gradients
    from keras_mmreg.backend.tensorflow import detach_updates
    from keras_mmreg.backend.tensorflow import has_gpu
    from keras_mmreg.backend.tensorflow import kept_variables
    from keras_mmreg.backend.tensorflow import num_replicas
    from keras_mmreg.backend.tensorflow import replica_id
    from keras_mmreg.backend.tensorflow import sum_over_batch
    from keras_mmreg.backend.tensorflow import sum_over_previous_replicas
    from keras_mmreg.backend.tensorflow import sum_over_replicas
    from keras_mmreg.backend.tensorflow import unscaled_loss
    from keras_mmreg.backend.tensorflow import value_and_input_gradients
    from keras_mmreg.backend.xla import argmin_distance
    from keras_mmreg.backend.xla import segment_sum
elif keras.config.backend() == "jax":
    from keras_mmreg.backend.jax import TrainStep  # type: ignore[assignment]
    from keras_mmreg.backend.jax import before_gradients
    from keras_mmreg.backend.jax import detach_updates
    from keras_mmreg.backend.jax import has_gpu
    from keras_mmreg.backend.jax import kept_variables
    from keras_mmreg.backend.jax import num_replicas
    from keras_mmreg.backend.jax import replica_id
    from keras_mmreg.backend.jax import sum_over_batch
    from keras_mmreg.backend.jax import sum_over_previous_replicas
    from keras_mmreg.backend.jax import sum_over_replicas
    from keras_mmreg.backend.jax import unscaled_loss
    from keras_mmreg.backend.jax import value_and_input_gradients
    from keras_mmreg.backend.xla import argmin_distance
    from keras_mmreg.backend.xla import segment_sum
elif keras.config.backend() == "torch":
    from keras_mmreg.backend.torch import TrainStep  # type: ignore[assignment]
    from keras_mmreg.backend.torch import argmin_distance
    from keras_mmreg.backend.torch import before_gradients
    from keras_mmreg.backend.torch import detach_updates
    from keras_mmreg.backend.torch import has_gpu
    from keras_mmreg.backend.torch import kept_variables
    from keras_mmreg.backend.torch import num_replicas
    from keras_mmreg.backend.torch import replica_id
    from keras_mmreg.backend.torch import segment_sum
    from keras_mmreg.backend.torch import sum_over_batch
    from keras_mmreg.backend.torch import sum_over_previous_replicas
    from keras_mmreg.backend.torch import sum_over_replicas
    from keras_mmreg.backend.torch import unscaled_loss
    from keras_mmreg.backend.torch import value_and_input_gradients
else:
    raise ValueError(
        "keras_mmreg runs on the Keras backends 'tensorflow', 'jax' and "
        f"'torch'. Received: backend={keras.config.backend()!r}. Set the "
        "environment variable KERAS_BACKEND to one of them before importing "
        "Keras."
    )

__all__ = [
    "TrainStep",
    "argmin_distance",
    "before_gradients",
    "detach_updates",
    "has_gpu",
    "kept_variables",
    "num_replicas",
    "replica_id",
    "segment_sum",
    "sum_over_batch",
    "sum_over_previous_replicas",
    "sum_over_replicas",
    "unscaled_loss",
    "value_and_input_gradients",
]
