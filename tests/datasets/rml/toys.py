"""A tiny copy of RML: short clips of four subjects."""

from tests.datasets import clips

NAMES = (
    "rml-1/s1/an1",
    "rml-1/s1/ha1",
    "rml-1/s2/english/su2",
    "rml-2/s6/fe1",
    "rml-2/S7/di1",
    "rml-2/s8/sa10",
)


def save(folder, names=NAMES, **options):
    for index, name in enumerate(names):
        color = (40 * index, 100)
        clips.save(folder / f"{name}.avi", color, (320, 240), **options)
    return folder
