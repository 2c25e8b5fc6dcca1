"""The studies over many problems run from end to end, on random data."""

import pytest

from applications.benchmarks import first_contact
from applications.common import problems
from applications.comparison import study
from applications.comparison.measure import Job
from applications.comparison.measure import run
from applications.comparison.methods import METHODS
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


@pytest.mark.parametrize(
    ("name", "method"),
    [
        # Features with positions, and token ids, which cannot be decoded.
        ("av_digits_one_speaker", "cm_vqvae"),
        ("tweets", "cm_vqvae"),
        ("tweets", "disentangled"),
        ("tweets", "noise_mix_doubt"),
        ("tweets", "label_smoothing"),
        ("tweets", "spectral_decoupling"),
        ("tweets", "ume"),
        ("tweets", "blending"),
    ],
)
@pytest.mark.filterwarnings("ignore:The held-out data do not tell")
def test_rows_that_are_wired_in_their_own_way(name, method):
    job = Job("test", name, method, METHODS[method].values[-1], 0, 1)
    results, _ = run(job, None)
    columns = results["accuracy"]
    assert {"intact", "gray"} <= set(results["by_group"]) <= set(columns)
    assert any(column.startswith("alone_") for column in columns)
    single = {f"single_{modality}" for modality in problems.get(name).shapes}
    assert (single <= set(columns)) == (method == "ume")
