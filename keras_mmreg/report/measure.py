"""Runs a plan in one pass over the data."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_mmreg.report.bootstrap import Tally
from keras_mmreg.report.bootstrap import Units
from keras_mmreg.report.data import Source
from keras_mmreg.report.interventions import Window
from keras_mmreg.report.interventions import cut
from keras_mmreg.report.masks import OutputMask
from keras_mmreg.report.masks import masked
from keras_mmreg.report.output import Output
from keras_mmreg.report.padding import padding_values
from keras_mmreg.report.plan import Plan
from keras_mmreg.report.scores import Score
from keras_mmreg.report.task import Task
from keras_mmreg.report.task import as_array
from keras_mmreg.report.unimodal import UnimodalModel

ADDITIVE = ("additive",)


class Measuring:
    """Reads the data once; each batch goes through every run of a plan.

    Every run calls the model's compiled `predict` function on batches of the
    same shapes, so that nothing is compiled twice.

    Args:
        model: The model.
        leaves: Dict from a modality to its leaves; see `modality_leaves`.
        plan: The runs, see `Plan`.
        score: The score of the report.
        task: The task of the output.
        output: The output that the report is on.
        mask: The mask of the output, or `None`.
        others: Dict of further scores, which are computed for the intact model
            and for each shuffled modality.
        unimodal: Dict from a modality to its `UnimodalModel`.
        seed: Integer, the seed of all changes.

    Attributes:
        tallies: Dict from the plan's names to a `Tally` of the score.
        others: Dict from a further score's name to such a dict.
        label_sums: The argument of `score.chance`, or `None`.
    """

    def __init__(
        self,
        model: keras.Model,
        leaves: Mapping[str, list[int]],
        plan: Plan,
        score: Score,
        task: Task,
        output: Output,
        mask: OutputMask | None,
        others: Mapping[str, Score],
        unimodal: Mapping[str, UnimodalModel],
        seed: int,
    ) -> None:
        self._model = model
        self._leaves = leaves
        self._plan = plan
        self._score = score
        self._task = task
        self._output = output
        self._mask = mask
        self._seed = seed
        self._runs = [Tally() for _ in plan.runs]
        self._other_scores = dict(others)
        self._other_runs = {
            name: {run: Tally() for run in self._compared()} for name in others
        }
        self._additive = Tally()
        self._unimodal = dict(unimodal)
        self._own = {name: Tally() for name in unimodal}
        self._broken = [0 for _ in plan.runs]
        self._seen = 0
        self.takes_gate = True
        self.label_sums: np.ndarray | None = None

    def _compared(self) -> list[int]:
        return [
            runs[0]
            for name, runs in self._plan.names.items()
            if name[0] in ("intact", "shuffled")
        ]

    def read(self, source: Source, units: Units, verbose: int = 0) -> None:
        """Reads the data and measures the scores."""
        passes = self._plan.passes + len(self._unimodal)
        progress = _Progress(source, passes, verbose)
        padding: dict[int, float] | None = None
        for number, examples in enumerate(source.windows):
            if padding is None:
                padding = padding_values(self._model, examples[0])
            window = Window(
                *examples,
                modalities=self._leaves,
                seed=[self._seed, number],
                padding=padding,
            )
            self._task.require_labels(self._of_output(window.y, "labels"))
            projected = _Projection(self._plan)
            places, weights = [], []
            for start in range(0, window.size, source.batch_size):
                stop = min(start + source.batch_size, window.size)
                weights.append(self._weight_of(window, start, stop))
                places.append(units.assign(stop - start, weights[-1]))
                self._read_batch(
                    window,
                    start,
                    stop,
                    weights[-1],
                    places[-1],
                    projected,
                    progress,
                )
            if self._plan.additive:
                self._add_additive(
                    window, projected, weights, places, source.batch_size
                )
        progress.finish()

    def _read_batch(
        self,
        window: Window,
        start: int,
        stop: int,
        weight: Any,
        units: np.ndarray,
        projected: "_Projection",
        progress: "_Progress",
    ) -> None:
        y = cut(self._of_output(window.y, "labels"), start, stop)
        self._add_labels(y, weight)
        for run, number in self._plan.runs.items():
            x = window.batch(dict(run), start, stop)
            predictions = self._predict(x)[: stop - start]
            finite = np.isfinite(predictions).reshape(len(predictions), -1)
            self._broken[number] += int((~finite.all(axis=1)).sum())
            if number < self._plan.num_named:
                self._add(number, y, predictions, weight, units)
            projected.add(number, self._task.scores(predictions))
            progress.advance()
        self._seen += stop - start
        x = window.batch({}, start, stop)
        for name, model in self._unimodal.items():
            predictions = model.predict(x)[: stop - start]
            add_to(self._own[name], self._score, y, predictions, weight, units)
            progress.advance()

    def _add(
        self,
        number: int,
        y: np.ndarray,
        predictions: np.ndarray,
        weight: Any,
        units: np.ndarray,
    ) -> None:
        add_to(self._runs[number], self._score, y, predictions, weight, units)
        for name, score in self._other_scores.items():
            tally = self._other_runs[name].get(number)
            if tally is not None:
                add_to(tally, score, y, predictions, weight, 0 * units)

    def _add_labels(self, y: np.ndarray, weight: Any) -> None:
        sums = self._score.label_statistics(y, weight)
        if sums is not None:
            old = self.label_sums
            self.label_sums = sums if old is None else old + sums

    def _add_additive(
        self,
        window: Window,
        projected: "_Projection",
        weights: list[Any],
        places: list[np.ndarray],
        batch_size: int,
    ) -> None:
        """Scores the closest additive model (Hessel & Lee, 2020)."""
        scores = projected.result(window)
        y = self._of_output(window.y, "labels")
        for place, units in enumerate(places):
            start, stop = place * batch_size, place * batch_size + len(units)
            predictions = scores[start:stop]
            if self._task.kind != "regression" and not self._task.from_logits:
                logits = self._task._replace(from_logits=True)
                predictions = logits.probabilities(predictions)
                if self._task.kind != "binary":  # The classes are last.
                    predictions = np.moveaxis(predictions, -1, self._task.axis)
            add_to(
                self._additive,
                self._score,
                cut(y, start, stop),
                predictions.astype("float32"),
                weights[place],
                units,
            )

    def _predict(self, x: Any) -> np.ndarray:
        """Returns the output for a batch, repeated by further replicas.

        Each replica of a `MirroredStrategy` predicts the whole batch.
        """
        predictions = self._model.predict_on_batch(x)
        shapes = [output.shape for output in keras.tree.flatten(predictions)]
        self.takes_gate = len(shapes) == 1 and len(shapes[0]) == 2
        return as_array(self._of_output(predictions, "predictions"))

    def _of_output(self, structure: Any, what: str) -> Any:
        return self._output.of(structure, what)

    def _weight_of(self, window: Window, start: int, stop: int) -> Any:
        """Returns a batch's weights, 0 where the intact output is masked."""
        weight = cut(self.weight(window.sample_weight), start, stop)
        if self._mask is None:
            return weight
        mask = self._mask.predict_on_batch(window.batch({}, start, stop))
        return masked(weight, mask[: stop - start])

    def weight(self, sample_weight: Any) -> Any:
        """Returns the sample weights of the output."""
        if sample_weight is None:
            return None
        return self._of_output(sample_weight, "sample weights")

    @property
    def tallies(self) -> dict[Any, Tally]:
        """The score's sums by name, averaged over draws."""
        tallies = {
            name: _mean([self._runs[number] for number in numbers])
            for name, numbers in self._plan.names.items()
        }
        for name, own in self._own.items():
            tallies["unimodal", name] = own
        if self._plan.additive:
            tallies[ADDITIVE] = self._additive
        return tallies

    @property
    def broken(self) -> dict[Any, float]:
        """The share of predictions that are not finite, where not 0."""
        runs = dict(self._plan.names)
        if self._plan.additive:
            runs[ADDITIVE] = [n for draw in self._plan.additive for n in draw]
        shares = {
            name: max(self._broken[number] for number in numbers) / self._seen
            for name, numbers in runs.items()
        }
        return {name: share for name, share in shares.items() if share > 0}

    @property
    def own_models(self) -> list[str]:
        """The modalities that have a model of their own."""
        return list(self._unimodal)

    def other_score(self, name: str) -> Score:
        """Returns a further score by its name."""
        return self._other_scores[name]

    def other(self, name: str) -> dict[Any, np.ndarray]:
        """Returns a further score's sums, intact and for each modality.

        They are NaN where predictions are not finite.
        """
        runs = self._other_runs[name]
        sums = {
            key: runs[numbers[0]].sums[0]
            for key, numbers in self._plan.names.items()
            if key[0] in ("intact", "shuffled")
        }
        for key in sums.keys() & self.broken.keys():
            sums[key] = np.full_like(sums[key], np.nan)
        return sums


class _Projection:
    """Projects the model's outputs on the closest additive function.

    The function is `sum_m E f(x_m, others) - (M - 1) E f`, with means over the
    values that the other modalities may take.
    """

    def __init__(self, plan: Plan) -> None:
        self._numbers = [n for draw in plan.additive for n in draw]
        self._num_draws = max(len(plan.additive), 1)
        self._count = len(plan.additive[0]) if plan.additive else 0
        self._batches: list[Any] = []
        self._left = 0

    def add(self, number: int, scores: np.ndarray) -> None:
        times = self._numbers.count(number) if self._numbers else 0
        if not times:
            return
        if not self._left:
            self._batches.append(0.0)
            self._left = len(self._numbers)
        self._batches[-1] = self._batches[-1] + times * scores
        self._left -= times

    def result(self, window: Window) -> np.ndarray:
        """Returns the projection of each example in the window."""
        total = np.concatenate(self._batches) / self._num_draws
        # The mean over the references, so that additive functions are exact.
        places = [window.reference(n) for n in range(self._num_draws)]
        mean = total[places].mean(axis=0, keepdims=True) / self._count
        return total - (self._count - 1) * mean


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


def add_to(
    tally: Tally,
    score: Score,
    y: np.ndarray,
    predictions: np.ndarray,
    weight: Any,
    units: np.ndarray,
) -> None:
    """Adds a batch to a tally."""
    if not score.by_batch:
        tally.add(units, score.statistics(y, predictions, weight))
        return
    for unit in np.unique(units):
        chosen = units == unit
        part = None if weight is None else weight[chosen]
        statistics = score.statistics(y[chosen], predictions[chosen], part)
        tally.add(np.array([unit]), statistics)


def _mean(tallies: list[Tally]) -> Tally:
    mean = Tally()
    mean.sums = np.mean([tally.sums for tally in tallies], axis=0)
    return mean
