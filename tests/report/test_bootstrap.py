import numpy as np
import pytest

from keras_mmreg.report.bootstrap import MAX_UNITS
from keras_mmreg.report.bootstrap import Bootstrap
from keras_mmreg.report.bootstrap import Tally
from keras_mmreg.report.bootstrap import Units
from keras_mmreg.report.scores import Accuracy
from keras_mmreg.report.settings import Settings
from keras_mmreg.report.task import Task

SCORE = Accuracy(Task("sparse", True, False, 2))
INTACT, CHANGED = ("intact",), ("shuffled", "a")


def tally(right, units=None):
    result = Tally(SCORE)
    right = np.asarray(right, "float64")
    units = np.arange(len(right)) if units is None else units
    labels = np.ones(len(right), "int64")
    result.add(labels, np.stack([1 - right, right], axis=-1), None, units)
    return result


def examples(count):
    units = Units(None, by_batch=False, seed=0)
    units.assign(count)
    return units


def bootstrap(tallies, count):
    return Bootstrap(tallies, examples(count), Settings(num_bootstraps=2000))


def test_an_interval_has_the_width_of_the_standard_error():
    right = np.random.default_rng(0).random(400) < 0.7
    measured = bootstrap({INTACT: tally(right)}, 400).measure(INTACT)
    assert measured.value == right.mean()
    expected = 3.92 * np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert measured.high - measured.low == pytest.approx(expected, rel=0.1)


def test_costs_are_paired():
    right = np.random.default_rng(0).random(400) < 0.7
    changed = right & (np.arange(400) % 10 > 0)
    tallies = {INTACT: tally(right), CHANGED: tally(changed)}
    measured = bootstrap(tallies, 400).measure(CHANGED)
    assert measured.cost == pytest.approx(right.mean() - changed.mean())
    assert 0 < measured.cost_low < measured.cost < measured.cost_high
    # Drawn apart, the interval would be twice as wide.
    assert measured.cost_high - measured.cost_low < 0.06


def test_what_never_varies_has_the_rule_of_three():
    right = np.ones(30)
    tallies = {INTACT: tally(right), CHANGED: tally(right)}
    measured = bootstrap(tallies, 30)
    assert measured.measure(INTACT).low == pytest.approx(0.9)
    assert measured.measure(INTACT).high == 1.0
    assert measured.measure(CHANGED).cost_high == pytest.approx(0.1)


def test_units():
    units = Units(None, by_batch=False, seed=0)
    assert units.assign(3).tolist() == [0, 1, 2]
    assert units.assign(2).tolist() == [3, 4] and units.seen == 5
    groups = Units(np.array(["b", "a", "b", "c"]), by_batch=False, seed=0)
    assert groups.assign(2).tolist() == [0, 1]
    assert groups.assign(2).tolist() == [0, 2] and groups.count == 3
    with pytest.raises(ValueError, match="`groups` must have an entry"):
        groups.assign(1)
    batches = Units(None, by_batch=True, seed=0)
    assert batches.assign(8).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    large = Units(None, by_batch=True, seed=0)
    large.assign(1000)
    assert large.count == 125  # As many as of batches of 32.
    assert batches.assign(2).tolist() == [4, 5]


def test_many_examples_share_units():
    units = Units(None, by_batch=False, seed=0)
    places = units.assign(3 * MAX_UNITS)
    assert units.count == MAX_UNITS == len(np.unique(places))
    # In no order, lest neighbors that are alike be kept apart.
    assert np.unique(places[MAX_UNITS:]).size < MAX_UNITS


def test_tallies_grow():
    grown = Tally(SCORE)
    for unit in (0, 5, 2, 5):
        right = np.array([1]), np.array([[0.0, 1.0]])
        grown.add(*right, None, np.array([unit]))
    assert grown.sums[:6, 0].tolist() == [1, 0, 1, 0, 0, 2]


def test_examples_without_weight_are_no_evidence():
    units = Units(None, by_batch=False, seed=0)
    units.assign(300, np.arange(300) < 5)
    assert units.seen == units.count == 300 and units.num_independent == 5
    groups = Units(np.arange(4), by_batch=False, seed=0)
    groups.assign(4, np.array([1.0, 0.0, 2.0, 0.0]))
    assert groups.num_independent == 2


def test_the_rule_of_three_is_that_of_95_percent():
    right = tally(np.ones(30))

    def low(confidence):
        settings = Settings(num_bootstraps=100, confidence=confidence)
        found = Bootstrap({INTACT: right}, examples(30), settings)
        return found.measure(INTACT).low

    assert low(0.5) > low(0.95) > low(0.99)
    assert low(0.95) == pytest.approx(0.9)
    # Of no event in 30, whose probability is p: 1 - (1 - p)^30 = 0.5.
    assert low(0.5) == pytest.approx(1 - 0.023, abs=0.001)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_costs_of_shares_are_at_most_1(count):
    right = np.ones(count)
    tallies = {INTACT: tally(right), CHANGED: tally(right)}
    cost = bootstrap(tallies, count).measure(CHANGED)
    assert (cost.cost_low, cost.cost_high) == (-1.0, 1.0)


def test_the_rule_of_three_counts_groups():
    units = Units(np.repeat(np.arange(4), 250), by_batch=False, seed=0)
    places = units.assign(1000)
    right = tally(np.ones(1000), places)
    assert units.num_independent == units.count == 4
    tallies = {INTACT: right, CHANGED: right}
    settings = Settings(num_bootstraps=100)
    measured = Bootstrap(tallies, units, settings).measure(CHANGED)
    assert measured.low == 0.25 and measured.cost_high == 0.75
    batches = Units(None, by_batch=True, seed=0)
    batches.assign(32)
    assert batches.num_independent == 32 != batches.count
