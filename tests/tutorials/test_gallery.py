"""The command that renders tutorials, on a script of a few lines."""

import base64
import pathlib

import pytest

from tutorials.gallery import __main__ as command
from tutorials.gallery import pages
from tutorials.gallery import prose
from tutorials.gallery.script import read_script
from tutorials.gallery.script import split

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA"
    "60e6kgAAAABJRU5ErkJggg=="
)
TUTORIAL = f'''"""
Title: A pixel
Description: How a figure
    is made.
Runs offline at once.

## The question

Is `1 < 2`?
"""

import base64
import sys

"""
- one
- *two*
"""

print("smoke" if "--smoke" in sys.argv else "fire")
with open("pixel.png", "wb") as file:
    file.write(base64.b64decode("{PIXEL}"))
# A comment.

"""
The end.
"""

print("It is a pixel, and 1 < 2.")
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "pixel.py").write_text(TUTORIAL)
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "TUTORIALS", ("pixel", "broken"))
    return tmp_path


def test_a_source_is_cut_into_prose_and_code():
    first, imports, listed, drawing, end, last = split(TUTORIAL)
    assert imports.text == "import base64\nimport sys" and imports.code
    assert listed.text == "- one\n- *two*" and not listed.code
    assert drawing.text.startswith("print(")
    assert drawing.text.endswith("# A comment.")
    assert end.text == "The end."
    assert last.text == 'print("It is a pixel, and 1 < 2.")'


def test_the_header(folder):
    script = read_script(folder / "pixel.py")
    assert script.title == "A pixel"
    assert script.description == "How a figure is made."
    assert script.note == "Runs offline at once."
    (folder / "pixel.py").write_text('"""Something else."""')
    with pytest.raises(ValueError, match="must begin with"):
        read_script(folder / "pixel.py")


@pytest.mark.parametrize(
    "text, html",
    [
        ("## A `b`", "<h2>A <code>b</code></h2>"),
        ("- a\n  b\n- c", "<ul><li>a\n  b</li><li>c</li></ul>"),
        ("a:\n\n    b < c\n     d", "<p>a:</p>\n<pre>b &lt; c\n d</pre>"),
        (
            "**a** [b](c) `*`",
            '<p><strong>a</strong> <a href="c">b</a> <code>*</code></p>',
        ),
    ],
)
def test_prose(text, html):
    assert prose.render(text) == html


@pytest.mark.parametrize("has_pygments", [True, False])
def test_the_command(folder, capsys, monkeypatch, has_pygments):
    if has_pygments:
        pytest.importorskip("pygments")
    monkeypatch.setattr(pages, "HAS_PYGMENTS", has_pygments)
    arguments = ["pixel", "--smoke", "--output", str(folder / "out")]
    assert command.main(arguments) == 0
    page = (folder / "out" / "pixel.html").read_text()
    assert '<pre class="output">smoke</pre>' in page
    assert "1 &lt; 2" in page
    index = (folder / "out" / "index.html").read_text()
    assert "It is a pixel, and 1 &lt; 2." in index
    for html in (page, index):
        assert f"data:image/png;base64,{PIXEL}" in html
        assert "http" not in html and "<script" not in html
    assert page.index("fire") < page.index("base64,") < page.index("The end.")


def test_a_tutorial_that_fails_is_told_and_the_others_are_rendered(
    folder, capsys
):
    (folder / "broken.py").write_text(TUTORIAL.replace("print(", "nope("))
    assert command.main(["--output", str(folder / "out")]) == 1
    assert "is not defined" in capsys.readouterr().out
    pages = {path.name for path in pathlib.Path(folder, "out").iterdir()}
    assert pages == {"index.html", "pixel.html"}
    with pytest.raises(SystemExit):
        command.main(["nothing"])


def test_the_pixel():
    assert base64.b64decode(PIXEL).startswith(b"\x89PNG")
