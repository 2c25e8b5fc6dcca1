import pathlib

import pytest

from keras_mmreg.report import ModalityReport
from keras_mmreg.report import modality_report
from tests.report.toys import color_reader
from tests.report.toys import colored

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def report():
    x, y = colored(120)
    return modality_report(
        color_reader(), (x, y), include="all", num_bootstraps=50
    )


def test_json_round_trip(report, tmp_path):
    path = tmp_path / "report.json"
    text = report.to_json(path)
    assert ModalityReport.from_json(text).to_json() == text
    again = ModalityReport.from_json(path)
    assert again.shuffled == report.shuffled
    assert again.findings == report.findings
    assert again.summary() == report.summary()
    assert again.to_html() == report.to_html()


@pytest.mark.parametrize("text", ["{}", "[]", '"report"'])
def test_other_json_is_refused(text):
    with pytest.raises(ValueError, match="`text` must be the JSON"):
        ModalityReport.from_json(text)


def test_the_summary_fits_a_terminal(report):
    lines = report.summary().splitlines()
    assert lines[0] == 'Modalities of "reader"'
    assert "the prediction rests on `color`" in " ".join(
        line.strip() for line in lines
    )
    row = next(line for line in lines if line.startswith("color"))
    assert row.split()[:2] == ["color", "shuffled"]
    assert row.endswith("relied on")
    assert all(len(line) <= 79 for line in lines if "Noise" not in line)
    assert str(report) == report.summary()


def test_the_figure_has_a_mark_for_each_score(report):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure = report.plot()
    (ax,) = figure.axes
    assert [each.get_text() for each in ax.get_yticklabels()] == [
        "color",
        "shape",
    ]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [
        "shuffled",
        "alone",
        "missing (zeros)",
        "intact",
        "constant answer",
    ]
    _, ax = pyplot.subplots()
    assert report.plot(ax) is ax.figure
    pyplot.close("all")


def test_the_page_is_written(report, tmp_path):
    path = tmp_path / "report.html"
    assert report.to_html(path) == pathlib.Path(path).read_text("utf-8")
