"""A tutorial as cells of prose and code."""

import ast
import pathlib
import re
from dataclasses import dataclass
from dataclasses import field


@dataclass
class Cell:
    """A string that stands by itself is prose; what is between is code.

    Attributes:
        text: The prose, or the source.
        code: The statements, empty in a cell of prose.
        output: What they printed.
        figures: The PNG files that they wrote.
    """

    text: str
    code: list[ast.stmt] = field(default_factory=list)
    output: str = ""
    figures: list[bytes] = field(default_factory=list)


@dataclass
class Script:
    """A tutorial, and what came of running it."""

    path: pathlib.Path
    title: str
    description: str
    note: str
    cells: list[Cell]
    seconds: float = 0.0

    @property
    def conclusion(self) -> str:
        """The last line that it printed: what was seen."""
        lines = [
            line for cell in self.cells for line in cell.output.splitlines()
        ]
        return next((line for line in reversed(lines) if line.strip()), "")


HEADER = re.compile(
    r"\s*Title: (?P<title>.*?)\n"
    r"Description: (?P<description>.*?)\n"
    r"(?P<note>Runs .*?)\n"
    r"\s*(?P<prose>.*)",
    re.DOTALL,
)


def read_script(path: pathlib.Path) -> Script:
    """Reads a tutorial, whose first string is `Title: ... Description: ...`.

    Raises:
        ValueError: If it does not begin like this.
    """
    source = path.read_text(encoding="utf-8")
    first, *cells = split(source)
    header = HEADER.fullmatch(first.text + "\n")
    if header is None or first.code:
        raise ValueError(
            f"{path} must begin with a string of 'Title: ...', 'Description: "
            f"...' and 'Runs ...'. Received: {first.text[:80]!r}"
        )
    if header["prose"].strip():
        cells.insert(0, Cell(header["prose"]))
    return Script(
        path=path,
        title=header["title"],
        description=" ".join(header["description"].split()),
        note=header["note"],
        cells=cells,
    )


def split(source: str) -> list[Cell]:
    """Cuts a source into cells."""
    lines = source.splitlines()
    cells: list[Cell] = []
    end = 0  # Of what has been put into cells, in lines.

    def close(line: int) -> None:
        text = "\n".join(lines[end:line]).strip("\n")
        if cells and cells[-1].code:
            cells[-1].text = text

    for node in ast.parse(source).body:
        is_prose = (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
        if is_prose:
            close(node.lineno - 1)
            cells.append(Cell(node.value.value.strip("\n")))
            end = node.end_lineno
        else:
            if not cells or not cells[-1].code:
                cells.append(Cell(""))
            cells[-1].code.append(node)
    close(len(lines))
    return cells
