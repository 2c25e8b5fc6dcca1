"""Plans the interventions that a report needs, each of which runs once."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_mmreg.report.interventions import Change
from keras_mmreg.report.interventions import takes_noise
from keras_mmreg.report.settings import Settings
from keras_mmreg.report.subject import Subject

NOISE_SCALES = (0.25, 0.5, 1.0, 2.0)
MAX_EXACT = 5
"""The most modalities for which all subsets run, for exact Shapley values."""

NUM_ORDERS = 16
NUM_ADDITIVE = 16
"""The number of reference examples for the closest additive model."""

Run = tuple[tuple[str, Change], ...]
Name = tuple[Any, ...]


class Plan:
    """The runs that a report needs, and what each of them measures.

    Measurements share runs. With two modalities, for example, one is alone
    where the other is shuffled; and a subset of one modality is that modality
    alone.

    Args:
        modalities: List of strings.
        settings: The settings of the report.
        noisy: The modalities that have a noise curve, if these are included.
        unasked: Inputs that were not asked for, which are shuffled where a
            modality is alone, and terms of their own in an additive model.

    Attributes:
        runs: Dict from a run to its index.
        names: Dict from what is measured, such as `("shuffled", "audio")`, to
            the runs over which it is averaged.
        orders: Orders of the modalities, for computing Shapley values.
        noisy: The argument `noisy`.
        unasked: The argument `unasked`.
        additive: Runs for the closest additive model: for each draw, one run
            per modality, `unasked` ones included.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        settings: Settings,
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
        self._draws = range(settings.num_permutations)
        self._add(("intact",), [{}])
        for modality in self.modalities:
            rest = [m for m in [*self.modalities, *unasked] if m != modality]
            self._add_shuffled(("shuffled", modality), [modality])
            self._add_shuffled(("alone", modality), rest)
            for fill in settings.missing:
                name = ("missing", fill, modality)
                self._add(name, [{modality: Change(fill)}])
        if "noise_curves" in settings.include:
            self._add_noise_curves()
        if "subsets" in settings.include:
            self._add_subsets(settings.seed)
        self.num_named = len(self.runs)
        if "interaction" in settings.include:
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
        """Adds subsets; absent modalities are shuffled independently."""
        if len(self.modalities) <= MAX_EXACT:
            self.orders = list(itertools.permutations(self.modalities))
        else:
            generator = np.random.default_rng(seed)
            for _ in range(NUM_ORDERS // 2):
                order = tuple(generator.permutation(self.modalities).tolist())
                # With its reverse, which does not favor the same modalities.
                self.orders += [order, order[::-1]]
        for order in self.orders:
            for count in range(len(order) + 1):
                present = self.subset(order[:count])
                absent = [m for m in self.modalities if m not in present]
                self._add_shuffled(("subset", *present), absent)

    def subset(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Returns a subset of the modalities in the order of the plan."""
        return tuple(m for m in self.modalities if m in modalities)

    def _add_additive(self) -> None:
        blocks = [*self.modalities, *self.unasked]
        for draw in range(NUM_ADDITIVE):
            self.additive.append(
                [
                    # The same references for all examples, so that additive
                    # functions are exact, however few references there are.
                    self._run(
                        {
                            other: Change("reference", draw)
                            for other in blocks
                            if other != block
                        }
                    )
                    for block in blocks
                ]
            )

    @property
    def passes(self) -> int:
        """The cost in passes over the data, each like one `predict`."""
        return len(self.runs)


def create_plan(subject: Subject, settings: Settings) -> Plan:
    """Returns the plan of a report."""
    noisy = [
        modality
        for modality, indices in subject.leaves.items()
        if takes_noise(subject.examples.x, indices)
    ]
    return Plan(list(subject.leaves), settings, noisy, list(subject.unasked))
