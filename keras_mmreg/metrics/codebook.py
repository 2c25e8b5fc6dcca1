"""Metrics of how many codes a vector quantizer uses."""

from typing import Any

import keras
from keras import ops

from keras_mmreg.checks import check_integer
from keras_mmreg.ops import quantization
from keras_mmreg.types import Tensor


class _CodeCounts(keras.metrics.Metric):
    """Counts how often each code was chosen; a subclass reads the counts."""

    def __init__(
        self,
        num_embeddings: int,
        num_groups: int = 1,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        check_integer("num_embeddings", num_embeddings, minimum=1)
        check_integer("num_groups", num_groups, minimum=1)
        self.num_embeddings = num_embeddings
        self.num_groups = num_groups
        self.counts = self.add_variable(
            (num_groups, num_embeddings), "zeros", name="counts"
        )

    def update_state(
        self, indices: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts the codes at `indices`.

        Args:
            indices: Integers `(..., num_groups)`, as a `VectorQuantizer`
                returns them.
            sample_weight: Optional weights of shape `(...)`, e.g. 0 for
                padding, or weights of the first of these axes only.
        """
        rows = ops.transpose(ops.reshape(indices, (-1, self.num_groups)))
        if sample_weight is None:
            weights = ops.ones_like(rows[0], dtype=self.dtype)
        else:
            weights = quantization.vector_weights(
                ops.cast(sample_weight, self.dtype), ops.shape(indices)[:-1]
            )
        counts = quantization.code_counts(rows, self.num_embeddings, weights)
        self.counts.assign_add(counts)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "num_groups": self.num_groups,
        }


@keras.saving.register_keras_serializable(package="keras_mmreg")
class CodebookPerplexity(_CodeCounts):
    """Effective number of codes in use: `exp(entropy)` of their shares.

    The perplexity is between 1 (all features share one code) and
    `num_embeddings` (all codes are used equally often). With several groups, it
    is the mean over their codebooks.

    Args:
        num_embeddings: Positive integer, the number of codes of a group.
        num_groups: Positive integer. Defaults to `1`.
        name: Optional string.
        **kwargs: Arguments of `keras.metrics.Metric`.

    Raises:
        ValueError: If a number is not positive.

    Example:

    >>> import numpy as np
    >>> metric = CodebookPerplexity(num_embeddings=8)
    >>> metric.update_state(np.array([[0], [1], [0], [1]]))
    >>> round(float(metric.result()), 3)
    2.0

    References:
        - van den Oord et al., Neural Discrete Representation Learning,
          NeurIPS 2017.
    """

    def result(self) -> Tensor:
        """Returns the perplexity of all indices since the last reset."""
        counts = ops.convert_to_tensor(self.counts)
        return ops.mean(quantization.perplexity(counts))


@keras.saving.register_keras_serializable(package="keras_mmreg")
class CodebookUsage(_CodeCounts):
    """Share of codes, between 0 and 1, that were chosen at least once.

    With several groups, the share is the mean over their codebooks.

    Args:
        num_embeddings: Positive integer, the number of codes of a group.
        num_groups: Positive integer. Defaults to `1`.
        name: Optional string.
        **kwargs: Arguments of `keras.metrics.Metric`.

    Raises:
        ValueError: If a number is not positive.

    Example:

    >>> import numpy as np
    >>> metric = CodebookUsage(num_embeddings=8)
    >>> metric.update_state(np.array([[0], [1], [0], [1]]))
    >>> float(metric.result())
    0.25
    """

    def result(self) -> Tensor:
        """Returns the share of codes in use since the last reset."""
        counts = ops.convert_to_tensor(self.counts)
        return ops.mean(quantization.usage(counts))
