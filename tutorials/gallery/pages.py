"""The pages of the gallery, each one file that needs no network."""

import base64
import contextlib
import importlib.util
import pathlib
from html import escape

from tutorials.gallery import prose
from tutorials.gallery.script import Cell
from tutorials.gallery.script import Script

STYLE = (pathlib.Path(__file__).parent / "style.css").read_text("utf-8")
HAS_PYGMENTS = importlib.util.find_spec("pygments") is not None


def render_page(script: Script) -> str:
    """A tutorial with what its cells printed and drew."""
    body = f"""<header>
<p class="eyebrow"><a href="index.html">keras_mmreg tutorials</a></p>
<h1>{escape(script.title)}</h1>
<p class="lead">{escape(script.description)}</p>
<p class="note">{escape(script.note)} It took {script.seconds:.0f} seconds
for this page: <code>python tutorials/{script.path.name}</code></p>
</header>
<main>
{"".join(_cell(cell, script) for cell in script.cells)}
</main>"""
    return _document(script.title, body)


def render_index(scripts: list[Script]) -> str:
    """A list of the tutorials, each with its sentence and a figure."""
    cards = "\n".join(_card(script) for script in scripts)
    body = f"""<header class="wide">
<h1>keras_mmreg tutorials</h1>
<p class="lead">One question each, answered offline in two minutes at most.</p>
</header>
<main class="cards wide">
{cards}
</main>"""
    return _document("keras_mmreg tutorials", body)


def _document(title: str, body: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}{_highlighting()}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _card(script: Script) -> str:
    figures = [png for cell in script.cells for png in cell.figures]
    image = _figure(figures[-1], script) if figures else ""
    return f"""<article>
<h2><a href="{script.path.stem}.html">{escape(script.title)}</a></h2>
<p>{escape(script.description)}</p>
{image}
<p class="seen">{prose.inline(script.conclusion)}</p>
</article>"""


def _cell(cell: Cell, script: Script) -> str:
    if not cell.code:
        return prose.render(cell.text)
    output = cell.output.strip("\n")
    return "\n".join(
        [
            f'<pre class="code">{_highlighted(cell.text)}</pre>',
            f'<pre class="output">{escape(output, quote=False)}</pre>'
            if output.strip()
            else "",
            *(_figure(png, script) for png in cell.figures),
        ]
    )


def _figure(png: bytes, script: Script) -> str:
    data = base64.b64encode(png).decode()
    alt = escape(f"A figure of: {script.title}")
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'


def _highlighted(source: str) -> str:
    if not HAS_PYGMENTS:
        return escape(source, quote=False)
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip()


def _highlighting() -> str:
    """The colors of code, by day and by night."""
    if not HAS_PYGMENTS:
        return ""
    from pygments.formatters import HtmlFormatter
    from pygments.util import ClassNotFound

    rules = {}
    for key, style in (("light", "xcode"), ("dark", "github-dark")):
        with contextlib.suppress(ClassNotFound):
            formatter = HtmlFormatter(style=style)
            rules[key] = "\n".join(formatter.get_token_style_defs(".code"))
    return (
        rules.get("light", "")
        + "\n@media screen and (prefers-color-scheme: dark) {\n"
        + rules.get("dark", "")
        + "\n}\n"
    )
