"""The little of Markdown that the tutorials use, as HTML."""

import re
from html import escape

INLINE = (
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*(.+?)\*"), r"<em>\1</em>"),
    (re.compile(r"\[(.+?)\]\((.+?)\)"), r'<a href="\2">\1</a>'),
)


def inline(text: str) -> str:
    """`code`, **strong**, *emphasis* and [links](...)."""
    parts = escape(text, quote=False).split("`")
    for index, part in enumerate(parts):
        if index % 2:
            parts[index] = f"<code>{part}</code>"
            continue
        for pattern, replacement in INLINE:
            part = pattern.sub(replacement, part)
        parts[index] = part
    return "".join(parts)


def render(text: str) -> str:
    """Headings, paragraphs, lists and indented blocks."""
    return "\n".join(
        _block(block)
        for block in re.split(r"\n[ \t]*\n", text.strip("\n"))
        if block.strip()
    )


def _block(block: str) -> str:
    if block.startswith("    "):
        lines = [line.removeprefix("    ") for line in block.splitlines()]
        return f"<pre>{escape(chr(10).join(lines), quote=False)}</pre>"
    if block.startswith("## "):
        return f"<h2>{inline(block.removeprefix('## '))}</h2>"
    if block.startswith("- "):
        items = re.split(r"\n- ", block.removeprefix("- "))
        listed = "".join(f"<li>{inline(item)}</li>" for item in items)
        return f"<ul>{listed}</ul>"
    return f"<p>{inline(block)}</p>"
