"""Selection, intervals, tables and the forest plot, on runs made here."""

import pathlib

import numpy as np
import pytest

from applications.common import problems
from applications.common.accuracies import all_hits
from applications.common.accuracies import shuffle
from applications.common.problems import Examples
from applications.common.runs import read_runs
from applications.common.training import Ensemble
from applications.common.training import log_softmax
from applications.comparison import figures
from applications.comparison import study
from applications.comparison import tables
from applications.comparison.intervals import paired_interval
from applications.comparison.measure import by_group
from applications.comparison.methods import METHODS
from applications.comparison.selection import choose
from applications.comparison.study import chosen

VALUES = (0.1, 0.3, 1.0)


@pytest.mark.parametrize(
    ("accuracies", "plain", "expected"),
    [
        # A shortcut leaves every value at the top: the strongest.
        ((0.99, 0.99, 0.98), 0.99, 1.0),
        ((0.90, 0.91, 0.80), 0.91, 0.3),
        # Better than plain training is not enough: best of the three, too.
        ((0.95, 0.80, 0.80), 0.70, 0.1),
        # Worse than plain training throughout: the least bad.
        ((0.60, 0.65, 0.30), 0.90, 0.3),
    ],
)
def test_the_strongest_value_within_two_points(accuracies, plain, expected):
    by_value = dict(zip(VALUES, accuracies, strict=True))
    assert choose(VALUES, by_value, plain) == expected


def test_a_value_without_a_run():
    with pytest.raises(ValueError, match=r"Missing: \[1.0\]"):
        choose(VALUES, {0.1: 0.5, 0.3: 0.5}, 0.5)


def test_interval_of_equal_differences_has_no_width():
    first = {run: {"a": 0.8, "b": 0.6} for run in range(3)}
    second = {run: {"a": 0.7, "b": 0.5} for run in range(3)}
    np.testing.assert_allclose(paired_interval(first, second), [0.1] * 3)


def test_interval_draws_runs_and_groups():
    # One of four subjects has it all, in every run: whoever draws runs alone
    # sees no spread.
    first = {
        run: {str(group): float(group == 0) for group in range(4)}
        for run in range(5)
    }
    second = {run: dict.fromkeys("0123", 0.0) for run in range(5)}
    interval = paired_interval(first, second)
    assert interval.mean == 0.25
    assert interval.low == 0.0
    assert interval.high >= 0.5


def test_interval_of_folds_with_groups_of_their_own():
    first = {run: {str(run): 0.1 * run} for run in range(6)}
    second = {run: {str(run): 0.0} for run in range(6)}
    interval = paired_interval(first, second)
    assert interval.mean == pytest.approx(0.25)
    assert 0.0 < interval.low < 0.25 < interval.high


def test_interval_of_one_number():
    interval = paired_interval({0: {"a": 1.0}}, {0: {"a": 0.75}})
    assert interval == (0.25, -np.inf, np.inf)


def test_interval_without_a_run_in_common():
    assert paired_interval({0: {"a": 1.0}}, {1: {"a": 1.0}}) is None


def test_accuracy_by_group():
    examples = Examples({}, np.zeros(4), np.array([7, 7, 9, 9]))
    hits = np.array([1.0, 0.0, 1.0, 1.0])
    assert by_group(hits, examples, True) == {"7": 0.5, "9": 1.0}
    assert len(by_group(np.ones(60), examples, False)) == 20


class ReadsColor:
    """Says what the first modality says."""

    def predict(self, x, **kwargs):
        return np.eye(4)[x["color"]]


def test_alone_and_shuffled():
    y = np.arange(400) % 4
    x = {"color": y, "shape": np.zeros(400)}
    examples = Examples(x, y, np.arange(400))
    found = all_hits(ReadsColor(), examples, ("color", "shape"))
    means = {name: values.mean() for name, values in found.items()}
    assert means["intact"] == means["shuffled_shape"] == 1.0
    assert means["alone_color"] == 1.0
    assert means["shuffled_color"] == means["alone_shape"] < 0.4


def test_modalities_are_shuffled_each_on_its_own():
    x = {"a": np.arange(50), "b": np.arange(50), "c": np.arange(50)}
    moved = shuffle(Examples(x, x["a"], x["a"]), ("a", "b"), 0).x
    assert sorted(moved["a"]) == sorted(moved["b"]) == list(range(50))
    assert np.any(moved["a"] != moved["b"])
    np.testing.assert_array_equal(moved["c"], x["c"])


class Says:
    def __init__(self, logits):
        self.logits = np.array(logits)

    def predict(self, x, **kwargs):
        return self.logits


def test_ensemble_averages_log_probabilities():
    members = {"a": Says([[0.0, 2.0]]), "b": Says([[5.0, 1.0]])}
    ensemble = Ensemble(members)
    expected = (log_softmax(members["a"].logits) + [[-0.0181, -4.0181]]) / 2
    np.testing.assert_allclose(
        ensemble.predict({"a": None, "b": None}), expected, atol=1e-4
    )


def run(method, seed, accuracy, stage="test", value=None):
    """A record, as `read_runs` gives it."""
    singles = {"single_color": 0.6, "single_shape": 0.7}
    columns = {
        "intact": accuracy,
        "alone_color": 0.5,
        "alone_shape": 0.25,
        **(singles if method == "ume" else {}),
    }
    return {
        "stage": stage,
        "problem": "synergy",
        "method": method,
        "value": value,
        "seed": seed,
        "epochs": 15,
        "accuracy": columns,
        "by_group": {
            name: {"0": score, "1": score} for name, score in columns.items()
        },
        "milliseconds_per_step": 3.0 if method == "plain" else 4.5,
    }


@pytest.fixture
def runs():
    selected = [
        run("plain", 0, 0.9, "select"),
        run("ume", 0, 0.5, "select"),
        *(
            run("weight_decay", 0, score, "select", value)
            for value, score in zip(
                METHODS["weight_decay"].values, (0.9, 0.89, 0.5), strict=True
            )
        ),
    ]
    tested = [
        run(method, seed, score)
        for seed in range(3)
        for method, score in {
            "plain": 0.9,
            "ume": 0.5,
            "weight_decay": 0.95,
        }.items()
    ]
    return selected + tested


def test_the_value_that_validation_data_choose(runs):
    assert chosen("synergy", "weight_decay", runs, 15) == 0.03
    assert chosen("synergy", "amsgrad", runs, 15) is None
    with pytest.raises(SystemExit, match="--stage select"):
        chosen("synergy", "label_smoothing", runs, 15)


def test_table(runs):
    text = tables.report(runs)
    summary, line = (
        x for x in text.splitlines() if x.startswith("| weight decay")
    )
    assert summary == "| weight decay | +5.0 ▲ |"
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2] == "95.0 ± 0.0"
    assert cells[3] == "+5.0 [+5.0, +5.0]"
    # The shape's own net is the better one.
    assert cells[4] == "+25.0 [+25.0, +25.0]"
    assert cells[-1] == "1.50"
    assert "Trained on one modality: color 60.0 ± 0.0, shape 70.0" in text


def test_the_published_tables():
    folder = pathlib.Path(study.__file__).parent
    readme = (folder / "README.md").read_text()
    runs = read_runs(folder / "results/comparison.jsonl")
    assert len(runs) > 300
    for table in tables.report(runs).split("\n\n"):
        assert table in readme


def test_forest_plot(runs, tmp_path):
    figures.draw(runs, tmp_path)
    assert (tmp_path / "forest.png").stat().st_size > 1000


def test_every_method_makes_a_recipe_of_every_problem():
    for method in METHODS.values():
        for problem in problems.PROBLEMS.values():
            if method.applies(problem):
                method.recipe(problem, method.values[-1])


def test_a_single_group_is_not_held_out_whole():
    examples = problems.get("av_digits_one_speaker").dummy(24).train
    examples = examples._replace(groups=np.zeros(24, "int32"))
    kept, held_out = examples.hold_out(True, seed=0)
    assert len(kept.y) == 22
    assert len(held_out.y) == 2
