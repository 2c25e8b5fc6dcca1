"""The studies of VQA and Social-IQ."""

import itertools
import json
import pathlib

import keras
import numpy as np
import PIL.Image
import pytest

from applications.common import search
from applications.common.bias import study as bias_study
from applications.common.bias.methods import METHODS
from applications.common.bias.methods import build
from applications.social_iq import data as social_iq
from applications.social_iq import study as social_iq_study
from applications.vqa import data as vqa
from applications.vqa import study as vqa_study


def test_smoke(capsys):
    vqa_study.main(["--smoke"])
    printed = capsys.readouterr().out
    assert "| LMH + noise | 0.5 |" in printed
    assert "| plain |  |" in printed and "shuffled image" in printed


@pytest.mark.parametrize("method", METHODS)
def test_rows(method):
    task = vqa.made_up(8)
    model = build(task, method)
    names = {tensor.name for tensor in model.inputs}
    assert ("bias" in names) == METHODS[method].mixin
    assert ("image" in names) == (method != "single")
    if METHODS[method].regularizer:
        METHODS[method].regularizer(METHODS[method].values[0])


def test_rows_of_the_studies():
    assert {*vqa_study.METHODS, *social_iq_study.METHODS} <= set(METHODS)


def test_balanced_weights():
    """Each pair of type and answer counts the same."""
    rows = {
        "type": np.array(["how", "how", "how", "what"]),
        "answer": np.array(["1", "1", "2", "1"]),
    }
    np.testing.assert_allclose(vqa.balanced(rows), [1 / 6, 1 / 6, 1 / 3, 1 / 3])


def test_answer_priors():
    rows = {"type": np.array(["a", "a", "b"]), "y": np.array([0, 2, 2])}
    np.testing.assert_allclose(
        vqa.answer_priors(rows, 3)(np.array(["b", "a", "c"])),
        [[0, 0, 1], [0.5, 0, 0.5], [1 / 3] * 3],
        rtol=1e-6,
    )


def test_answer_types():
    questions = ["how many chairs", "what is the color of x", "what is it"]
    found = vqa.daquar_answer_types(questions)
    assert found.tolist() == ["number", "color", "object"]
    assert vqa.question_type("what is the blue shape?") == "what shape"
    assert vqa.question_type("is there a circle?") == "is there"


def test_shifted_priors(tmp_path):
    """Four of five questions are on the side that their answer leans to."""
    answers = ["yes", "no"]
    for part in ("train", "test"):
        (tmp_path / part / "images").mkdir(parents=True)
        path = tmp_path / part / "images" / "0.png"
        PIL.Image.new("RGB", (8, 8)).save(path)
        rows = [["is it?", answer, 0] for answer in answers for _ in range(40)]
        (tmp_path / part / "questions.json").write_text(json.dumps(rows))
    shares = []
    for part in ("train", "test"):
        rows = vqa.shifted(
            tmp_path, part, 100, answers, np.random.default_rng(0)
        )
        assert rows["image"].shape == (50, 32, 32, 3)
        shares.append(np.bincount(rows["y"]).tolist())
    assert shares == [[10, 40], [40, 10]]


def test_scores_by_answer_type():
    columns = {
        "y": np.array([0, 1]),
        "answer_type": np.array(
            [
                ["corr", "matched", "matched", "rewrite"],
                ["rewrite", "corr", "matched", "matched"],
            ]
        ),
    }
    logits = np.array([[2.0, 1.0, 3.0, 0.0], [0.0, 5.0, 1.0, 1.0]])
    assert social_iq.by_answer_type(logits, columns) == {
        "accuracy": 0.5,
        "over matched": 0.75,
        "over rewrite": 1.0,
    }


def test_answers_are_scored_one_by_one():
    net = social_iq.create_net({"question": (5,), "answer": (4, 6)}, 9)
    inputs, _, logits = net(["question", "answer"])
    model = keras.Model(inputs, logits)
    x = {
        "question": np.ones((1, 5), "int32"),
        "answer": np.arange(24).reshape(1, 4, 6).astype("int32") % 9,
    }
    before = model.predict(x, verbose=0)
    x["answer"] = x["answer"][:, ::-1]
    np.testing.assert_allclose(
        model.predict(x, verbose=0)[:, ::-1], before, rtol=1e-5
    )


def test_search_takes_the_best_value():
    tried = []

    def measure(value):
        tried.append(value)
        return {"auto": 0.2, 1e-3: 0.7, 1.0: 0.1}[value]

    assert search.search(measure, ("auto", 1e-3, 1.0)) == 1e-3
    assert tried == ["auto", 1e-3, 1.0]


def test_the_chosen_strength():
    runs = [
        {"data": data, "method": "fisher", "select": select, "strength": value}
        | {"criterion": criterion}
        for (data, select), (value, criterion) in itertools.product(
            [("a", True), ("a", False), ("b", True)],
            [("auto", 0.5), (1e-6, 0.5), (1e-5, 0.4)],
        )
    ]
    assert bias_study.chosen(runs, "a", "fisher") == "auto"
    assert bias_study.chosen(runs, "a", "plain") is None
    with pytest.raises(SystemExit, match="run `--search` first"):
        bias_study.chosen(runs, "a", "mix")


def test_where_the_data_are():
    with pytest.raises(SystemExit, match="as `--social-iq`"):
        social_iq_study.main([])


@pytest.mark.parametrize("study", [vqa_study, social_iq_study])
def test_the_published_tables(study, capsys):
    folder = pathlib.Path(study.__file__).parent
    results = folder / "results" / f"{folder.name}.jsonl"
    study.main(["--table", str(results)])
    readme = (folder / "README.md").read_text()
    for table in capsys.readouterr().out.strip().split("\n\n"):
        assert table in readme
