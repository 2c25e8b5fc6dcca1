import dataclasses
import html.parser
import pathlib
import re
import shutil
import struct
import subprocess

import pytest

from keras_mmreg.report import modality_report
from tests.report.toys import color_reader
from tests.report.toys import colored

pytestmark = pytest.mark.once

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed"
)
VOID = {"meta", "br", "rect", "line", "circle", "path", "polygon", "polyline"}


class Outline(html.parser.HTMLParser):
    """Checks nesting; keeps headings, labels and links."""

    def __init__(self):
        super().__init__()
        self.open, self.headings, self.attributes = [], [], []

    def handle_starttag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def report():
    x, y = colored(120)
    return modality_report(
        color_reader(), (x, y), include="all", num_bootstraps=50
    )


@pytest.fixture(scope="module")
def page(report):
    return report.to_html()


def test_the_page_is_well_formed_and_needs_no_network(page):
    outline = Outline()
    outline.feed(page)
    assert not outline.open
    tags = {tag for tag, _ in outline.attributes}
    assert not tags & {"script", "link", "img", "iframe"}
    assert "http" not in page and "url(" not in page
    assert len(page) < 100_000


def test_the_page_is_accessible(page):
    outline = Outline()
    outline.feed(page)
    assert outline.headings[0] == 1 and outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)
    ids = [each["id"] for _, each in outline.attributes if "id" in each]
    assert len(ids) == len(set(ids))
    for tag, attributes in outline.attributes:
        if tag == "section":
            assert attributes["aria-labelledby"] in ids
        if attributes.get("role") == "img":
            assert attributes["aria-label"]
        if tag == "th":
            assert attributes["scope"] in ("row", "col")
    assert '<html lang="en">' in page and "width=device-width" in page


def test_names_are_escaped(report):
    name = '<script>alert("x")</script>'
    page = dataclasses.replace(report, model=name).to_html()
    assert "<script" not in page


@pytest.fixture(scope="module")
def browse(page, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chromium")
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")

    def run(*arguments):
        done = subprocess.run(
            [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}"]
            + [*arguments, path.as_uri()],
            capture_output=True,
            timeout=120,
            check=True,
            text=True,
        )
        return done.stdout

    return run


@needs_chromium
def test_a_browser_shows_what_a_person_looks_for(browse):
    shown = re.sub("<style>.*?</style>", "", browse("--dump-dom"), flags=re.S)
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", shown))
    for sought in (
        "What was found",
        "the prediction rests on color",
        "relied on",
        "What to try",
        "All numbers",
        "How it was measured",
        "120 examples",
    ):
        assert sought in text, sought


@needs_chromium
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_draws_the_page(browse, tmp_path, width):
    path = tmp_path / "page.png"
    browse(f"--screenshot={path}", f"--window-size={width},900")
    header = pathlib.Path(path).read_bytes()[:24]
    assert struct.unpack(">II", header[16:24]) == (width, 900)
    assert path.stat().st_size > 20_000, "an empty page is smaller"
