"""Vector quantization: nearest codes, code statistics, gradient estimators.

Shapes: `vectors` are `(num_groups, num_vectors, code_dim)` and a codebook is
`(num_groups, num_embeddings, code_dim)`. One group is an ordinary codebook;
with several groups, each group of channels has its own codebook (product
quantization).

References:
    - van den Oord et al., Neural Discrete Representation Learning, NeurIPS
      2017: nearest code (Eq. 1), straight-through gradient (Section 3.2),
      losses (Eq. 3), moving averages (Appendix A.1).
    - Yu et al., Vector-quantized Image Modeling with Improved VQGAN, ICLR
      2022: vectors and codes of unit norm.
    - Fifty et al., Restructuring Vector Quantization with the Rotation Trick,
      ICLR 2025.
"""

import math

import keras
from keras import ops

from keras_mmreg.backend import argmin_distance
from keras_mmreg.backend import has_gpu
from keras_mmreg.backend import segment_sum
from keras_mmreg.ops.numerics import x_log_x
from keras_mmreg.types import Tensor


def straight_through(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Returns the values of `outputs` with the gradient of `inputs`."""
    return inputs + ops.stop_gradient(outputs - inputs)


def rotate_to(vectors: Tensor, codes: Tensor) -> Tensor:
    """Returns the values of `codes`, with a gradient rotated and scaled.

    Fifty et al., Section 4: `c = |c| / |z| R z`, where `R` is the rotation
    that takes `z` to the direction of `c`; `R` and the scale are constants
    for the gradient. With the unit vectors `u = z / |z|`, `v = c / |c|` and
    `r = (u + v) / |u + v|`, `R = I - 2 r r' + 2 v u'`. The angle between the
    gradient and the code becomes the angle between the gradient and the
    vector. Where a vector or a code is 0, or they point in opposite
    directions, `R` is undefined and the gradient is passed straight through.

    Args:
        vectors: Tensor `(..., code_dim)`.
        codes: The vectors' codes, of the same shape.

    Returns:
        A tensor of the same shape.
    """
    stop = ops.stop_gradient
    z, c = stop(vectors), stop(codes)
    norm, code_norm = _norm(z), _norm(c)
    u, v = unit_vectors(z), unit_vectors(c)
    r = unit_vectors(u + v)
    rotated = vectors - 2.0 * r * _dot(r, vectors) + 2.0 * v * _dot(u, vectors)
    scaled = ops.divide_no_nan(code_norm, norm) * rotated
    smallest = keras.config.epsilon()
    defined = ops.minimum(ops.minimum(norm, code_norm), _norm(u + v)) > smallest
    return straight_through(ops.where(defined, scaled, vectors), codes)


def unit_vectors(vectors: Tensor) -> Tensor:
    """Divides vectors by their norm; a vector of zeros is not changed."""
    # The square root of 0 would have an infinite gradient.
    smallest = keras.config.epsilon() ** 2
    squared = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squared, smallest))


def _norm(x: Tensor) -> Tensor:
    return ops.sqrt(_dot(x, x))


def _dot(x: Tensor, y: Tensor) -> Tensor:
    return ops.sum(x * y, axis=-1, keepdims=True)


def kmeans(
    vectors: Tensor, centers: Tensor, weights: Tensor, num_steps: int
) -> Tensor:
    """Returns the centers after a number of steps of Lloyd's algorithm.

    A center to which no vector is assigned does not move.

    Args:
        vectors: `(num_groups, num_vectors, code_dim)`.
        centers: `(num_groups, num_embeddings, code_dim)`, to start from.
        weights: `(num_vectors,)`: 1 for a vector that counts, 0 for padding.
        num_steps: Integer.

    Returns:
        `(num_groups, num_embeddings, code_dim)`.
    """
    num_embeddings = centers.shape[1]

    def step(i: Tensor, centers: Tensor) -> Tensor:
        batch = (nearest_codes(vectors, centers), num_embeddings, weights)
        counts = code_counts(*batch)[..., None]
        means = ops.divide_no_nan(code_sums(vectors, *batch), counts)
        return ops.where(counts > 0, means, centers)

    return ops.fori_loop(0, num_steps, step, centers)


def nearest_codes(
    vectors: Tensor, codebook: Tensor, at_once: bool = False
) -> Tensor:
    """Returns the index of each vector's nearest code, by squared distance.

    `argmin_k ||z - c_k||^2 = argmin_k (||c_k||^2 / 2 - z.c_k)`: the vector's
    own norm is the same for every code. (The CM-VQVAE paper prints `argmax`.)

    Vectors are compared chunk by chunk: all distances at once would be the
    largest tensor of the model. The gradient is stopped first, so that nothing
    is kept for the backward pass.

    Args:
        vectors: `(num_groups, num_vectors, code_dim)`.
        codebook: `(num_groups, num_embeddings, code_dim)`.
        at_once: Whether to compare all vectors at once. A program without a
            loop, and without arithmetic on the number of vectors, can be
            exported. Defaults to `False`.

    Returns:
        Integer tensor `(num_groups, num_vectors)`.
    """
    vectors = ops.stop_gradient(vectors)
    codebook = ops.stop_gradient(codebook)
    half_norms = 0.5 * ops.sum(ops.square(codebook), axis=-1)

    if at_once:
        return argmin_distance(vectors, codebook, half_norms)
    chunks = _chunks(vectors, math.prod(codebook.shape[:2]))
    num_chunks, num_groups, size, _ = ops.shape(chunks)

    def add_chunk(i: Tensor, indices: Tensor) -> Tensor:
        nearest = argmin_distance(chunks[i], codebook, half_norms)
        return ops.slice_update(indices, (i, 0, 0), nearest[None])

    # Not `ops.map`: on torch it would leave a small result among the freed
    # distances of every chunk, so that later chunks could not reuse the memory.
    indices = ops.zeros((num_chunks, num_groups, size), "int32")
    indices = ops.fori_loop(0, num_chunks, add_chunk, indices)
    indices = ops.reshape(ops.swapaxes(indices, 0, 1), (num_groups, -1))
    return indices[:, : ops.shape(vectors)[1]]


def _chunks(vectors: Tensor, num_codes: int) -> Tensor:
    """Returns chunks `(chunks, groups, chunk size, code_dim)`, last one padded.

    There is at least one chunk, even on a replica whose batch is empty.
    """
    num_groups, num_vectors, code_dim = ops.shape(vectors)
    largest = max(1, _distances_at_a_time() // num_codes)
    num_chunks = num_vectors // largest + 1
    size = num_vectors // num_chunks + 1
    padding = num_chunks * size - num_vectors
    padded = ops.pad(vectors, ((0, 0), (0, padding), (0, 0)))
    chunks = ops.reshape(padded, (num_groups, num_chunks, size, code_dim))
    return ops.swapaxes(chunks, 0, 1)


def _distances_at_a_time() -> int:
    """Returns how many distances fit a CPU core's cache, or more for a GPU."""
    return 2**26 if has_gpu() else 2**19


def lookup(indices: Tensor, codebook: Tensor) -> Tensor:
    """Returns the codes at `indices`.

    Args:
        indices: Integers `(num_groups, num_vectors)`.
        codebook: `(num_groups, num_embeddings, code_dim)`.

    Returns:
        `(num_groups, num_vectors, code_dim)`.
    """
    _, num_embeddings, code_dim = codebook.shape
    rows = ops.reshape(codebook, (-1, code_dim))
    return ops.take(rows, _row_indices(indices, num_embeddings), axis=0)


def code_counts(
    indices: Tensor, num_embeddings: int, weights: Tensor
) -> Tensor:
    """Returns how many vectors are assigned to each code.

    Args:
        indices: Integers `(num_groups, num_vectors)`.
        num_embeddings: Integer, the number of codes of a group.
        weights: `(num_vectors,)`: 1 for a vector that counts, 0 for padding.

    Returns:
        `(num_groups, num_embeddings)`, of the dtype of `weights`.
    """
    num_groups = indices.shape[0]
    rows = ops.reshape(_row_indices(indices, num_embeddings), (-1,))
    repeated = ops.tile(weights, (num_groups,))
    counts = segment_sum(repeated, rows, num_groups * num_embeddings)
    return ops.reshape(counts, (num_groups, num_embeddings))


def code_sums(
    vectors: Tensor, indices: Tensor, num_embeddings: int, weights: Tensor
) -> Tensor:
    """Returns the sum of the vectors that are assigned to each code.

    Args:
        vectors: `(num_groups, num_vectors, code_dim)`.
        indices: Integers `(num_groups, num_vectors)`.
        num_embeddings: Integer, the number of codes of a group.
        weights: `(num_vectors,)`: 1 for a vector that counts, 0 for padding.

    Returns:
        `(num_groups, num_embeddings, code_dim)`.
    """
    num_groups, _, code_dim = vectors.shape
    rows = ops.reshape(_row_indices(indices, num_embeddings), (-1,))
    weighted = ops.reshape(vectors * weights[None, :, None], (-1, code_dim))
    sums = segment_sum(weighted, rows, num_groups * num_embeddings)
    return ops.reshape(sums, (num_groups, num_embeddings, code_dim))


def indices_of_counted(weights: Tensor) -> Tensor:
    """Returns the indices of the vectors that count, in order, then zeros.

    Args:
        weights: `(num_vectors,)`: 1 for a vector that counts, 0 for padding.

    Returns:
        Integers `(num_vectors,)`.
    """
    counts = ops.cast(weights, "int32")
    num_vectors = ops.shape(counts)[0]
    places = ops.maximum(ops.cumsum(counts) - 1, 0)
    indices = ops.arange(num_vectors, dtype="int32")
    return segment_sum(counts * indices, places, num_vectors)


def _row_indices(indices: Tensor, num_embeddings: int) -> Tensor:
    """Returns indices into the concatenated codes of all groups."""
    starts = num_embeddings * ops.arange(indices.shape[0], dtype="int32")
    return ops.cast(indices, "int32") + starts[:, None]


def laplace_smoothing(counts: Tensor, epsilon: float) -> Tensor:
    """Moves counts toward uniform without changing their total.

    The result is `(N_i + epsilon) / (N + K epsilon) * N`, with the counts N_i
    of K codes and their sum N. It prevents a division by zero for a code to
    which no vector is assigned.

    Args:
        counts: `(..., num_embeddings)`, not negative.
        epsilon: Small positive float.
    """
    total = ops.sum(counts, axis=-1, keepdims=True)
    num_embeddings = counts.shape[-1]
    return (counts + epsilon) / (total + num_embeddings * epsilon) * total


def perplexity(counts: Tensor) -> Tensor:
    """Returns the effective number of codes: `exp(entropy)` of their shares.

    It is between 1 (one code, or nothing counted yet) and `num_embeddings`.

    Args:
        counts: `(..., num_embeddings)`, not negative.
    """
    # A total count of 0 would divide by zero.
    total = ops.maximum(ops.sum(counts, axis=-1, keepdims=True), 1e-12)
    shares = counts / total
    return ops.exp(-ops.sum(x_log_x(shares), axis=-1))


def usage(counts: Tensor) -> Tensor:
    """Returns the share of codes, in [0, 1], that were chosen at least once.

    Args:
        counts: `(..., num_embeddings)`, not negative.
    """
    return ops.mean(ops.cast(counts > 0, "float32"), axis=-1)


def quantization_loss(
    vectors: Tensor,
    codes: Tensor,
    weights: Tensor,
    commitment_cost: float,
    codebook_cost: float = 1.0,
) -> Tensor:
    """Returns the codebook loss plus the commitment loss.

    `codebook_cost ||sg[z] - c||^2 + commitment_cost ||z - sg[c]||^2`
    (van den Oord et al., Eq. 3, second and third terms). The CM-VQVAE paper
    writes `||z - c||^2` (Eq. 3), which is the case of both costs at 1. The loss
    is a mean over vectors and channels, not a sum, so that neither image size
    nor batch size changes its weight.

    Args:
        vectors: `(num_groups, num_vectors, code_dim)`.
        codes: The vectors' codes, of the same shape.
        weights: `(num_vectors,)`: 1 for a vector that counts, 0 for padding.
        commitment_cost: Weight of the term that moves the vectors.
        codebook_cost: Weight of the term that moves the codes; 0 if moving
            averages do this. Defaults to `1.0`.

    Returns:
        A scalar.
    """
    stop = ops.stop_gradient
    loss = commitment_cost * _mean_square(vectors - stop(codes), weights)
    if codebook_cost:
        moves = _mean_square(stop(vectors) - codes, weights)
        loss = loss + codebook_cost * moves
    return loss


def _mean_square(differences: Tensor, weights: Tensor) -> Tensor:
    per_vector = ops.mean(ops.square(differences), axis=(0, 2))
    # A batch that is all padding would divide by zero.
    return ops.sum(per_vector * weights) / ops.maximum(ops.sum(weights), 1.0)


def vector_weights(weights: Tensor, positions: tuple) -> Tensor:
    """Returns one weight per vector, from weights that may lack last axes.

    Args:
        weights: Tensor with the first axes of `positions`, or size 1 there.
        positions: The shape of the features without their channels.

    Returns:
        Tensor of shape `(vectors,)`.
    """
    missing = (1,) * (len(positions) - len(weights.shape))
    weights = ops.reshape(weights, (*ops.shape(weights), *missing))
    return ops.reshape(ops.broadcast_to(weights, positions), (-1,))
