"""What a net still knows when some of its modalities say nothing."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

import numpy as np

from applications.common.problems import Examples
from applications.common.training import inputs

BATCH_SIZE = 1000


def hits(model: Any, examples: Examples) -> np.ndarray:
    """1.0 for each example whose class is predicted, else 0.0."""
    logits = model.predict(
        inputs(model, examples), batch_size=BATCH_SIZE, verbose=0
    )
    return (np.argmax(logits, axis=-1) == examples.y).astype("float64")


def shuffle(
    examples: Examples, modalities: Iterable[str], seed: int
) -> Examples:
    """Gives modalities of each example those of others, each on its own."""
    rng = np.random.default_rng(seed)
    x = dict(examples.x)
    for name in modalities:
        x[name] = x[name][rng.permutation(len(x[name]))]
    return examples._replace(x=x)


def interventions(modalities: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Name of a column to the modalities that are shuffled for it.

    Of two modalities, one is alone where the other is shuffled.
    """
    names = tuple(modalities)
    shuffled = {f"shuffled_{name}": (name,) for name in names}
    alone = {
        f"alone_{name}": tuple(other for other in names if other != name)
        for name in names
    }
    return shuffled | alone


def all_hits(
    model: Any,
    examples: Examples,
    modalities: Iterable[str],
    extra: Mapping[str, Examples] | None = None,
    repeats: int = 2,
) -> dict[str, np.ndarray]:
    """`hits` intact, with each modality shuffled, with each alone, and more.

    Args:
        model: A model or anything with its `predict`.
        examples: The examples.
        modalities: Their names.
        extra: Further examples by the name of their column.
        repeats: How many permutations to average over.
    """
    results = {"intact": hits(model, examples)}
    done: dict[frozenset, np.ndarray] = {}
    for column, names in interventions(modalities).items():
        key = frozenset(names)
        if key not in done:
            done[key] = np.mean(
                [
                    hits(model, shuffle(examples, names, seed))
                    for seed in range(repeats)
                ],
                axis=0,
            )
        results[column] = done[key]
    for column, others in (extra or {}).items():
        results[column] = hits(model, others)
    return results
