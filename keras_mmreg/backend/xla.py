"""Functions for XLA, the compiler that JAX and TensorFlow share."""

from keras import ops

from keras_mmreg.types import Tensor


def argmin_distance(
    vectors: Tensor, codebook: Tensor, half_norms: Tensor
) -> Tensor:
    """Returns `argmin_k (||c_k||^2 / 2 - z.c_k)` for each vector z.

    XLA does not vectorize the search for an index, or comparisons. Two plain
    reductions, with arithmetic between them and the last axis left to
    vectorize over, are several times faster than `ops.argmin`. Where the
    smallest value is not finite, the index is the last one.

    Args:
        vectors: `(num_groups, num_vectors, code_dim)`.
        codebook: `(num_groups, num_embeddings, code_dim)`.
        half_norms: `(num_groups, num_embeddings)`.

    Returns:
        int32 tensor `(num_groups, num_vectors)`.
    """
    products = ops.matmul(codebook, ops.swapaxes(vectors, 1, 2))
    distances = half_norms[..., None] - products
    last = codebook.shape[1] - 1
    positions = ops.arange(last + 1, dtype=distances.dtype)[:, None]
    larger = ops.sign(  # 0 or 1
        distances - ops.min(distances, axis=1, keepdims=True)
    )
    first = ops.min(positions + last * larger, axis=1)
    return ops.cast(ops.where(ops.isnan(first), last, first), "int32")


def segment_sum(values: Tensor, indices: Tensor, num_segments: int) -> Tensor:
    """Returns the sums of the rows of `values` that share an index.

    Args:
        values: `(n, ...)`.
        indices: Integers `(n,)` from 0 to `num_segments - 1`, in any order.
        num_segments: Integer, the number of sums.

    Returns:
        `(num_segments, ...)`; 0 where no row has the index.
    """
    return ops.segment_sum(values, indices, num_segments)
