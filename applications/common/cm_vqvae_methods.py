"""The rows of the paper's tables as one function."""

from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import keras

from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models import CMVQVAE


class _Method(NamedTuple):
    mask: str
    reconstructs: bool
    regularizes: bool = False


METHODS = {
    "concat": _Method("none", reconstructs=False),
    "dropout": _Method("dropout", reconstructs=True),
    "gated": _Method("attention", reconstructs=True),
    "cm_vqvae_unregularized": _Method("binary", reconstructs=True),
    "cm_vqvae": _Method("binary", reconstructs=True, regularizes=True),
    "config_i": _Method("none", reconstructs=False),
    "config_ii": _Method("none", reconstructs=True),
    "config_iii": _Method("binary", reconstructs=False, regularizes=True),
}
"""Tables 2 and 4, without the unimodal rows: those have a single encoder."""

_MASK_CONSTANTS = {
    "paper": {"threshold": 0.05, "initial_value": 0.1, "strength": 1e-4},
    "authors": {"threshold": 0.005, "initial_value": 0.01, "strength": 1e-4},
}


def create_cm_vqvae(
    method: str,
    encoders: Mapping[str, Any],
    decoders: Mapping[str, Any],
    head: Any,
    compat: str = "paper",
    num_embeddings: int = 512,
    quantizer_options: Mapping[str, Any] | None = None,
    mask_options: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> CMVQVAE:
    """A `CMVQVAE` as a row of the paper's tables describes it.

    | method | row | codes and decoders | mask |
    |---|---|---|---|
    | `"concat"`, `"config_i"` | Multi, (i) | no | no |
    | `"dropout"` | Drop. | yes | random |
    | `"gated"` | Gated | yes | attention |
    | `"cm_vqvae_unregularized"` | Ours† | yes | binary, strength 0 |
    | `"cm_vqvae"` | Ours | yes | binary |
    | `"config_ii"` | (ii) | yes | no |
    | `"config_iii"` | (iii) | no | binary |

    The unimodal rows are `"cm_vqvae"` with one encoder.

    Args:
        method: A name from the table.
        encoders: Dict from modality to a layer or model.
        decoders: Dict from modality to a layer or model, left out where the
            row has none.
        head: A layer or model that solves the task.
        compat: `"paper"`, or `"authors"` for the constants of the authors' code
            where they differ: mask weights start at 0.01 with a threshold of
            0.005; codes start at N(0, 1), or with `update="gradient"` between
            -1/K and 1/K, and never restart; reconstruction errors are not
            divided by the data's variance. (Their counts start at 0, which
            throws unused codes away; that is not reproduced.) Defaults to
            `"paper"`. Their networks are options of the presets in
            `keras_mmreg.models.cm_vqvae`; they train by Adam at 1e-3.
        num_embeddings: Integer K. Defaults to `512`.
        quantizer_options: Dict of further arguments of `VectorQuantizer`.
        mask_options: Dict of further arguments of `ComplementarityMask`.
        **kwargs: Arguments of `CMVQVAE`.

    Returns:
        A `CMVQVAE`.

    Raises:
        ValueError: If the method or `compat` is unknown.

    Example:

    >>> Dense = keras.layers.Dense
    >>> model = create_cm_vqvae(
    ...     "gated",
    ...     encoders={"image": Dense(8), "audio": Dense(8)},
    ...     decoders={"image": Dense(20), "audio": Dense(5)},
    ...     head=Dense(10, activation="softmax"),
    ... )
    >>> model.mask.mode
    'attention'

    References:
        - Tejero-de-Pablos, Complementary-Contradictory Feature Regularization
          against Multimodal Overfitting, WACV 2024: Tables 2 and 4.
    """
    if method not in METHODS:
        raise ValueError(
            f"`method` must be one of {sorted(METHODS)}. Received: {method!r}"
        )
    if compat not in _MASK_CONSTANTS:
        raise ValueError(
            f"`compat` must be 'paper' or 'authors'. Received: {compat!r}"
        )
    row = METHODS[method]
    mask = dict(_MASK_CONSTANTS[compat], **(mask_options or {}), mode=row.mask)
    if not row.regularizes:
        mask["strength"] = 0.0
    if not row.reconstructs:
        return CMVQVAE(
            encoders,
            head,
            quantizers=None,
            mask=ComplementarityMask(**mask),
            **kwargs,
        )
    quantizer: dict[str, Any] = dict(quantizer_options or {})
    if compat == "authors":
        quantizer = {
            "codebook_initializer": _authors_initializer(
                quantizer.get("update", "ema"), num_embeddings
            ),
            "restart_threshold": 0.0,
            **quantizer,
        }
        kwargs = {"data_variance": dict.fromkeys(encoders, 1.0), **kwargs}
    return CMVQVAE(
        encoders,
        head,
        decoders=decoders,
        quantizers=VectorQuantizer(num_embeddings, **quantizer),
        mask=ComplementarityMask(**mask),
        **kwargs,
    )


def _authors_initializer(
    update: str, num_embeddings: int
) -> keras.initializers.Initializer:
    if update == "ema":
        return keras.initializers.RandomNormal(0.0, 1.0)
    bound = 1.0 / num_embeddings
    return keras.initializers.RandomUniform(-bound, bound)
