"""Runs a plan in one pass over the data."""

from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_mmreg.report.additive import AdditiveProjection
from keras_mmreg.report.bootstrap import Tally
from keras_mmreg.report.bootstrap import Units
from keras_mmreg.report.data import Source
from keras_mmreg.report.further_scores import FURTHER_SCORES
from keras_mmreg.report.interventions import Window
from keras_mmreg.report.interventions import cut
from keras_mmreg.report.masks import find_mask
from keras_mmreg.report.masks import masked
from keras_mmreg.report.padding import padding_values
from keras_mmreg.report.plan import create_plan
from keras_mmreg.report.probes import why_no_probes
from keras_mmreg.report.scores import Score
from keras_mmreg.report.settings import Settings
from keras_mmreg.report.subject import Subject
from keras_mmreg.report.task import as_array
from keras_mmreg.report.unimodal import UnimodalModel

ADDITIVE = ("additive",)


class Batch(NamedTuple):
    """A batch of a window.

    Attributes:
        start: The place of its first example.
        stop: The place after its last example.
        weight: The sample weights of the output, or `None`.
        units: The unit of each example; see `Units`.
    """

    start: int
    stop: int
    weight: Any
    units: np.ndarray


class Measuring:
    """Reads the data once; each batch goes through every run of a plan.

    Every run calls the model's compiled `predict` function on batches of the
    same shapes, so that nothing is compiled twice.

    Args:
        subject: What the report is on.
        settings: The settings of the report. Further scores that they include
            are computed for the intact model and each shuffled modality.
        unimodal: Dict from a modality to its `UnimodalModel`.
        groups: Array with the group of each example, or `None`.

    Attributes:
        plan: The runs; see `Plan`.
        units: The units of the examples read; see `Units`.
        own_models: The modalities that have a model of their own.
        label_sums: The argument of `score.chance`, or `None`.
        takes_gate: Whether the output is one row for each example.
        outputs: List of the intact output for each batch of the first window,
            which probes are compared with.
    """

    def __init__(
        self,
        subject: Subject,
        settings: Settings,
        unimodal: Mapping[str, UnimodalModel],
        groups: np.ndarray | None,
    ) -> None:
        score = subject.score
        self.plan = create_plan(subject, settings)
        self.units = Units(groups, score.by_batch, settings.seed)
        self.own_models = list(unimodal)
        self.label_sums: np.ndarray | None = None
        self.takes_gate = True
        self.outputs: list[np.ndarray] = []
        self._subject = subject
        self._leaves = {**subject.leaves, **subject.unasked}
        self._seed = settings.seed
        self._mask = find_mask(
            subject.model, subject.examples.x, subject.y, subject.output
        )
        self._unimodal = dict(unimodal)
        self._own = {name: Tally(score) for name in unimodal}
        self._runs = [Tally(score) for _ in self.plan.runs]
        self._additive = Tally(score)
        self._further = {
            name: {
                number: Tally(create(subject.task))
                for number in self._compared().values()
            }
            for name, create in FURTHER_SCORES.items()
            if name in settings.include
        }
        self._broken = [0 for _ in self.plan.runs]
        self._probes = (
            "baselines" in settings.include and why_no_probes(subject) is None
        )
        self._keeps_outputs = False

    def _compared(self) -> dict[Any, int]:
        """The runs in which further scores are computed, by their names."""
        return {
            name: runs[0]
            for name, runs in self.plan.names.items()
            if name[0] in ("intact", "shuffled")
        }

    @np.errstate(invalid="ignore")  # Non-finite values are counted.
    def read(self, source: Source, verbose: int = 0) -> None:
        """Reads the data and measures the scores."""
        passes = self.plan.passes + len(self._unimodal)
        progress = _Progress(source, passes, verbose)
        padding: dict[int, float] | None = None
        for number, examples in enumerate(source.windows):
            if padding is None:
                padding = padding_values(self._subject.model, examples.x)
            window = Window(
                *examples,
                modalities=self._leaves,
                seed=[self._seed, number],
                padding=padding,
            )
            self._subject.task.require_labels(self._subject.labels(window.y))
            self._keeps_outputs = number == 0 and self._probes
            self._read_window(window, source.batch_size, progress)
        progress.finish()

    def _read_window(
        self, window: Window, batch_size: int, progress: "_Progress"
    ) -> None:
        projection = AdditiveProjection(self.plan)
        batches = []
        for start in range(0, window.size, batch_size):
            stop = min(start + batch_size, window.size)
            weight = self._weight_of(window, start, stop)
            units = self.units.assign(stop - start, weight)
            batches.append(Batch(start, stop, weight, units))
            self._read_batch(window, batches[-1], projection, progress)
        if not self.plan.additive:
            return
        labels = self._subject.labels(window.y)
        predictions = projection.result(window, self._subject.task)
        for start, stop, weight, units in batches:
            y = cut(labels, start, stop)
            self._additive.add(y, predictions[start:stop], weight, units)

    def _read_batch(
        self,
        window: Window,
        batch: Batch,
        projection: AdditiveProjection,
        progress: "_Progress",
    ) -> None:
        start, stop, weight, units = batch
        y = cut(self._subject.labels(window.y), start, stop)
        self._add_labels(y, weight)
        for run, number in self.plan.runs.items():
            x = window.batch(dict(run), start, stop)
            predictions = self._predict(x)[: stop - start]
            if self._keeps_outputs and not run:
                self.outputs.append(predictions)
            finite = np.isfinite(predictions).reshape(len(predictions), -1)
            self._broken[number] += int((~finite.all(axis=1)).sum())
            if number < self.plan.num_named:
                self._runs[number].add(y, predictions, weight, units)
                for tallies in self._further.values():
                    if number in tallies:
                        one = np.zeros_like(units)  # They have no intervals.
                        tallies[number].add(y, predictions, weight, one)
            projection.add(number, self._subject.task.scores(predictions))
            progress.advance()
        x = window.batch({}, start, stop)
        for name, model in self._unimodal.items():
            predictions = model.predict(x)[: stop - start]
            self._own[name].add(y, predictions, weight, units)
            progress.advance()

    def _add_labels(self, y: np.ndarray, weight: Any) -> None:
        sums = self._subject.score.label_statistics(y, weight)
        if sums is not None:
            old = self.label_sums
            self.label_sums = sums if old is None else old + sums

    def _predict(self, x: Any) -> np.ndarray:
        """Returns the output for a batch, repeated by further replicas.

        Each replica of a `MirroredStrategy` predicts the whole batch.
        """
        predictions = self._subject.model.predict_on_batch(x)
        shapes = [output.shape for output in keras.tree.flatten(predictions)]
        self.takes_gate = len(shapes) == 1 and len(shapes[0]) == 2
        return as_array(self._subject.output.of(predictions, "predictions"))

    def _weight_of(self, window: Window, start: int, stop: int) -> Any:
        """Returns a batch's weights, 0 where the intact output is masked."""
        weight = cut(self._subject.weight(window.sample_weight), start, stop)
        if self._mask is None:
            return weight
        mask = self._mask.predict_on_batch(window.batch({}, start, stop))
        return masked(weight, mask[: stop - start])

    @property
    def tallies(self) -> dict[Any, Tally]:
        """The sums of the score by name, averaged over draws."""
        tallies = {
            name: Tally.mean([self._runs[number] for number in numbers])
            for name, numbers in self.plan.names.items()
        }
        for name, own in self._own.items():
            tallies["unimodal", name] = own
        if self.plan.additive:
            tallies[ADDITIVE] = self._additive
        return tallies

    @property
    def broken(self) -> dict[Any, float]:
        """The share of predictions that are not finite, where not 0."""
        runs = dict(self.plan.names)
        if self.plan.additive:
            runs[ADDITIVE] = [n for draw in self.plan.additive for n in draw]
        worst = {
            name: max(self._broken[number] for number in numbers)
            for name, numbers in runs.items()
        }
        return {
            name: count / self.units.seen
            for name, count in worst.items()
            if count
        }

    def further(self, name: str) -> tuple[Score, dict[Any, np.ndarray]]:
        """Returns a further score, and its sums: intact and shuffled.

        Sums are NaN where predictions are not finite.
        """
        tallies, broken = self._further[name], self.broken
        sums = {
            key: tallies[number].sums[0] * (np.nan if key in broken else 1.0)
            for key, number in self._compared().items()
        }
        return next(iter(tallies.values())).score, sums


class _Progress:
    def __init__(self, source: Source, passes: int, verbose: int) -> None:
        batches = None
        if source.size is not None:
            batches = -(-source.size // source.batch_size) * passes
        self._bar = keras.utils.Progbar(batches, unit_name="batch")
        self._verbose = verbose
        self._done = 0

    def advance(self) -> None:
        self._done += 1
        if self._verbose:
            self._bar.update(self._done, finalize=False)

    def finish(self) -> None:
        if self._verbose:
            self._bar.update(self._done, finalize=True)
