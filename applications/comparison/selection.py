"""How each method's value is chosen, on validation data alone.

One rule for all: *the strongest of the three values whose accuracy on intact
validation data is at most two points below the best of them and of plain
training*; where none is, the best of the three.

Accuracy on validation data cannot choose between a net that reads a shortcut
and one that does not, because the shortcut is in the validation data, too: in
Colored MNIST all have 99%. Accuracy with a modality shuffled, averaged over
the modalities, prefers a net that uses the shortcut and the rest to one that
distrusts the shortcut; with the suspect named it does not, but then the
suspect has to be known. So accuracy is the limit here and not the aim: take as
much of a method as can be had for two points.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

TOLERANCE = 0.02


def choose(
    values: Sequence[Any], accuracies: Mapping[Any, float], plain: float
) -> Any:
    """The value of a method.

    Args:
        values: The weakest first.
        accuracies: Intact validation accuracy of each value.
        plain: That of plain training.
    """
    missing = [value for value in values if value not in accuracies]
    if missing:
        raise ValueError(
            f"`accuracies` must have every value. Missing: {missing}"
        )
    limit = max(plain, *accuracies.values()) - TOLERANCE
    allowed = [value for value in values if accuracies[value] >= limit]
    if allowed:
        return allowed[-1]
    return max(values, key=lambda value: accuracies[value])
