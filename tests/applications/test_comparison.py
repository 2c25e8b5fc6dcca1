"""The studies over many problems run from end to end, on random data."""

import pytest

from applications.benchmarks import first_contact
from applications.common import problems
from applications.comparison import study
from keras_mmreg import regularizers


def test_first_contact(capsys):
    arguments = ["--smoke", "--problems", "text_numbers"]
    methods = ["--methods", "plain", "noise", "fisher"]
    assert first_contact.main([*arguments, *methods]) == 0
    assert "Text + numbers" in capsys.readouterr().out


def test_first_contact_knows_every_method_by_name():
    for method in regularizers.ALIASES:
        first_contact.recipe(method)
    assert set(first_contact.NEED_ENCODERS) <= set(regularizers.ALIASES)


def test_comparison():
    arguments = ["--smoke", "--problems", "synergy", "--seeds", "0"]
    study.main([*arguments, "--methods", "plain", "noise_mix"])


@pytest.mark.parametrize("name", problems.PROBLEMS)
def test_the_nets_fit_their_data(name):
    problem = problems.get(name)
    splits = problem.dummy(8)
    model = problem.build()
    outputs = model(splits.train.x)
    assert tuple(outputs.shape) == (8, problem.num_classes)
    assert set(problem.suspects) <= set(problem.modalities)


def test_unknown_problem():
    with pytest.raises(ValueError, match="`name` must be one of"):
        problems.get("nothing")


def test_held_out_groups_are_whole():
    problem = problems.get("utd_all")
    examples = problem.dummy(24).train
    kept, held_out = examples.hold_out(True, seed=0)
    assert not set(kept.groups) & set(held_out.groups)
    assert len(kept.y) + len(held_out.y) == 24
