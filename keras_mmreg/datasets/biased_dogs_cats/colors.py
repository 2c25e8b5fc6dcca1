"""The images of Kaggle's Dogs vs. Cats that are in TB1 and TB2.

Kim et al. sorted the 25,000 animals by hand into bright, dark and other.
TB1 has the bright dogs and the dark cats, TB2 the dark dogs and the bright
cats; the others are in neither.
"""

import pathlib

import numpy as np

from keras_mmreg.datasets import reading

SPECIES = ("cat", "dog")
SETS = ("tb1", "tb2")
# For each species an array with an entry for each of Kaggle's numbers: 0 for
# other, 1 for bright, 2 for dark. Derived from the authors' `list_bright.txt`
# and `list_dark.txt`.
COLORS_PATH = pathlib.Path(__file__).parent / "colors.npz"

_BRIGHT, _DARK = 1, 2
_COLOR_OF = {
    "tb1": {"cat": _DARK, "dog": _BRIGHT},
    "tb2": {"cat": _BRIGHT, "dog": _DARK},
}


def kaggle_ids(name: str) -> dict[str, np.ndarray]:
    """Returns Kaggle's numbers of a set's cats and dogs, in ascending order."""
    colors = reading.read_arrays(COLORS_PATH, SPECIES, reading.MEBIBYTE)
    return {
        species: np.flatnonzero(colors[species] == _COLOR_OF[name][species])
        for species in SPECIES
    }
