import dataclasses

import pytest

from keras_mmreg.report.bootstrap import Measurement
from keras_mmreg.report.findings import find
from keras_mmreg.report.judge import status
from keras_mmreg.report.result import Result


def score(value, intact=0.9, margin=0.02):
    cost = intact - value
    return Measurement(
        value,
        value - margin,
        value + margin,
        cost,
        cost - margin,
        cost + margin,
    )


def result(shuffled, alone, intact=0.9, missing=None, **kwargs):
    kwargs = {"chance": 0.1, "num_examples": 1000, **kwargs}
    names = list(shuffled)
    # If nothing else is said, a modality costs the same absent and wrong.
    missing = shuffled if missing is None else missing
    return Result(
        model="model",
        task="classification",
        metric="accuracy",
        percent=True,
        higher_is_better=True,
        confidence=0.95,
        num_groups=None,
        window=None,
        passes=5,
        modalities=names,
        intact=Measurement(intact, intact - 0.02, intact + 0.02),
        shuffled={n: score(v, intact) for n, v in shuffled.items()},
        alone={n: score(v, intact) for n, v in alone.items()},
        missing={"zero": {n: score(v, intact) for n, v in missing.items()}},
        **kwargs,
    )


def texts(report, rival=(0.1, 0.9)):
    return {each.kind: each.text for each in find(report, rival)}


def test_a_prediction_that_rests_on_one_modality():
    report = result(
        {"color": 0.29, "shape": 0.87}, {"color": 0.87, "shape": 0.29}
    )
    found = find(report, (0.5, 0.6))
    assert found[0].text == (
        "Shuffling `color` costs 61 points, `shape` 3: the prediction rests "
        "on `color`."
    )
    assert found[0].level == "note"
    assert "is a shortcut" in texts(report)["action"]
    assert status(report, "color") == "relied on"


def test_fusion_that_one_modality_beats():
    report = result(
        {"skeleton": 0.30, "depth": 0.68},
        {"skeleton": 0.68, "depth": 0.30},
        intact=0.46,
        missing={"skeleton": 0.30, "depth": 0.46},
    )
    found = texts(report)
    assert (
        found["fusion"]
        == "Fusion does not beat `skeleton` alone (46% against 68%)."
    )
    assert found["misleading"] == (
        "`depth` misleads: shuffling it gains 22 points."
    )
    assert found["action"] == (
        "If `depth` may mislead, train with `RegularizedModel(inner, "
        'regularizers.ModalityShuffle(["depth"]))`; if that is not known, with '
        '`RegularizedModel(inner, "mix")`, which asks each modality to '
        "predict the label by itself. Compare with a model of `skeleton` alone."
    )


def test_a_suspect_is_named_where_there_is_one():
    shuffled = {"a": 0.3, "b": 0.55, "c": 0.52}
    report = result(shuffled, {"a": 0.6, "b": 0.2, "c": 0.2}, intact=0.46)
    action = texts(report)["action"]
    assert "If `b` and `c` may mislead" in action
    assert 'ModalityShuffle(["b", "c"])' in action
    shuffled = {"a": 0.3, "b": 0.4, "c": 0.4}
    report = result(shuffled, {"a": 0.6, "b": 0.2, "c": 0.2}, intact=0.46)
    action = texts(report)["action"]
    assert "If a modality other than `a` may mislead" in action
    assert "ModalityShuffle([...])" in action


@pytest.mark.parametrize(
    "methods, expected",
    [
        (["fisher"], "If `color` is a shortcut, train with"),
        (
            ["noise"],
            "The model was trained with `noise` already: try other strengths "
            "on validation data, as `RegularizedHyperModel` does. If `color` "
            "is a shortcut, train with `RegularizedModel(inner, "
            'regularizers.ModalityShuffle(["color"]))`; if every modality '
            'should suffice by itself, with `RegularizedModel(inner, "mix")` '
            "instead.",
        ),
        (["shuffle", "noise", "mix"], "`RegularizedHyperModel` does."),
    ],
)
def test_advice_that_was_followed_is_not_given_again(methods, expected):
    report = result(
        {"color": 0.29, "shape": 0.87},
        {"color": 0.87, "shape": 0.29},
        methods=methods,
    )
    assert expected in texts(report)["action"]


def test_a_tie_is_said_to_be_one():
    report = result({"a": 0.60, "b": 0.61}, {"a": 0.61, "b": 0.60})
    found = texts(report, rival=(-0.02, 0.04))
    assert found["reliance"].endswith(
        "the prediction uses `a` and `b`; between `a` and `b` it is a tie (a "
        "difference of -2 to 4 points)."
    )
    report = result({"a": 0.50, "b": 0.895}, {"a": 0.895, "b": 0.5})
    assert texts(report)["fusion"] == (
        "Fusion is not shown to beat `a` alone (90% against 90%, a difference "
        "of -1 to 3 points)."
    )


def test_fusion_that_helps():
    report = result({"a": 0.40, "b": 0.55}, {"a": 0.55, "b": 0.40})
    missing = {"zero": {"a": score(0.5), "b": score(0.5)}}
    report = dataclasses.replace(report, missing=missing)
    fusion = texts(report)["fusion"]
    assert fusion == (
        "Fusion beats `a` alone (90% against 55%) in this model. Pass "
        "`unimodal` to compare with a model of `a` only, which "
        "`keras_mmreg.models.single_modality_model` builds."
    )
    assert texts(report)["reliance"].endswith("`a` and `b`, most of all `a`.")
    subclassed = dataclasses.replace(report, has_graph=False)
    assert texts(subclassed)["fusion"].endswith("a model of `a` only.")


def test_modalities_that_say_the_same_but_contradict_each_other_when_shuffled():
    report = result(
        {"a": 0.40, "b": 0.55},
        {"a": 0.55, "b": 0.40},
        missing={"a": 0.9, "b": 0.9},
    )
    assert texts(report)["fusion"] == (
        "Either modality is enough: with zeros in place of the other little is "
        "lost. Shuffled, that one contradicts it (90% against 55%)."
    )
    missing = {"zero": {"a": score(0.5), "b": score(0.9)}}
    report = dataclasses.replace(report, missing=missing)
    assert texts(report)["fusion"].startswith(
        "`a` is enough: with zeros in place of `b` little is lost."
    )


def test_an_error_of_nearly_nothing():
    """In an exact additive model, what is left is rounding."""
    report = dataclasses.replace(
        result({"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 1.0}, 5e-8, chance=None),
        higher_is_better=False,
        percent=False,
        intact=Measurement(5e-8, 4e-8, 6e-8),
        shuffled={
            "a": Measurement(1.0, 0.9, 1.1, 1.0, 0.9, 1.1),
            "b": Measurement(2.0, 1.9, 2.1, 2.0, 1.9, 2.1),
        },
        additive=Measurement(6e-8, 5e-8, 7e-8, 1e-8, 5e-9, 2e-8),
    )
    assert "only add up" in texts(report)["interaction"]


def test_a_rival_that_was_not_trained():
    report = result({"a": 0.3, "b": 0.6}, {"a": 0.6, "b": 0.3})
    report = dataclasses.replace(report, unimodal={"a": score(0.4)})
    assert texts(report)["unimodal"].endswith("(60%): was it trained?")


@pytest.mark.parametrize(
    "cost, alone, expected",
    [
        ((0.0, -0.01, 0.01), 0.12, "ignored"),
        ((0.01, 0.005, 0.015), 0.12, "ignored"),
        ((0.0, -0.01, 0.01), 0.88, "redundant"),
        ((0.02, -0.05, 0.09), 0.12, "unclear"),
        ((-0.2, -0.3, -0.1), 0.12, "misleading"),
        ((0.3, 0.2, 0.4), 0.12, "used"),
    ],
)
def test_what_is_done_with_a_modality(cost, alone, expected):
    report = result({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": alone})
    value = 0.9 - cost[0]
    changed = Measurement(value, value, value, *cost)
    shuffled = {**report.shuffled, "b": changed}
    report = dataclasses.replace(report, shuffled=shuffled)
    assert status(report, "b") == expected
    if expected not in ("used",):
        assert expected in texts(report)


def test_redundant_modalities():
    report = result({"a": 0.9, "b": 0.9}, {"a": 0.9, "b": 0.9})
    assert "no single modality is needed" in texts(report)["reliance"]
    unused = result({"a": 0.9, "b": 0.9}, {"a": 0.1, "b": 0.1})
    assert "no modality is shown to be used" in texts(unused)["reliance"]


def test_a_model_at_chance_is_said_first():
    report = result({"a": 0.1, "b": 0.1}, {"a": 0.1, "b": 0.1}, intact=0.11)
    found = find(report, (-0.1, 0.1))
    assert found[0].text.startswith(
        "The model is not shown to be better than always the most frequent "
        "class: accuracy 11% (9% to 13%) against 10%."
    )
    assert "action" not in [each.kind for each in found]


def test_few_examples_are_said():
    report = result({"a": 0.5, "b": 0.9}, {"a": 0.9, "b": 0.5}, num_examples=12)
    assert texts(report)["few"].startswith("Only 12 examples")


def test_missing_modalities():
    report = result({"a": 0.4, "b": 0.4}, {"a": 0.4, "b": 0.4})
    missing = {"zero": {"a": score(0.3), "b": score(0.5)}}
    report = dataclasses.replace(report, missing=missing)
    found = texts(report)
    assert found["missing"] == (
        "With zeros in place of a modality, accuracy falls from 90% to 30% "
        "without `a`, 50% without `b`."
    )
    assert "If `a` can be missing in use" in found["action"]
    assert '"dropout")`' in found["action"]
    for needs, taps in (("taps", 'taps="auto"'), (None, "taps={...}")):
        found = texts(dataclasses.replace(report, noise_needs=needs))
        assert f'"dropout", {taps})`' in found["action"]


def probe(value, gain):
    """A linear probe that is better than a constant answer by `gain`."""
    ends = {"cost_low": -gain - 0.02, "cost_high": -gain + 0.02}
    return dataclasses.replace(score(value), cost=-gain, **ends)


def probed(report, probes):
    """The report with probes, of which the model is paired with each."""
    sign = 1 if report.higher_is_better else -1
    gaps = {
        name: score(report.intact.value, report.intact.value) for name in probes
    }
    for name, gap in gaps.items():
        cost = sign * (probes[name].value - report.intact.value)
        ends = {"cost_low": cost - 0.02, "cost_high": cost + 0.02}
        gaps[name] = dataclasses.replace(gap, cost=cost, **ends)
    return dataclasses.replace(report, baselines=probes, baseline_gaps=gaps)


def test_probes():
    report = result({"a": 0.3, "b": 0.9}, {"a": 0.9, "b": 0.2})
    better = {"a": probe(0.97, 0.87), "b": probe(0.6, 0.5)}
    found = find(probed(report, better), (0.5, 0.7))
    sentences = [each.text for each in found]
    assert (
        "The model does not reach a linear probe on `a` (90% against 97%)."
        in sentences
    )
    assert any(each.startswith("`b` could tell more") for each in sentences)
    # Of an error, less is better.
    errors = dataclasses.replace(
        result({"a": 0.9, "b": 0.3}, {"a": 0.3, "b": 1.0}, 0.3, chance=1.0),
        higher_is_better=False,
        shuffled={"a": Measurement(0.9, 0.8, 1.0, 0.6, 0.5, 0.7)}
        | {"b": Measurement(0.3, 0.29, 0.31)},
    )
    probes = {"a": probe(0.2, 0.8), "b": probe(0.5, 0.5)}
    sentences = texts(probed(errors, probes))
    assert "does not reach a linear probe on `a`" in sentences["baseline"]
    assert sentences["unread"].startswith("`b` could tell more")
    constant = {"a": probe(0.2, 0.8), "b": probe(0.5, 0.0)}
    noise = texts(probed(errors, constant))
    assert "unread" not in noise
    worse = {"a": probe(0.5, 0.4), "b": probe(0.5, 0.4)}
    found = texts(probed(report, worse))
    assert "beats every linear probe" in found["baseline"]


def test_a_probe_is_compared_pairwise():
    # The intervals of the scores overlap; that of the difference is above 0.
    report = result({"a": 0.3, "b": 0.88}, {"a": 0.9, "b": 0.2})
    close = probed(report, {"b": probe(0.93, 0.8)})
    assert "does not reach" in texts(close)["baseline"]
    tie = probed(report, {"b": probe(0.91, 0.8)})
    assert texts(tie)["baseline"] == (
        "The model is not shown to beat a linear probe on `b` (90% against "
        "91%, a difference of -3 to 1 points)."
    )


@pytest.mark.parametrize(
    ("shuffled", "alone", "unread"),
    [
        (0.90, 0.2, True),  # Ignored.
        (0.89, 0.2, True),  # Unclear.
        (0.80, 0.1, True),  # Used a little, by itself a constant answer.
        (0.80, 0.3, False),
    ],
)
def test_what_the_model_reads_too_little_of(shuffled, alone, unread):
    report = result({"a": 0.3, "b": shuffled}, {"a": 0.8, "b": alone})
    found = texts(probed(report, {"b": probe(0.88, 0.78)}))
    assert ("unread" in found) == unread


def test_what_the_model_does_better_without_is_the_suspect():
    report = result({"a": 0.5, "b": 0.84}, {"a": 0.84, "b": 0.5}, intact=0.84)
    missing = {"zero": {"a": score(0.96, 0.84), "b": score(0.84, 0.84)}}
    report = dataclasses.replace(report, missing=missing)
    found = [(each.kind, each.text) for each in find(report, (0.1, 0.5))]
    assert any("does better without it" in text for _, text in found)
    assert not any("little is lost" in t for k, t in found if k == "missing")
    (action,) = [text for kind, text in found if kind == "action"]
    assert action.startswith("If `a` may mislead, train with")
    assert 'ModalityShuffle(["a"])' in action
    assert action.endswith("Compare with a model without `a`.")
    # Unless it does better still with that one alone.
    alone = {"a": score(0.99, 0.84), "b": score(0.5, 0.84)}
    found = texts(dataclasses.replace(report, alone=alone))
    assert 'ModalityShuffle(["b"])' in found["action"]


@pytest.mark.parametrize(
    "value, level, text",
    [
        (0.80, "good", "Fusion beats a model of `b` only (90% against 80%)."),
        (
            0.89,
            "note",
            "Fusion and a model of `b` only are a tie (90% against 89%, a "
            "difference of -1 to 3 points).",
        ),
        (
            0.95,
            "bad",
            "Fusion does not beat a model of `b` only (90% against 95%).",
        ),
    ],
)
def test_models_of_one_modality_only(value, level, text):
    report = result({"a": 0.40, "b": 0.55}, {"a": 0.55, "b": 0.40})
    own = {"a": score(0.5), "b": score(value)}
    found = find(dataclasses.replace(report, unimodal=own), (0.1, 0.2))
    (finding,) = [each for each in found if each.kind == "unimodal"]
    assert (finding.level, finding.text) == (level, text)


def test_many_modalities_are_not_all_listed():
    costs = {f"m{index}": 0.3 + 0.05 * index for index in range(9)}
    text = texts(result(costs, costs))["reliance"]
    assert "`m4` 40, others at most 35" in text


def test_one_modality():
    report = result({"a": 0.2}, {"a": 0.9})
    assert "the only modality" in find(report, None)[0].text


def test_a_model_that_does_better_without_a_modality():
    report = result({"a": 0.4, "b": 0.4}, {"a": 0.4, "b": 0.4}, intact=0.8)
    missing = {"zero": {"a": score(0.3), "b": score(0.99, intact=0.8)}}
    report = dataclasses.replace(report, missing=missing)
    texts = [
        f.text for f in find(report, (0.01, 0.2)) if f.kind == "misleading"
    ]
    assert any("does better without it" in text for text in texts)


def measured(cost, low, high, intact=0.9):
    value = intact - cost
    return Measurement(value, value, value, cost, low, high)


@pytest.mark.parametrize("fill, words", [("zero", "zeros"), ("noise", "noise")])
@pytest.mark.parametrize(
    "costs, level, text",
    [
        (
            [(0.0, -0.01, 0.01), (0.01, 0.005, 0.02)],
            "good",
            "With {} in place of any one modality little is lost.",
        ),
        (
            [(0.08, 0.06, 0.1), (0.01, 0.005, 0.02)],
            "note",
            "With {} in place of a modality, accuracy falls from 90% to 82% "
            "without `a`.",
        ),
        (
            [(0.08, 0.06, 0.1), (0.2, 0.1, 0.3)],
            "bad",
            "With {} in place of a modality, accuracy falls from 90% to 70% "
            "without `b`, 82% without `a`.",
        ),
        (
            [(0.17, 0.0, 0.33), (0.0, -0.1, 0.1)],
            "note",
            "It is unclear what is lost with {} in place of a modality: 17 "
            "points (0 to 33) without `a`, 0 points (-10 to 10) without `b`. "
            "More examples would tell.",
        ),
    ],
)
def test_what_is_lost_without_a_modality(fill, words, costs, level, text):
    report = result({"a": 0.4, "b": 0.4}, {"a": 0.4, "b": 0.4})
    missing = {
        fill: dict(zip("ab", (measured(*c) for c in costs), strict=True))
    }
    report = dataclasses.replace(report, missing=missing)
    found = [
        each for each in find(report, (0.1, 0.2)) if each.kind == "missing"
    ]
    assert [(each.level, each.text) for each in found] == [
        (level, text.format(words))
    ]


def test_what_is_lost_and_what_may_be_are_told_apart():
    report = result({"a": 0.4, "b": 0.4}, {"a": 0.4, "b": 0.4})
    nan = float("nan")
    missing = {
        "zero": {"a": measured(0.2, 0.1, 0.3), "b": measured(0.1, 0.0, 0.2)},
        "mean": {"a": measured(nan, nan, nan), "b": measured(0.0, -0.01, 0.01)},
    }
    report = dataclasses.replace(report, missing=missing)
    found = [
        each for each in find(report, (0.1, 0.2)) if each.kind == "missing"
    ]
    assert [each.level for each in found] == ["bad", "note"]
    assert "70% without `a`." in found[0].text
    assert "modality: 10 points (0 to 20) without `b`." in found[1].text


@pytest.mark.parametrize(
    "cost, expected",
    [
        ((0.0, -0.02, 0.02), "ignored"),
        ((0.0, -0.1, 0.1), "unclear"),
        ((0.01, 0.001, 0.15), "unclear"),
    ],
)
def test_only_a_narrow_interval_tells_what_is_ignored(cost, expected):
    report = result({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.12})
    shuffled = {**report.shuffled, "b": measured(*cost)}
    report = dataclasses.replace(report, shuffled=shuffled)
    assert status(report, "b") == expected


def test_what_may_gain_much_when_shuffled_is_not_ignored():
    report = result(
        {"a": 0.5, "b": 0.93},
        {"a": 0.93, "b": 0.25},
        missing={"a": 0.5, "b": 0.9},
    )
    gain = dataclasses.replace(
        report.shuffled["b"], cost_low=-0.08, cost_high=0.01
    )
    report = dataclasses.replace(
        report, shuffled={**report.shuffled, "b": gain}
    )
    assert status(report, "b") == "unclear"


def test_what_differs_has_a_digit_for_it():
    report = result({"a": 0.5, "b": 0.4}, {"a": 0.5, "b": 0.4}, intact=0.904)
    own = Measurement(0.896, 0.89, 0.90, 0.008, 0.002, 0.012)
    found = texts(dataclasses.replace(report, unimodal={"a": own}))
    assert "(90.4% against 89.6%)" in found["unimodal"]


def test_a_modality_that_takes_most_may_be_a_shortcut():
    """Though the others are used, too."""
    report = result({"a": 0.3, "b": 0.5}, {"a": 0.6, "b": 0.4})
    found = find(report, (0.1, 0.3))
    assert found[0].level == "note" and "most of all `a`" in found[0].text
    assert texts(report)["action"].startswith("If `a` is a shortcut")


def test_nothing_is_advised_where_modalities_are_combined():
    report = result({"a": 0.1, "b": 0.1}, {"a": 0.1, "b": 0.11})
    missing = {"zero": {"a": score(0.1), "b": score(0.1)}}
    report = dataclasses.replace(report, missing=missing)
    found = texts(report)
    assert "missing" in found and "action" not in found


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_labels_of_a_regression_are_not_averaged(task):
    report = result({"a": 0.3, "b": 0.9}, {"a": 0.9, "b": 0.3})
    report = dataclasses.replace(report, task=task)
    advised = texts(report)["action"]
    assert ("mix" in advised) == (task == "classification")
    assert "noise" in advised and advised.endswith(".")


def test_strengths_behind_a_shut_gate_are_no_advice():
    report = result({"a": 0.3, "b": 0.9}, {"a": 0.9, "b": 0.3})
    methods = ["mix", "noise"]
    report = dataclasses.replace(report, methods=methods, idle=methods)
    advised = [e.text for e in find(report, (0.5, 0.6)) if e.kind == "action"]
    assert advised[0].startswith("If `a` is a shortcut, train with")
    assert "other strengths" not in advised[0]
    assert "The gates of `mix` and `noise` are shut" in advised[1]


def test_a_probe_at_chance_tells_nothing():
    report = result({"a": 0.3, "b": 0.9}, {"a": 0.9, "b": -1.0}, chance=0.0)
    probes = {"a": score(0.5), "b": score(-0.01)}
    assert "unread" not in texts(probed(report, probes))


def test_accuracy_of_rare_classes():
    report = result(
        {"a": 0.5, "b": 0.8}, {"a": 0.8, "b": 0.5}, intact=0.85, chance=0.95
    )
    text = find(report, (0.1, 0.5))[0].text
    assert "does worse than always the most frequent class" in text
    assert "`include=['per_class']`" in text
    report = dataclasses.replace(report, task="binary classification")
    assert "`metric='auc'`" in find(report, (0.1, 0.5))[0].text


@pytest.mark.parametrize(
    ("task", "takes_gate", "noise", "mix"),
    [
        ("classification", True, True, True),
        ("multi-label classification", True, False, False),
        ("dense classification", False, False, False),
        ("classification", False, False, False),
        ("regression", False, False, False),
    ],
)
def test_what_a_model_would_refuse_is_no_advice(task, takes_gate, noise, mix):
    report = result({"a": 0.3, "b": 0.88}, {"a": 0.88, "b": 0.3})
    report = dataclasses.replace(report, task=task, takes_gate=takes_gate)
    text = texts(report)["action"]
    assert "ModalityShuffle" in text
    assert ('"noise"' in text, '"mix"' in text) == (noise, mix)


@pytest.mark.parametrize(
    ("needs", "advice"),
    [
        ("nothing", 'RegularizedModel(inner, "noise")'),
        ("taps", 'RegularizedModel(inner, "noise", taps="auto")'),
        (None, None),
    ],
)
def test_noise_where_inputs_are_ids(needs, advice):
    report = result({"a": 0.3, "b": 0.88}, {"a": 0.88, "b": 0.3})
    text = texts(dataclasses.replace(report, noise_needs=needs))["action"]
    assert "ModalityShuffle" in text
    assert "noise" not in text if advice is None else advice in text


def test_what_has_to_be_combined_is_not_compared_with_one_of_its_parts():
    report = result({"a": 0.1, "b": 0.1, "u": 0.9}, dict.fromkeys("abu", 0.1))
    found = texts(report)
    assert "they have to be combined" in found["fusion"]
    assert "unimodal" not in found["fusion"]
    alone = {name: score(0.5) for name in "abu"}
    for chance in (None, 0.7):  # Of a loss: not known, and better.
        report = dataclasses.replace(
            report, alone=alone, chance=chance, higher_is_better=False
        )
        assert "combined" not in texts(report)["fusion"]


@pytest.mark.parametrize(
    ("cost", "level", "text"),
    [
        ((0.2, 0.1, 0.3), "note", "are used together"),
        ((0.0, -0.01, 0.01), "note", "only add up"),
        ((-0.07, -0.1, -0.04), "bad", "together misleads"),
        ((-0.02, -0.1, 0.02), "note", "unclear whether interaction"),
    ],
)
def test_interaction(cost, level, text):
    report = result({"a": 0.5, "b": 0.8}, {"a": 0.8, "b": 0.5})
    gap, low, high = cost
    additive = dataclasses.replace(
        score(0.9 - gap), cost=gap, cost_low=low, cost_high=high
    )
    report = dataclasses.replace(report, additive=additive)
    (found,) = [f for f in find(report, (0.1, 0.5)) if f.kind == "interaction"]
    assert found.level == level
    assert text in found.text


@pytest.mark.parametrize(
    ("missing", "expected"), [(0.88, "redundant"), (0.2, "ignored")]
)
def test_what_replaces_another_modality_is_not_ignored(missing, expected):
    # Shuffled, `a` outvotes `b`; left out, it does not.
    report = result(
        {"a": 0.2, "b": 0.9},
        {"a": 0.9, "b": 0.2},
        missing={"a": missing, "b": 0.9},
    )
    assert status(report, "b") == expected
    found = texts(report)
    if expected == "redundant":
        assert found["redundant"] == (
            "`b` is not needed (shuffling it costs 0 points (-2 to 2)), but "
            "replaces `a`: with zeros in place of that, accuracy is 88%."
        )


def test_what_harms_is_not_ignored():
    report = result(
        {"a": 0.3, "b": 0.9},
        {"a": 0.9, "b": 0.1},
        missing={"a": 0.3, "b": 0.95},
    )
    assert status(report, "b") == "harmful"
    (found,) = [e for e in find(report, (0.5, 0.7)) if e.kind == "misleading"]
    assert found.level == "note" and "does better without it" in found.text
    # At chance, the way out is told nevertheless.
    report = result(
        {"a": 0.1, "b": 0.1},
        {"a": 0.1, "b": 0.1},
        intact=0.1,
        missing={"a": 0.1, "b": 0.9},
    )
    found = texts(report)
    assert "does worse" in found["chance"] or "is not shown" in found["chance"]
    assert 'ModalityShuffle(["b"])' in found["action"]


def test_what_rounding_leaves_is_no_gain():
    rest = dataclasses.replace(score(0.9, margin=1e-9), cost=-1e-9)
    rest = dataclasses.replace(rest, cost_low=-2e-9, cost_high=-1e-10)
    report = result({"a": 0.9, "b": 0.9}, {"a": 0.9, "b": 0.9})
    report = dataclasses.replace(
        report,
        shuffled={"a": rest, "b": rest},
        alone={"a": rest, "b": rest},
        unimodal={"a": rest},
    )
    found = find(report, (0.0, 0.0))
    assert not [each.text for each in found if each.level == "bad"]


def test_synergy_of_a_binary_classification():
    report = result(
        {"a": 0.5, "b": 0.48}, {"a": 0.48, "b": 0.5}, intact=1.0, chance=0.5
    )
    for task in ("classification", "binary classification"):
        found = texts(dataclasses.replace(report, task=task), (-0.02, 0.05))
        assert "have to be combined" in found["fusion"]
        assert "action" not in found


def test_a_tie_has_no_shortcut():
    costs = {"a": 0.3, "b": 0.32}
    report = result(costs, {"a": 0.32, "b": 0.3})
    (action,) = [
        e.text for e in find(report, (-0.02, 0.05)) if e.kind == "action"
    ]
    assert "shortcut" not in action


def test_inputs_that_were_not_asked_for_may_be_needed():
    report = result(
        {"a": 0.9, "c": 0.9},
        {"a": 0.5, "c": 0.5},
        missing={"a": 0.9, "c": 0.9},
        unasked=["b"],
    )
    found = texts(report)
    assert "is enough" not in found["fusion"]
    assert found["missing"] == (
        "With zeros in place of `a` or `c` little is lost."
    )


def test_groups_would_tell():
    report = result({"a": 0.5, "b": 0.88}, {"a": 0.88, "b": 0.1})
    wide = dataclasses.replace(
        report.shuffled["b"], cost_low=-0.2, cost_high=0.2
    )
    report = dataclasses.replace(
        report, shuffled={**report.shuffled, "b": wide}
    )
    assert "More examples would" in texts(report)["unclear"]
    report = dataclasses.replace(report, num_groups=40)
    assert "More groups would" in texts(report)["unclear"]


def test_doubt_where_shuffling_harms_nothing_is_no_miscalibration():
    report = result({"a": 0.3, "b": 0.95}, {"a": 0.95, "b": 0.3})
    errors = {"intact": 0.1, "a": 0.12, "b": 0.4}
    report = dataclasses.replace(report, calibration=errors)
    assert "calibration" not in texts(report)
    errors = {"intact": 0.1, "a": 0.4, "b": 0.1}
    report = dataclasses.replace(report, calibration=errors)
    assert "stays sure" in texts(report)["calibration"]


def test_all_that_is_lost_is_told():
    names = "abcdefg"
    report = result(
        dict.fromkeys(names, 0.6), dict.fromkeys(names, 0.2), chance=0.1
    )
    assert "less without others" in texts(report)["missing"]


def test_rare_classes_and_a_constant_answer():
    report = result(
        {"a": 0.95, "b": 0.95},
        {"a": 0.95, "b": 0.95},
        intact=0.95,
        chance=0.95,
    )
    report = dataclasses.replace(report, task="binary classification")
    assert "`metric='auc'`" in texts(report)["chance"]


def test_the_better_model_of_one_modality_is_advised():
    report = result(
        {"a": 0.3, "b": 0.6},
        {"a": 0.6, "b": 0.3},
        intact=0.6,
        missing={"a": 0.3, "b": 0.6},
    )
    own = dataclasses.replace(report, unimodal={"a": score(0.9, 0.6)})
    action = texts(own)["action"]
    assert "If `b` may mislead" in action
    assert action.endswith("Or use the model of `a` alone.")
    missing = {"zero": {"a": score(0.3, 0.6), "b": score(0.8, 0.6)}}
    unread = dataclasses.replace(
        report, missing=missing, unimodal={"b": score(0.4, 0.6)}
    )
    action = texts(unread)["action"]
    assert action.endswith("Compare with a model without `b`.")
