"""Bootstrap intervals: what the scores might have been on other examples."""

import math
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_mmreg.report.scores import Score
from keras_mmreg.report.settings import Settings

MAX_UNITS = 2000
"""With more examples, some share a unit at random; intervals hardly change."""

INTACT = ("intact",)
"""The name of the score on intact data."""

_CHUNK = 100
_BLOCKS, _BLOCK = 4, 8
"""The units of a small batch, and the examples per unit of a large one."""
_MAX_BY_BATCH = 200
"""The most bootstrap draws of a Keras metric, whose `result` is slow."""


class Units:
    """Assigns each example to a unit (an example, or a group of examples).

    Args:
        groups: Optional array with the group of each example, in order.
        by_batch: Whether the examples of a batch share a few units.
        seed: Integer, the seed by which examples share units.

    Attributes:
        count: The number of units.
        seen: The number of examples.
        num_independent: The number of groups, or else of examples, of which at
            least one has a weight above 0.
    """

    def __init__(self, groups: Any, by_batch: bool, seed: int) -> None:
        self.groups = groups
        self.by_batch = by_batch
        self.count = 0
        self.seen = 0
        self.num_independent = 0
        self._weighted: set[int] = set()
        self._places: dict[Any, int] = {}
        self._generator = np.random.default_rng([seed, 11])

    def assign(self, size: int, weight: Any = None) -> np.ndarray:
        """Returns the units of the next `size` examples, with their weights."""
        start, self.seen = self.seen, self.seen + size
        weight = np.ones(size) if weight is None else np.asarray(weight)
        counts = weight.reshape(size, -1).any(axis=1)
        if self.groups is None:
            self.num_independent += int(counts.sum())
            return self._assign_examples(size)
        units = self._assign_groups(start, start + size)
        self._weighted.update(units[counts].tolist())
        self.num_independent = len(self._weighted)
        return units

    def _assign_examples(self, size: int) -> np.ndarray:
        blocks = max(_BLOCKS, math.ceil(size / _BLOCK))
        wanted = min(blocks, size) if self.by_batch else size
        units = np.arange(self.count, self.count + wanted)
        over = units >= MAX_UNITS
        units[over] = self._generator.integers(0, MAX_UNITS, over.sum())
        self.count = min(self.count + wanted, MAX_UNITS)
        return units[np.arange(size) * wanted // size]

    def _assign_groups(self, start: int, stop: int) -> np.ndarray:
        if stop > len(self.groups):
            raise ValueError(
                "`groups` must have an entry for each example in `data`. "
                f"Received: {len(self.groups)} entries for at least {stop}"
            )
        places = self._places
        units = [
            places.setdefault(group, len(places))
            for group in self.groups[start:stop].tolist()
        ]
        self.count = len(places)
        return np.array(units)


class Tally:
    """Sums of a score's statistics for each unit.

    Args:
        score: The score.
    """

    def __init__(self, score: Score) -> None:
        self.score = score
        self.sums = np.zeros((0, 0))

    @classmethod
    def mean(cls, tallies: Sequence["Tally"]) -> "Tally":
        """Returns the mean of tallies of the same examples."""
        mean = cls(tallies[0].score)
        mean.sums = np.mean([tally.sums for tally in tallies], axis=0)
        return mean

    def add(
        self,
        y: np.ndarray,
        predictions: np.ndarray,
        weight: Any,
        units: np.ndarray,
    ) -> None:
        """Adds a batch to the sums of its examples' units."""
        if not self.score.by_batch:
            statistics = self.score.statistics(y, predictions, weight)
            self._add(units, statistics)
            return
        for unit in np.unique(units):
            chosen = units == unit
            part = None if weight is None else weight[chosen]
            statistics = self.score.statistics(
                y[chosen], predictions[chosen], part
            )
            self._add(np.array([unit]), statistics)

    def _add(self, units: np.ndarray, statistics: np.ndarray) -> None:
        rows = max(int(units.max()) + 1, len(self.sums))
        columns = statistics.shape[1]
        if rows > len(self.sums):
            # Doubled, since the length of a stream is unknown.
            grown = np.zeros((max(rows, 2 * len(self.sums)), columns))
            if len(self.sums):
                grown[: len(self.sums)] = self.sums
            self.sums = grown
        np.add.at(self.sums, units, statistics)


@dataclass(frozen=True)
class Measurement:
    """A score under an intervention, and the cost of the intervention.

    Attributes:
        value: The score.
        low: The lower end of the score's interval.
        high: The upper end of the score's interval.
        cost: How much worse the score is than the intact one. A positive number
            is a loss, whether a high or a low score is good.
        cost_low: The lower end of the cost's interval, which uses the same
            bootstrap draws for both scores.
        cost_high: The upper end of the cost's interval.
    """

    value: float
    low: float
    high: float
    cost: float = 0.0
    cost_low: float = 0.0
    cost_high: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether the score is a number."""
        return not math.isnan(self.value)


class Bootstrap:
    """Scores on examples drawn with replacement, the same for all scores.

    Args:
        tallies: Dict from a name to its `Tally`, all of one score.
        units: The units of the examples.
        settings: The settings of the report.
        unknown: Names whose score means nothing, and is NaN.
    """

    def __init__(
        self,
        tallies: Mapping[Any, Tally],
        units: Units,
        settings: Settings,
        unknown: Collection[Any] = (),
    ) -> None:
        self.score = next(iter(tallies.values())).score
        self.num_independent = units.num_independent
        self.confidence = settings.confidence
        sums = np.stack(
            [tally.sums[: units.count] for tally in tallies.values()], axis=1
        )
        count = settings.num_bootstraps
        if self.score.by_batch:
            count = min(count, _MAX_BY_BATCH)
        self.values = dict(
            zip(tallies, self.score.value(sums.sum(axis=0)), strict=True)
        )
        drawn = self.score.value(_draw(sums, count, settings.seed))
        self.draws = dict(zip(tallies, drawn.T, strict=True))
        for name in unknown:
            self.values[name] = float("nan")
            self.draws[name] = np.full(count, np.nan)

    def measure(self, name: Any, reference: Any = INTACT) -> Measurement:
        """Returns the score of a name, and its cost against a reference."""
        sign = 1.0 if self.score.higher_is_better else -1.0
        cost = sign * (self.values[reference] - self.values[name])
        draws = sign * (self.draws[reference] - self.draws[name])
        value = self.values[name]
        low, high = self.interval(self.draws[name], value)
        if self.score.percent:  # A maximum would lose NaN.
            low, high = np.clip((low, high), 0.0, 1.0).tolist()
        if name == reference:
            return Measurement(float(value), low, high)
        return Measurement(
            float(value), low, high, float(cost), *self.interval(draws, cost)
        )

    def interval(self, draws: np.ndarray, value: float) -> tuple[float, float]:
        """Returns the central part of the draws as an interval.

        If no example differs, no draw does either. Then the interval extends
        `3 / count` to either side (the rule of three), where `count` is the
        number of examples or groups, or less for a confidence below 95%.
        Scores in [0, 1] differ by 1 at most.
        """
        if np.all(np.isnan(draws)):
            return float("nan"), float("nan")
        tail = 100 * (1 - self.confidence) / 2
        low, high = np.nanpercentile(draws, [tail, 100 - tail])
        if low == high and self.score.percent:
            margin = _margin(self.confidence) / self.num_independent
            low, high = max(value - margin, -1.0), min(value + margin, 1.0)
        return float(low), float(high)


def _margin(confidence: float) -> float:
    """Returns 3 for a confidence of 95%, and -log(1 - c) in that proportion."""
    return 3.0 * (math.log(1.0 - confidence) / math.log(1.0 - 0.95))


def _draw(sums: np.ndarray, num_bootstraps: int, seed: int) -> np.ndarray:
    """Returns sums over units that are drawn with replacement."""
    generator = np.random.default_rng([seed, 13])
    num_units = len(sums)
    flat = sums.reshape(num_units, -1)
    drawn = []
    for start in range(0, num_bootstraps, _CHUNK):
        size = min(_CHUNK, num_bootstraps - start)
        units = generator.integers(0, num_units, size=(size, num_units))
        rows = np.arange(size)[:, np.newaxis] * num_units
        counts = np.bincount((rows + units).ravel(), minlength=units.size)
        drawn.append(counts.reshape(size, num_units).astype("float64") @ flat)
    return np.concatenate(drawn).reshape(num_bootstraps, *sums.shape[1:])
