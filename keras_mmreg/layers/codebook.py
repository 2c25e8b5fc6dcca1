"""The codes of a vector quantizer, which follow the features in training."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.backend import num_replicas
from keras_mmreg.backend import sum_over_previous_replicas
from keras_mmreg.backend import sum_over_replicas
from keras_mmreg.ops import quantization
from keras_mmreg.types import Tensor

_KMEANS_STEPS = 10


class Codebook(keras.layers.Layer):
    """Codes that follow the vectors assigned to them.

    This layer holds the state of a `VectorQuantizer` and shares its arguments.
    Vectors have shape `(num_groups, num_vectors, code_dim)`. Their weights, of
    shape `(num_vectors,)`, are 1, or 0 for padding.

    Args:
        num_embeddings: Positive integer, the number of codes of a group.
        num_groups: Positive integer.
        update: `"ema"` or `"gradient"`.
        decay: Float in [0, 1), the decay of the moving averages.
        epsilon: Small positive float, the Laplace smoothing of counts.
        restart_threshold: Non-negative float.
        initializer: `"data"`, `"kmeans"` or a Keras initializer.
        unit_norm: Whether codes are divided by their norm.
        seed: Optional integer.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def __init__(
        self,
        num_embeddings: int,
        num_groups: int,
        update: str,
        decay: float,
        epsilon: float,
        restart_threshold: float,
        initializer: Any,
        unit_norm: bool,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_embeddings = num_embeddings
        self.num_groups = num_groups
        self.update = update
        self.decay = decay
        self.epsilon = epsilon
        self.restart_threshold = restart_threshold
        self.initializer = initializer
        self.unit_norm = unit_norm
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def starts_at_data(self) -> bool:
        """Whether the codes are initialized from the first training batch."""
        return self.initializer in ("data", "kmeans")

    def build(self, input_shape: tuple) -> None:
        """Creates the codes, for vectors of `input_shape[-1]` channels."""
        counts_shape = (self.num_groups, self.num_embeddings)
        codes_shape = (*counts_shape, input_shape[-1])
        initializer = (
            "random_normal" if self.starts_at_data else self.initializer
        )
        # Counts start at 1. If they started at 0, the first steps would divide
        # the sums of unused codes by almost 0 and move the codes far away.
        self.counts = self._add_state("counts", counts_shape, "ones")
        # "ema": sum of the vectors of each code. "gradient": where the code
        # was placed; the optimizer's `offset` is added to it. Inside JAX's
        # train step a layer cannot write a trainable weight, only this one.
        self.anchors = self._add_state("anchors", codes_shape, initializer)
        self.started = self._add_state("started", (), "zeros")
        self.offset = None
        if self.update == "gradient":
            self.offset = self.add_weight(
                name="offset",
                shape=codes_shape,
                initializer="zeros",
                autocast=False,
            )

    def _add_state(self, name: str, shape: tuple, initializer: Any) -> Any:
        # Every replica computes the same update, from sums over all of them.
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            autocast=False,
            trainable=False,
            aggregation="only_first_replica",
        )

    @property
    def codes(self) -> Tensor:
        """The codes, of shape `(num_groups, num_embeddings, code_dim)`."""
        if self.update == "gradient":
            codes = self.anchors + self.offset
        else:
            # van den Oord et al., Appendix A.1: e_i = m_i / N_i.
            codes = self.anchors / ops.convert_to_tensor(self.counts)[..., None]
        return quantization.unit_vectors(codes) if self.unit_norm else codes

    def prepare(self, vectors: Tensor, weights: Tensor) -> None:
        """Moves codes that are hardly used to random vectors of the batch.

        With data-dependent initialization, the first batch moves every code.
        """
        if not self.starts_at_data and not self.restart_threshold:
            return
        counts = ops.convert_to_tensor(self.counts)
        anchors = ops.convert_to_tensor(self.anchors)
        mean_counts = ops.mean(counts, axis=-1, keepdims=True)
        unused = counts < self.restart_threshold * mean_counts
        samples = self._sample_vectors(vectors, weights)
        if self.starts_at_data:
            unused = ops.logical_or(unused, self.started < 1)
        if self.initializer == "kmeans":
            samples = self._centers_at_the_start(samples, vectors, weights)
        # A batch that is all padding has no vector to start from.
        has_vectors = sum_over_replicas(ops.sum(weights)) > 0
        unused = ops.logical_and(unused, has_vectors)
        counts = ops.where(unused, mean_counts, counts)
        if self.update == "gradient":
            restarted = samples - ops.stop_gradient(self.offset)
        else:
            restarted = samples * counts[..., None]
        self.counts.assign(counts)
        self.anchors.assign(ops.where(unused[..., None], restarted, anchors))
        started = ops.cast(has_vectors, self.variable_dtype)
        self.started.assign(ops.maximum(self.started, started))

    def _sample_vectors(self, vectors: Tensor, weights: Tensor) -> Tensor:
        """Draws a random non-padding vector for each code of each group."""
        own = ops.sum(weights)
        if num_replicas() > 1:  # A replica may have no example at all.
            weights = ops.pad(weights, ((0, 1),))
            vectors = ops.pad(vectors, ((0, 0), (0, 1), (0, 0)))
        total = sum_over_replicas(own)
        uniform = keras.random.uniform(
            (self.num_groups, self.num_embeddings),
            dtype=self.variable_dtype,
            seed=self.seed_generator,
        )
        # In float32 `uniform * total` can round up to the total itself.
        positions = ops.minimum(uniform * total, total - 0.5)
        positions = positions - sum_over_previous_replicas(own)
        last = ops.shape(weights)[0] - 1
        places = ops.clip(ops.cast(positions, "int32"), 0, last)
        # Not `searchsorted`, for which XLA compares all pairs.
        counted = quantization.indices_of_counted(weights)
        chosen = ops.take(counted, places, axis=0)
        samples = ops.take_along_axis(vectors, chosen[..., None], axis=1)
        here = ops.logical_and(positions >= 0, positions < own)
        return sum_over_replicas(ops.where(here[..., None], samples, 0.0))

    def _centers_at_the_start(
        self, samples: Tensor, vectors: Tensor, weights: Tensor
    ) -> Tensor:
        """Returns the k-means centers for the first batch, then `samples`.

        Only the first replica runs k-means, because TensorFlow's replicas
        cannot communicate inside a conditional.
        """
        centers = ops.cond(
            ops.convert_to_tensor(self.started) < 1,
            lambda: quantization.kmeans(
                vectors, samples, weights, _KMEANS_STEPS
            ),
            lambda: samples,
        )
        first = sum_over_previous_replicas(ops.ones_like(weights[:1])) < 1
        return sum_over_replicas(ops.where(first, centers, 0.0))

    def follow(self, vectors: Tensor, indices: Tensor, weights: Tensor) -> None:
        """Updates the averages (van den Oord et al., App. A.1, Eqs. 6-8).

        A batch that is all padding changes nothing.
        """
        batch = (indices, self.num_embeddings, weights)
        counts = sum_over_replicas(quantization.code_counts(*batch))
        has_vectors = ops.sum(counts) > 0
        # The smoothed counts are stored, so that the next average starts from
        # them: the sums of unused codes decay, but their counts do not.
        before = ops.convert_to_tensor(self.counts)
        average = self.decay * before + (1.0 - self.decay) * counts
        smoothed = quantization.laplace_smoothing(average, self.epsilon)
        self.counts.assign(ops.where(has_vectors, smoothed, before))
        if self.update == "ema":
            sums = sum_over_replicas(quantization.code_sums(vectors, *batch))
            before = ops.convert_to_tensor(self.anchors)
            average = self.decay * before + (1.0 - self.decay) * sums
            self.anchors.assign(ops.where(has_vectors, average, before))
