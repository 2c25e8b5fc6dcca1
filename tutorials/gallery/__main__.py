"""The command that renders all tutorials: `python -m tutorials.gallery`."""

import argparse
import pathlib
import sys

from tutorials.gallery.pages import render_index
from tutorials.gallery.pages import render_page
from tutorials.gallery.running import run
from tutorials.gallery.script import read_script

FOLDER = pathlib.Path(__file__).parents[1]
TUTORIALS = (
    "quickstart",
    "diagnose",
    "choose",
    "missing",
    "three_modalities",
    "text_and_image",
    "cm_vqvae",
    "segmentation",
    "watching",
    "devices",
)
"""In the order in which they are best read."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tutorials.gallery")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"what to render, of {', '.join(TUTORIALS)}; all by default",
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("gallery"),
        help="the folder for the pages; by default %(default)s",
    )
    parser.add_argument(
        "--smoke", action="store_true", help="run them for a moment only"
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(TUTORIALS))
    if unknown:
        parser.error(f"unknown tutorials: {', '.join(unknown)}")
    options.output.mkdir(parents=True, exist_ok=True)
    scripts, failed = [], []
    for name in options.names or TUTORIALS:
        print(f"{name} ...", end=" ", flush=True)
        script = read_script(FOLDER / f"{name}.py")
        error = run(script, ["--smoke"] if options.smoke else [])
        if error:
            failed.append(name)
            print(f"failed:\n{error}")
            continue
        page = options.output / f"{name}.html"
        page.write_text(render_page(script), encoding="utf-8")
        scripts.append(script)
        print(f"{script.seconds:.0f} s")
    index = options.output / "index.html"
    index.write_text(render_index(scripts), encoding="utf-8")
    print(f"See {index}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
