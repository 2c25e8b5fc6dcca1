"""Where an attribute is: in the complementary or the contradictory features."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_mmreg.models import CMVQVAE

_POOLINGS = ("mean", "flatten")


def probe_separability(
    model: CMVQVAE,
    inputs: Any,
    attributes: Any,
    groups: Any = None,
    equal_channels: bool = True,
    pooling: str = "mean",
    num_folds: int = 5,
    batch_size: int = 128,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Accuracy of a linear probe on either part of each modality's features.

    A mask that works leaves a nuisance attribute (who speaks) to the
    contradictory features: there a logistic regression tells it, from the
    complementary ones it does not. Accuracies are means over cross-validation
    folds.

    Args:
        model: A trained `CMVQVAE`.
        inputs: NumPy arrays, as for a call of the model.
        attributes: One label for each example, or a dict of these from
            modality.
        groups: Optional group of each example, e.g. the recording it comes
            from; a group is never on both sides of a fold. Defaults to `None`.
        equal_channels: Whether the larger part is cut, at random, to the
            number of channels of the smaller one: with more channels anything
            is easier to tell. Defaults to `True`.
        pooling: `"mean"` over positions, or `"flatten"`. Defaults to
            `"mean"`.
        num_folds: Integer, at least 2. Defaults to `5`.
        batch_size: Integer. Defaults to `128`.
        seed: Integer, for the folds and the choice of channels. Defaults to
            `0`.

    Returns:
        For each modality a dict with the accuracies `"complementary"` and
        `"contradictory"` (NaN for a part without channels), and `"chance"`,
        the share of the most frequent label.

    Raises:
        ValueError: If an argument is unknown or lengths do not match.
        ImportError: If scikit-learn is missing.

    Example:

    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> model = CMVQVAE({"audio": keras.layers.Dense(4)}, keras.layers.Dense(2))
    >>> x = random.normal(size=(40, 6)).astype("float32")
    >>> predictions = model(x)
    >>> result = probe_separability(model, x, np.arange(40) % 2)
    >>> sorted(result["audio"])
    ['chance', 'complementary', 'contradictory']

    References:
        - Tejero-de-Pablos, Complementary-Contradictory Feature Regularization
          against Multimodal Overfitting, WACV 2024: Table 5.
    """
    if pooling not in _POOLINGS:
        raise ValueError(
            f"`pooling` must be one of {_POOLINGS}. Received: {pooling!r}"
        )
    features = _pooled_features(model, inputs, pooling, batch_size)
    kept = {
        name: ops.convert_to_numpy(mask) > 0
        for name, mask in model.mask.kept().items()
    }
    random = np.random.default_rng(seed)
    results = {}
    for name, array in features.items():
        labels = np.asarray(
            attributes[name] if isinstance(attributes, Mapping) else attributes
        )
        if labels.shape != array.shape[:1]:
            raise ValueError(
                "`attributes` must have one label for each example. Received: "
                f"shape={labels.shape} for {len(array)} examples of {name!r}"
            )
        parts = _split_channels(kept[name], equal_channels, random)
        results[name] = {
            part: _probe(array[..., channels], labels, groups, num_folds, seed)
            for part, channels in parts.items()
        }
        counts = np.unique(labels, return_counts=True)[1]
        results[name]["chance"] = float(counts.max() / counts.sum())
    return results


def _pooled_features(
    model: CMVQVAE, inputs: Any, pooling: str, batch_size: int
) -> dict[str, np.ndarray]:
    """Features with the channels last: `(examples, positions, channels)`."""
    size = len(keras.tree.flatten(inputs)[0])
    batches = []
    for start in range(0, size, batch_size):
        stop = start + batch_size
        batch = keras.tree.map_structure(lambda x: x[start:stop], inputs)  # noqa: B023
        batches.append(_as_arrays(model, model.features(batch)))
    arrays = {
        name: np.concatenate([batch[name] for batch in batches])
        for name in batches[0]
    }
    if pooling == "flatten":
        return arrays
    return {name: arrays[name].mean(1, keepdims=True) for name in arrays}


def _as_arrays(
    model: CMVQVAE, features: dict[str, Any]
) -> dict[str, np.ndarray]:
    arrays = {}
    for name, tensor in features.items():
        array = ops.convert_to_numpy(ops.stop_gradient(tensor))
        if model.mask.data_format == "channels_first":
            array = np.moveaxis(array, 1, -1)
        arrays[name] = array.reshape(len(array), -1, array.shape[-1])
    return arrays


def _split_channels(
    kept: np.ndarray, equal: bool, random: np.random.Generator
) -> dict[str, np.ndarray]:
    parts = {
        "complementary": np.flatnonzero(kept),
        "contradictory": np.flatnonzero(~kept),
    }
    size = min(map(len, parts.values()))
    if not equal or not size:
        return parts
    return {
        part: np.sort(random.choice(channels, size, replace=False))
        for part, channels in parts.items()
    }


def _probe(
    features: np.ndarray,
    labels: np.ndarray,
    groups: Any,
    num_folds: int,
    seed: int,
) -> float:
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedGroupKFold
        from sklearn.model_selection import StratifiedKFold
        from sklearn.model_selection import cross_val_score
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise ImportError(
            "`probe_separability` needs scikit-learn. Install it with "
            "`pip install keras-mmreg[visualization]`."
        ) from error
    if not features.shape[-1]:
        return float("nan")
    folds_class = StratifiedKFold if groups is None else StratifiedGroupKFold
    scores = cross_val_score(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        features.reshape(len(features), -1),
        labels,
        groups=groups,
        cv=folds_class(num_folds, shuffle=True, random_state=seed),
    )
    return float(scores.mean())
