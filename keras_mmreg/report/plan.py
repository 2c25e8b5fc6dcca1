"""Which interventions a report needs, each of them run once."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_mmreg.report.interventions import Change

NOISE_SCALES = (0.25, 0.5, 1.0, 2.0)
MAX_EXACT = 5
"""Up to so many modalities all subsets are run, and Shapley values exact."""

NUM_ORDERS = 16
NUM_ADDITIVE = 16
"""Examples that lend their other modalities to all, for the additive part."""

Run = tuple[tuple[str, Change], ...]
Name = tuple[Any, ...]


class Plan:
    """What to run, and what each run is for.

    Two modalities are both alone where the other is shuffled, so one run
    serves both; a subset of one is that modality alone; and so on.

    Args:
        modalities: List of strings.
        missing: What stands in for a missing modality, of `FILLS`.
        include: What is asked for beyond the default.
        num_permutations: Draws of each permutation.
        seed: Seed of the orders that Shapley values are sampled from.
        noisy: The modalities that have a noise curve, if these are asked for.
        unasked: Inputs that were not asked for, which are shuffled where a
            modality is alone.

    Attributes:
        runs: Dict from a run to its index.
        names: Dict from what is measured, such as `("shuffled", "audio")`, to
            the runs whose mean it is.
        orders: Orders of the modalities, from which Shapley values come.
        noisy: As given.
        unasked: As given.
        additive: Runs for the additive part: for each draw, one a modality.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        missing: Sequence[str],
        include: Sequence[str],
        num_permutations: int,
        seed: int,
        noisy: Sequence[str],
        unasked: Sequence[str],
    ) -> None:
        self.modalities = list(modalities)
        self.runs: dict[Run, int] = {}
        self.names: dict[Name, list[int]] = {}
        self.orders: list[tuple[str, ...]] = []
        self.noisy = list(noisy)
        self.unasked = list(unasked)
        self.additive: list[list[int]] = []
        self._draws = range(num_permutations)
        self._add(("intact",), [{}])
        for modality in self.modalities:
            rest = [m for m in [*self.modalities, *unasked] if m != modality]
            self._add_shuffled(("shuffled", modality), [modality])
            self._add_shuffled(("alone", modality), rest)
            for fill in missing:
                name = ("missing", fill, modality)
                self._add(name, [{modality: Change(fill)}])
        if "noise_curves" in include:
            self._add_noise_curves()
        if "subsets" in include:
            self._add_subsets(seed)
        self.num_named = len(self.runs)
        if "interaction" in include:
            self._add_additive()

    def _add(self, name: Name, changes: list[dict[str, Change]]) -> None:
        self.names[name] = [self._run(each) for each in changes]

    def _run(self, changes: dict[str, Change]) -> int:
        run = tuple(sorted(changes.items()))
        return self.runs.setdefault(run, len(self.runs))

    def _add_shuffled(self, name: Name, shuffled: Sequence[str]) -> None:
        draws = self._draws if shuffled else range(1)
        self._add(
            name,
            [
                {other: Change("shuffle", draw) for other in shuffled}
                for draw in draws
            ],
        )

    def _add_noise_curves(self) -> None:
        for modality, scale in itertools.product(self.noisy, NOISE_SCALES):
            name = ("noise", modality, scale)
            self._add(name, [{modality: Change("jitter", scale)}])

    def _add_subsets(self, seed: int) -> None:
        """Absent modalities are shuffled, each on its own."""
        if len(self.modalities) <= MAX_EXACT:
            self.orders = list(itertools.permutations(self.modalities))
        else:
            generator = np.random.default_rng(seed)
            for _ in range(NUM_ORDERS // 2):
                order = tuple(generator.permutation(self.modalities).tolist())
                # With its reverse: what one order favours, the other does not.
                self.orders += [order, order[::-1]]
        for order in self.orders:
            for count in range(len(order) + 1):
                present = self.subset(order[:count])
                absent = [m for m in self.modalities if m not in present]
                self._add_shuffled(("subset", *present), absent)

    def subset(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """A set of modalities, in their order."""
        return tuple(m for m in self.modalities if m in modalities)

    def _add_additive(self) -> None:
        for draw in range(NUM_ADDITIVE):
            self.additive.append(
                [
                    # The same for all examples, so that what is additive
                    # comes out exactly, however few the references.
                    self._run(
                        {
                            other: Change("reference", draw)
                            for other in self.modalities
                            if other != modality
                        }
                    )
                    for modality in self.modalities
                ]
            )

    @property
    def passes(self) -> int:
        """The cost in passes over the data, as `predict` makes one."""
        return len(self.runs)
