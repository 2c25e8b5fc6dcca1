import dataclasses
import pathlib

import pytest

from applications.colored_mnist import study
from applications.colored_mnist import tables
from applications.colored_mnist import training
from applications.common import records

FOLDER = pathlib.Path(study.__file__).parent
PUBLISHED = FOLDER / "results" / "main.jsonl"


def test_smoke(capsys):
    study.main(["--smoke"])
    printed = capsys.readouterr().out
    assert "| Fisher information (Eq. 12) |" in printed
    assert "colors permuted" in printed


def test_the_published_table(capsys):
    study.main(["--table", str(PUBLISHED)])
    readme = (FOLDER / "README.md").read_text()
    assert capsys.readouterr().out.strip() in readme


def test_every_option_of_the_penalty_is_recorded():
    args = study.parse_arguments(
        ["--method", "fisher", "none", "--seeds", "0", "1", "--amsgrad"]
    )
    all_runs = study.all_settings(args)
    assert [(each.seed, each.method) for each in all_runs] == [
        (0, "fisher"),
        (0, "none"),
        (1, "fisher"),
        (1, "none"),
    ]
    record = all_runs[0].record()
    assert record["strength"] == record["regularizer"]["strength"] == 0.3
    assert record["regularizer"]["bound"] == "paper"
    assert record["regularizer"]["reduction"] == "inverse_sum"
    assert record["amsgrad"] and record["learning_rate"] == 0.01
    assert "regularizer" not in all_runs[1].record()


def test_options_reach_the_regularizer():
    settings = training.Settings(
        method="poincare",
        strength=1.0,
        stddev=0.5,
        cross_entropy="reversed",
        penalty_epochs=3,
    )
    built = training.regularizer(settings)
    assert built.stddev == 0.5 and built.cross_entropy == "reversed"
    assert float(built.schedule(0, 2)) == 1.0
    assert float(built.schedule(0, 3)) == 0.0


def test_changes_are_named():
    run = dataclasses.asdict(
        training.Settings(epochs=80, amsgrad=True, restart_optimizer=(3,))
    )
    assert tables.changes(run) == (
        ", Adam restarts after 3 epochs, AMSGrad, 80 epochs"
    )


def test_two_runs_of_one_setting_are_refused(tmp_path):
    path = tmp_path / "runs.jsonl"
    record = records.read_records(PUBLISHED)[0]
    records.write_records(path, [record, record])
    with pytest.raises(SystemExit, match="two runs of the same method"):
        study.main(["--figures", str(path), "--output", str(tmp_path)])
